"""Dense model against its twin: McNemar, whole-cluster flips and the interaction, against others and the stub pairs."""

from __future__ import annotations

import itertools

import mc_marks
import numpy as np
import pytest
from scipy.stats import binomtest
from statsmodels.stats.contingency_tables import mcnemar as their_mcnemar

from seepage.errors import NotTestable
from seepage.stats import compression
from seepage.stats.recognition import Marks


def rng(seed: int = 5) -> np.random.Generator:
    return np.random.default_rng(seed)


def compared(dense: Marks, twin: Marks, *, n_resamples: int = 999) -> compression.Interaction:
    return compression.interaction(dense, twin, n_resamples=n_resamples, rng=rng())


@pytest.mark.parametrize(("lost", "gained"), [(0, 0), (5, 0), (0, 5), (12, 4), (7, 7), (60, 41)])
def test_mcnemar_is_the_exact_binomial_test_of_others(lost: int, gained: int) -> None:
    before = np.array([True] * lost + [False] * gained + [True, False] * 20)
    after = np.array([False] * lost + [True] * gained + [True, False] * 20)
    found = compression.mcnemar(before, after)
    assert (found.lost, found.gained) == (lost, gained)
    expected = binomtest(lost, lost + gained, alternative="greater").pvalue if lost + gained else 1.0
    assert found.pvalue == pytest.approx(expected, rel=1e-12)
    if lost > gained:
        theirs = their_mcnemar([[20, lost], [gained, 20]], exact=True).pvalue
        assert found.pvalue == pytest.approx(theirs / 2)


def test_five_lost_and_none_gained_are_the_fewest_at_a_twentieth() -> None:
    def p(lost: int) -> float:
        return compression.mcnemar(np.ones(lost, bool), np.zeros(lost, bool)).pvalue

    fewest = [next(n for n in range(1, 30) if p(n) <= alpha) for alpha in (0.05, 0.05 / 20, 0.05 / 60)]
    assert fewest == [5, 9, 11]


def test_flipping_clusters_of_one_item_is_mcnemar() -> None:
    before, after = rng(1).random(300) < 0.6, rng(2).random(300) < 0.5
    flipped = compression.cluster_flip(before, after, np.arange(300))
    assert flipped == pytest.approx(compression.mcnemar(before, after).pvalue, rel=1e-9)


def test_flipping_clusters_agrees_with_all_sign_patterns() -> None:
    labels = np.arange(60) // 5
    before, after = rng(1).random(60) < 0.7, rng(2).random(60) < 0.55
    sums = np.bincount(labels, weights=before.astype(float) - after)
    patterns = np.array(list(itertools.product((-1, 1), repeat=12))) @ sums
    assert compression.cluster_flip(before, after, labels) == pytest.approx(np.mean(patterns >= sums.sum() - 1e-9))
    order = rng().permutation(60)
    assert compression.cluster_flip(before[order], after[order], labels[order] * 7) == pytest.approx(
        compression.cluster_flip(before, after, labels)
    )


