"""Recognition-only share: against scipy, Wilson and theory, stub models whose truth is known, degenerate input."""

from __future__ import annotations

import time

import mc_marks
import numpy as np
import pytest
import scipy.stats
from statsmodels.stats.proportion import proportion_confint

from seepage.errors import NotTestable
from seepage.stats import clusters, recognition
from seepage.stats.recognition import Marks


def rng(seed: int = 3) -> np.random.Generator:
    return np.random.default_rng(seed)


def judged(marks: Marks, *, margin: float = 0.1, n_resamples: int = 1999) -> recognition.Recognition:
    return recognition.recognition(marks, margin=margin, n_resamples=n_resamples, rng=rng())


def marks_of(generated: object, picked: object, *, k: int = 4, stem: object = None, size: int = 1) -> Marks:
    y = np.asarray(generated, dtype=bool)
    return Marks(
        y,
        np.asarray(picked, dtype=bool),
        np.full(len(y), k),
        None if stem is None else np.asarray(stem, dtype=bool),
        mc_marks.clusters_of(len(y), size),
    )


# --- the stub models ------------------------------------------------------------------------------------------------


def test_a_model_that_is_always_right_recognises_nothing_only() -> None:
    found = judged(marks_of(np.ones(200), np.ones(200), stem=np.zeros(200)))
    assert found.classes == {"BB": 200, "RO": 0, "GO": 0, "NN": 0}
    assert (found.ro, found.low, found.high, found.pvalue) == (0.0, 0.0, 0.0, 1.0)
    assert (found.r, found.r_low, found.r_high) == (None, None, None)


def test_a_guesser_that_produces_nothing_right_has_a_quarter_in_raw_and_nothing_corrected() -> None:
    found = judged(mc_marks.guesser(1000, rng=rng()))
    assert found.classes["RO"] == pytest.approx(250, abs=45)
    assert found.low <= 0 <= found.high
    assert found.pvalue > 0.9


def test_a_guesser_over_items_of_different_k_is_not_pushed_below_nothing() -> None:
    shares = [
        recognition.share_of_all(True)(recognition.columns(mc_marks.guesser(3000, kind="3 to 10", rng=rng(s))).sum(0))
        for s in range(40)
    ]
    assert np.mean(shares) == pytest.approx(0, abs=0.01)


def test_a_perfect_recogniser_that_never_produces_is_found_whole() -> None:
    found = judged(marks_of(np.zeros(100), np.ones(100), stem=np.arange(100) % 4 == 0))
    assert (found.ro, found.low, found.high, found.r) == (1.0, 1.0, 1.0, 1.0)
    assert found.pvalue == 1 / 2000
    assert found.classes["RO"] == 100


def test_a_picker_that_never_reads_the_question_is_what_its_stem_says() -> None:
    right = np.arange(500) % 5 < 3
    found = judged(marks_of(np.zeros(500), right, stem=right))
    assert found.guess == pytest.approx(0.6)
    assert found.ro == pytest.approx(0)
    assert found.low <= 0 <= found.high
    assert found.pvalue == 1.0
    independent = judged(marks_of(np.zeros(500), rng().permutation(right), stem=right))
    assert independent.low <= 0 <= independent.high


@pytest.mark.parametrize(("right_on", "right_off"), [(0.1, 0.5), (0.5, 0.1)])
def test_a_shortcut_tied_to_what_is_generated_is_neither_accused_nor_overcorrected(
    right_on: float, right_off: float
) -> None:
    marks = mc_marks.blind(2000, short=0.45, right_on=right_on, right_off=right_off, rng=rng())
    found = judged(marks)
    assert found.low <= 0 <= found.high
    over_all = recognition.share_of_all(False)(recognition.columns(marks).sum(axis=0))
    assert abs(float(over_all)) > 0.12  # what the share over all items would have said


def test_a_picker_of_one_letter_is_right_on_exactly_its_share() -> None:
    gold = np.arange(400) % 4
    found = judged(marks_of(np.zeros(400), gold == 0, stem=gold == 0))
    assert found.classes["RO"] == 100
    assert (found.ro, found.r) == (0.0, 0.0)
    assert found.guess == 0.25


# --- theory and other implementations -------------------------------------------------------------------------------


