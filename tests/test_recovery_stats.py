"""pass@k and rank signs: against enumeration, scipy and theory, a sampler that spreads wide, and the edges."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from seepage.errors import NotTestable
from seepage.stats import recovery


def rng(seed: int = 7) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_pass_at_k_is_the_share_of_all_choices_of_k_samples_that_hold_a_right_one() -> None:
    for m, c in itertools.product(range(1, 8), range(8)):
        for k in range(1, m + 1) if c <= m else ():
            held = [any(i < c for i in chosen) for chosen in itertools.combinations(range(m), k)]
            assert recovery.pass_at_k(m, c, k) == pytest.approx(np.mean(held))


def test_pass_at_k_is_not_the_plug_in() -> None:
    assert recovery.pass_at_k(20, 2, 5) == pytest.approx(0.447, abs=5e-4)
    plug_in = 1 - (1 - 2 / 20) ** 5
    assert plug_in == pytest.approx(0.410, abs=5e-4)


def test_pass_at_k_is_unbiased() -> None:
    p, m, k = 0.1, 20, 5
    mean = sum(binom.pmf(c, m, p) * recovery.pass_at_k(m, c, k) for c in range(m + 1))
    assert mean == pytest.approx(1 - (1 - p) ** k)


def test_pass_at_k_at_its_edges_and_for_many_samples() -> None:
    assert recovery.pass_at_k(20, 0, 10) == 0.0
    assert recovery.pass_at_k(20, 16, 5) == 1.0
    assert recovery.pass_at_k(20, 15, 5) < 1.0
    exact = 1 - math.comb(99_990, 1000) / math.comb(100_000, 1000)
    assert recovery.pass_at_k(100_000, 10, 1000) == pytest.approx(exact)
    for m, c, k in ((20, 21, 5), (20, -1, 5), (20, 2, 0), (20, 2, 21)):
        with pytest.raises(ValueError, match="1 <= k <= m"):
            recovery.pass_at_k(m, c, k)


def test_the_sign_test_of_ranks_is_the_binomial_one_without_ties() -> None:
    gold = np.array([1] * 30 + [40] * 18 + [7] * 5)
    heldout = np.array([90] * 30 + [3] * 18 + [7] * 5)
    found = recovery.sign_test_ranks(gold, heldout)
    assert (found.wins, found.losses, found.ties) == (30, 18, 5)
    assert found.pvalue == pytest.approx(binomtest(30, 48, alternative="greater").pvalue)
    assert found.share == 30 / 48


def test_only_ties_are_no_evidence_and_no_share() -> None:
    found = recovery.sign_test_ranks(np.full(9, 4), np.full(9, 4))
    assert (found.ties, found.pvalue, found.share) == (9, 1.0, None)
    assert recovery.sign_test_ranks(np.array([], dtype=int), np.array([], dtype=int)).pvalue == 1.0


def test_a_sampler_that_spreads_wide_recovers_gold_no_oftener_than_the_heldout_answer() -> None:
    counts = rng().binomial(20, 0.15, size=(2, 150))
    gold, heldout = (np.array([recovery.pass_at_k(20, int(c), 5) for c in row]) for row in counts)
    assert gold.mean() > 0.4
    assert recovery.sign_test(gold, heldout).pvalue > 0.05
    known = np.array([recovery.pass_at_k(20, int(c), 5) for c in rng().binomial(20, 0.4, size=150)])
    assert recovery.sign_test(known, heldout).pvalue < 1e-6


def test_ranks_are_described_by_median_log_and_shares_within_limits() -> None:
    found = recovery.describe_ranks(np.array([1, 2, 3, 10, 100, 1000]))
    assert (found.n, found.median) == (6, 6.5)
    assert found.mean_log10 == pytest.approx(np.log10([1, 2, 3, 10, 100, 1000]).mean())
    assert found.within == pytest.approx({1: 1 / 6, 2: 2 / 6, 5: 3 / 6, 10: 4 / 6, 50: 4 / 6})
    with pytest.raises(NotTestable, match="no rank"):
        recovery.describe_ranks(np.array([], dtype=int))


def test_an_answer_is_demoted_erased_or_unclear() -> None:
    found = recovery.labels(
        np.array([10, 11, 5000, 5000, 5000, 1000, 1001]),
        recovered=np.array([0, 0, 1, 0, 0, 0, 0], dtype=bool),
        picked=np.array([0, 1, 0, 0, 1, 0, 0], dtype=bool),
    )
    assert found == ("demoted", "unclear", "demoted", "erased", "unclear", "unclear", "erased")


def test_ranks_that_count_from_nought_are_refused() -> None:
    with pytest.raises(ValueError, match="count from 1"):
        recovery.describe_ranks(np.array([0, 1]))
    with pytest.raises(ValueError, match="count from 1"):
        recovery.sign_test_ranks(np.array([1, 0]), np.array([2, 2]))
    with pytest.raises(ValueError, match="two sides"):
        recovery.sign_test(np.array([1, 2]), np.array([1]))