def test_nothing_lost_has_p_one_by_both_tests() -> None:
    same = rng().random(40) < 0.5
    assert compression.mcnemar(same, same).pvalue == 1.0
    assert compression.cluster_flip(same, same, np.arange(40) // 4) == 1.0


def test_loss_by_whole_passages_is_weaker_evidence_than_by_items() -> None:
    before, labels = np.ones(50, bool), np.arange(50) // 5
    after = labels >= 4  # four passages lost
    assert compression.cluster_flip(before, after, labels) == pytest.approx(1 / 16)
    assert compression.mcnemar(before, after).pvalue < 1e-5


@pytest.mark.parametrize("size", [1, 5])
def test_a_twin_that_is_the_dense_model_lost_nothing(size: int) -> None:
    dense = mc_marks.recogniser(200, share=0.2, right=0.4, size=size, icc=0.3 * (size > 1), rng=rng())
    found = compared(dense, dense)
    assert (found.value, found.low, found.high, found.pvalue, found.se) == (0, 0, 0, 1, 0)
    assert (found.net_drop, found.mc_drop) == (0, 0)
    table = np.array(found.table)
    assert table.sum() == np.trace(table) == 200


def test_equal_loss_of_knowledge_fakes_an_illusion_only_without_the_correction() -> None:
    naive, ours = [], []
    for seed in range(30):
        dense, twin = mc_marks.pair(1000, before=0.9, after=0.6, rng=rng(seed))
        found = compared(dense, twin, n_resamples=99)
        naive.append(found.net_drop - (dense.picked.mean() - twin.picked.mean()))
        ours.append(found.value)
    assert np.mean(naive) == pytest.approx(0.075, abs=0.01)
    assert np.mean(ours) == pytest.approx(0, abs=0.01)


def test_equal_loss_covers_nothing_also_where_only_one_model_has_shortcuts() -> None:
    for short in ((0.0, 0.0), (0.45, 0.45), (0.45, 0.0), (0.0, 0.45)):
        covered = sum(
            (found := compared(*mc_marks.pair(400, before=0.9, after=0.6, short=short, rng=rng(seed)))).low
            <= 0
            <= found.high
            for seed in range(40)
        )
        assert covered >= 34, (short, covered)  # binomial: 34 of 40 or fewer has chance .02 at .95


def test_answers_lost_in_words_only_are_the_interaction() -> None:
    dense, twin = mc_marks.pair(2000, before=0.8, after=0.7, lost_only_in_words=0.2, rng=rng())
    found = compared(dense, twin)
    assert found.value == pytest.approx(0.2, abs=0.04)
    assert found.net_drop == pytest.approx(0.3, abs=0.04)
    assert found.low > 0.1
    assert found.pvalue == 0.001
    assert found.net_drop_low < found.net_drop < found.net_drop_high
    assert found.value == pytest.approx(found.net_drop - found.mc_drop)


def test_where_both_guess_alike_the_interaction_is_the_specifications() -> None:
    dense, twin = mc_marks.pair(500, before=0.8, after=0.5, rng=rng())
    bare = [Marks(m.generated, m.picked, m.options, None, m.clusters) for m in (dense, twin)]
    drop = dense.picked.mean() - twin.picked.mean()
    assert compared(*bare).value == pytest.approx(0.3 - drop / 0.75, abs=0.06)
    assert compared(*bare).mc_drop == pytest.approx(drop / 0.75)


def test_the_transition_table_counts_every_item_once() -> None:
    dense, twin = mc_marks.pair(333, before=0.7, after=0.4, short=(0.2, 0.1), rng=rng())
    table = np.array(compression.transitions(dense, twin))
    assert table.sum() == 333
    assert table[:2].sum() + table[2:].sum() == 333
    assert table[[0, 2]].sum() == dense.generated.sum()
    assert table[:, [0, 1]].sum() == twin.picked.sum()


def test_a_pair_of_other_items_or_with_one_stem_arm_is_refused() -> None:
    dense = mc_marks.guesser(50, rng=rng())
    with pytest.raises(ValueError, match="same items"):
        compared(dense, mc_marks.guesser(49, rng=rng()))
    with pytest.raises(ValueError, match="same items"):
        compared(dense, mc_marks.guesser(50, size=5, rng=rng()))
    bare = Marks(dense.generated, dense.picked, dense.options, None, dense.clusters)
    with pytest.raises(ValueError, match="stem arm"):
        compared(dense, bare)
    with pytest.raises(ValueError, match="one length"):
        compression.mcnemar(np.ones(3, bool), np.ones(2, bool))


def test_one_cluster_cannot_be_compared() -> None:
    marks = mc_marks.guesser(50, size=50, rng=rng())
    with pytest.raises(NotTestable, match="at least 2"):
        compared(marks, marks)