def test_the_share_is_the_mean_of_the_corrected_items() -> None:
    marks = mc_marks.recogniser(300, share=0.2, kind="3 to 10", right=0.3, rng=rng())
    g = recognition.guess_rates(marks)
    terms = ~marks.generated * (marks.picked - g) / (1 - g)
    found = judged(marks)
    assert found.ro == pytest.approx(terms.mean())
    assert found.r == pytest.approx(terms.mean() / np.mean(~marks.generated))
    assert found.guess == pytest.approx(g.mean())
    assert sum(found.classes.values()) == found.n == found.n_clusters == 300


def test_with_one_k_the_guess_rate_is_the_larger_of_chance_and_the_stems_share() -> None:
    wrong = np.zeros(100)
    assert recognition.guess_rates(marks_of(wrong, wrong, stem=np.arange(100) < 60)) == pytest.approx(0.6)
    assert recognition.guess_rates(marks_of(wrong, wrong, stem=np.arange(100) < 10)) == pytest.approx(0.25)
    assert recognition.guess_rates(marks_of(wrong, wrong)) == pytest.approx(0.25)
    few = np.arange(100) >= 29  # 29 generated wrongly, all picked by the stem: too few for a rate of their own
    assert recognition.guess_rates(marks_of(few, wrong, stem=~few)) == pytest.approx(0.29)


def test_the_interval_of_single_items_is_scipys_bca() -> None:
    marks = marks_of(rng(1).random(150) < 0.3, rng(2).random(150) < 0.5)
    terms = ~marks.generated * recognition.above_chance(marks.picked, marks.options)
    theirs = scipy.stats.bootstrap((terms,), np.mean, n_resamples=40_000, method="BCa", rng=rng()).confidence_interval
    ours = judged(marks, n_resamples=40_000)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.008)  # draws lie on a lattice
    assert ours.se == pytest.approx(terms.std(ddof=1) / np.sqrt(150))


def test_bca_and_studentised_bootstrap_of_a_skewed_ratio_agree_with_plain_loops() -> None:
    x, y = rng(1).exponential(size=40), rng(2).exponential(size=40) + 1
    table = clusters.cluster_sums(np.stack([np.ones(40), x, y], axis=1), np.arange(40))

    def ratio(sums: np.ndarray) -> np.ndarray:
        return sums[..., 1] / sums[..., 2]

    draws = clusters.draw(table, n_resamples=20_000, rng=rng())
    theirs = scipy.stats.bootstrap(
        (x, y),
        lambda a, b, axis=-1: a.mean(axis) / b.mean(axis),
        paired=True,
        n_resamples=20_000,
        method="BCa",
        rng=rng(),
    ).confidence_interval
    assert clusters.bca(ratio, table, draws) == pytest.approx((theirs.low, theirs.high), abs=0.025)

    def t_of(i: np.ndarray, null: float) -> float:
        u = (x[i] - x[i].sum() / y[i].sum() * y[i]) / y[i].sum()
        return (x[i].sum() / y[i].sum() - null) / np.sqrt(40 / 39 * (u**2).sum())

    everything, point = np.arange(40), x.sum() / y.sum()
    loop = [t_of(rng(s).integers(0, 40, 40), point) for s in range(4000)]
    expected = np.mean(np.array(loop) >= t_of(everything, 0.3))
    assert clusters.studentised(ratio, table, draws, null=0.3) == pytest.approx(expected, abs=0.02)


def test_r_of_single_items_has_wilsons_interval_and_others_a_bootstrap_one() -> None:
    marks = marks_of(np.arange(200) < 100, np.arange(200) % 2)
    low, high = proportion_confint(50, 100, method="wilson")
    found = judged(marks)
    assert (found.r_low, found.r_high) == pytest.approx(((low - 0.25) / 0.75, (high - 0.25) / 0.75))
    clustered = judged(marks_of(np.arange(200) < 100, np.arange(200) % 4 < 2, size=2))
    assert clustered.r_high is not None
    assert found.r_high is not None
    assert clustered.r_high > found.r_high + 0.03  # pairs that agree carry half as much


def test_both_ways_of_drawing_clusters_have_the_same_distribution() -> None:
    columns = np.stack([np.ones(60), np.arange(60) % 5], axis=1).astype(float)
    few = clusters.cluster_sums(columns, np.arange(60))
    many = clusters.Clustered(columns, np.ones(60, dtype=np.int64))  # no type twice: indices are counted
    assert len(few.types) == 5
    one, other = (clusters.draw(table, n_resamples=20_000, rng=rng()) for table in (few, many))
    assert one.sums[:, 0].tolist() == [60.0] * 20_000
    assert scipy.stats.ks_2samp(one.sums[:, 1], other.sums[:, 1]).pvalue > 0.01
    assert one.squares.mean(axis=0) == pytest.approx(other.squares.mean(axis=0), rel=0.01)


