"""Nothing to find is found no oftener than the level says, and what is planted is found: 200 seeds a design.

Rejections at .05 may number 17 for a guesser at margin 0 (the chance of more is .012), 19 elsewhere (99 % binomial
band). docs/calibration-mc-generation.md has the same at full size.
"""

from __future__ import annotations

from collections.abc import Callable

import mc_marks
import numpy as np
import pytest
from scipy.stats import binom

from seepage.stats import calibration
from seepage.stats.compression import cluster_flip, interaction, mcnemar
from seepage.stats.recognition import Marks, recognition

SEEDS = 200
DRAWS = 399  # p = .05 is then 20 of 400
MOST_GUESSED = 17
MOST = calibration.bounds(SEEDS)[1]  # 19
STRUCTURES = [(1, 0.0), (5, 0.3)]  # items a passage, intra-class correlation


def rejections(marks: Callable[[np.random.Generator], Marks], *, margin: float) -> int:
    rngs = [np.random.default_rng([20, seed]) for seed in range(SEEDS)]
    return sum(recognition(marks(rng), margin=margin, n_resamples=DRAWS, rng=rng).pvalue <= 0.05 for rng in rngs)


def test_the_bound_of_a_guesser_is_rarely_passed_by_chance() -> None:
    assert binom.sf(MOST_GUESSED, SEEDS, 0.05) == pytest.approx(0.012, abs=0.001)
    assert MOST == 19


@pytest.mark.parametrize(("size", "icc"), STRUCTURES)
@pytest.mark.parametrize("kind", ["4", "3 to 10"])
def test_a_guesser_is_not_accused_at_margin_nought(kind: str, size: int, icc: float) -> None:
    found = rejections(lambda rng: mc_marks.guesser(200, kind=kind, size=size, icc=icc, right=0.3, rng=rng), margin=0.0)
    assert found <= MOST_GUESSED


@pytest.mark.parametrize(("size", "icc"), STRUCTURES)
def test_a_share_at_the_margin_is_found_no_oftener_than_the_level(size: int, icc: float) -> None:
    found = rejections(
        lambda rng: mc_marks.recogniser(200, share=0.1, right=0.4, size=size, icc=icc, rng=rng), margin=0.1
    )
    assert found <= MOST


@pytest.mark.parametrize(("right_on", "right_off"), [(0.1, 0.5), (0.5, 0.1), (0.3, 0.3)])
def test_a_picker_that_never_reads_the_question_is_not_accused(right_on: float, right_off: float) -> None:
    found = rejections(
        lambda rng: mc_marks.blind(200, short=0.45, right_on=right_on, right_off=right_off, rng=rng), margin=0.0
    )
    assert found <= MOST


@pytest.mark.parametrize(("size", "icc"), STRUCTURES)
def test_a_planted_recogniser_is_found(size: int, icc: float) -> None:
    found = rejections(
        lambda rng: mc_marks.recogniser(200, share=0.3, right=0.4, size=size, icc=icc, rng=rng), margin=0.1
    )
    assert found >= 0.8 * SEEDS


def pairs(size: int = 1, **asked: object) -> list[tuple[float, float, float]]:
    """(p of the interaction, of McNemar, of flipped clusters) for every seed."""
    found = []
    for seed in range(SEEDS):
        rng = np.random.default_rng([21, seed])
        dense, twin = mc_marks.pair(200, size=size, icc=0.3 * (size > 1), rng=rng, **asked)
        p = interaction(dense, twin, n_resamples=DRAWS, rng=rng).pvalue
        lost = mcnemar(dense.generated, twin.generated).pvalue
        found.append((p, lost, cluster_flip(dense.generated, twin.generated, dense.clusters)))
    return found


@pytest.mark.parametrize("short", [(0.0, 0.0), (0.45, 0.0), (0.0, 0.45)])
def test_an_equal_loss_of_knowledge_is_no_illusion(short: tuple[float, float]) -> None:
    found = pairs(before=0.9, after=0.6, short=short)
    assert sum(max(p, lost) <= 0.05 for p, lost, _ in found) <= MOST
    assert sum(lost <= 0.05 for _, lost, _ in found) == SEEDS  # the loss itself is there


def test_answers_that_only_waver_are_not_lost() -> None:
    found = pairs(before=0.6, after=0.6, noise=0.3)
    for place in range(3):
        assert sum(p[place] <= 0.05 for p in found) <= MOST


def test_answers_that_waver_by_whole_passages_are_not_lost_when_passages_are_flipped() -> None:
    flipped = items = 0
    for seed in range(SEEDS):
        rng = np.random.default_rng([22, seed])
        clusters = mc_marks.clusters_of(200, 5)
        before, after = (mc_marks.categories((0.5,), clusters, icc=0.5, rng=rng) == 0 for _ in range(2))
        flipped += cluster_flip(before, after, clusters) <= 0.05
        items += mcnemar(before, after).pvalue <= 0.05
    assert flipped <= MOST
    assert items > MOST


@pytest.mark.parametrize("size", [1, 5])
def test_a_planted_loss_in_words_only_is_found(size: int) -> None:
    found = pairs(size=size, before=0.7, after=0.6, lost_only_in_words=0.25)
    assert sum(max(p, flipped) <= 0.05 for p, _, flipped in found) >= 0.8 * SEEDS