def test_items_of_one_passage_widen_the_interval() -> None:
    """Passages of 5 at intra-class correlation .3 over 60 benches: items alone cover too rarely, clusters do not."""
    covered = {"items": 0, "clusters": 0}
    for seed in range(120):
        marks = mc_marks.recogniser(300, share=0.3, right=0.3, size=5, icc=0.3, rng=rng(seed))
        single = Marks(marks.generated, marks.picked, marks.options, marks.stem, np.arange(300))
        for name, chosen in (("items", single), ("clusters", marks)):
            found = judged(chosen, n_resamples=499)
            covered[name] += found.low <= 0.3 <= found.high
    assert covered["clusters"] >= scipy.stats.binom.ppf(0.005, 120, 0.93), covered
    assert covered["items"] <= scipy.stats.binom.ppf(0.995, 120, 0.88), covered
    assert covered["clusters"] > covered["items"]


def test_detectable_share_is_the_margin_and_two_quantiles_of_errors() -> None:
    assert recognition.detectable_share(0.0577, margin=0.1, alpha=0.05) == pytest.approx(0.2435, abs=1e-4)
    with pytest.raises(ValueError, match="alpha"):
        recognition.detectable_share(0.1, margin=0.1, alpha=1.0)


def test_ten_thousand_draws_of_a_thousand_items_take_well_under_a_second() -> None:
    marks = mc_marks.recogniser(1000, share=0.2, right=0.4, size=5, icc=0.3, kind="3 to 10", rng=rng())
    started = time.process_time()
    judged(marks, n_resamples=10_000)
    assert time.process_time() - started < 1.0


# --- degenerate -----------------------------------------------------------------------------------------------------


def test_the_same_rng_gives_the_same_result() -> None:
    marks = mc_marks.recogniser(150, share=0.2, right=0.4, rng=rng())
    assert judged(marks) == judged(marks)


def test_one_cluster_or_options_that_tell_the_answer_cannot_be_tested() -> None:
    with pytest.raises(NotTestable, match="1 cluster"):
        judged(marks_of(np.zeros(100), np.ones(100), size=100))
    with pytest.raises(NotTestable, match="without the question"):
        judged(marks_of(np.zeros(100), np.ones(100), stem=np.ones(100)))


def test_no_result_is_ever_a_hole() -> None:
    for generated in (0.0, 0.5, 0.95, 1.0):
        for picked in (0.0, 0.5, 1.0):
            for stem in (0.0, 0.6, 0.97):
                y = [rng(i).random(60) < share for i, share in enumerate((generated, picked, stem))]
                found = judged(marks_of(y[0], y[1], stem=y[2], size=6), n_resamples=199)
                numbers = [found.ro, found.low, found.high, found.pvalue, found.se, found.guess]
                numbers += [] if found.r is None else [found.r, found.r_low, found.r_high]
                assert np.isfinite(numbers).all(), found
                assert found.low <= found.high
                assert 0 < found.pvalue <= 1


def test_nothing_recognised_has_no_spread_and_no_evidence() -> None:
    found = judged(marks_of(np.zeros(100), np.zeros(100)))
    assert found.ro == pytest.approx(-1 / 3)
    assert found.pvalue == 1.0


def test_marks_of_different_lengths_and_single_options_are_refused() -> None:
    with pytest.raises(ValueError, match="one length"):
        Marks(np.ones(3, bool), np.ones(2, bool), np.full(3, 4), None, np.arange(3))
    with pytest.raises(ValueError, match="at least 1"):
        marks_of([], [])
    with pytest.raises(ValueError, match="2 options"):
        marks_of([1, 0], [1, 0], k=1)


def test_a_recogniser_that_fails_on_five_items_has_the_smallest_p_there_is() -> None:
    """A draw that holds none of the five has no spread; it must not count as one that reaches the observed t."""
    picked = np.ones(240, dtype=bool)
    picked[:5] = False
    marks = Marks(np.zeros(240, dtype=bool), picked, np.full(240, 4), None, np.arange(240))
    found = recognition.recognition(marks, margin=0.10, n_resamples=9_999, rng=np.random.default_rng(0))
    assert found.pvalue == pytest.approx(1e-4)
    assert found.low > 0.9
