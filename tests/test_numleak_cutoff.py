"""Before and after a training cutoff: which dates count, what is compared, and what the verdict may say."""

from __future__ import annotations

import dataclasses
import datetime
import itertools
from collections.abc import Callable

import numpy as np
import pytest

from seepage.errors import BadSpec, NotTestable
from seepage.hypotheses import numleak_cutoff as cutoff
from seepage.hypotheses.numleak_cutoff_rates import slow, white
from seepage.policy import NumleakPolicy
from seepage.records import Answer, Generate, Generated, ModelInfo, Outcome, digest
from seepage.series.record import Series
from seepage.stats.contrast import boundary, contrast

INFO = ModelInfo(spec="stub:", digest="d", chat=True, end_of_turn="<end>")
POLICY = dataclasses.replace(NumleakPolicy(), phrasings=0)
CUTOFF = ("2023-07",)
SERIES = white(np.random.default_rng(1))
REFUSAL = "I cannot give that figure."


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def judged(
    series: Series, say: Callable[[int, bool], str], *, alpha: float = 0.01, stated: tuple[str, ...] = CUTOFF
) -> Outcome:
    """Judge a model that says `say(index, after)` for each date."""
    plan = cutoff.requests(series, info=INFO, policy=POLICY, rng=rng(), cutoff=stated)
    sides = cutoff.split(series, cutoff=stated, policy=POLICY)
    place = {label: index for index, label in enumerate(series.labels)}
    answers: dict[str, Answer] = {}
    for tag in plan:
        index = place[tag.split("/")[1]]
        answers[tag] = Generated(say(index, index in sides.after), "stop", 5)
    return cutoff.judge(series, answers, info=INFO, policy=POLICY, alpha=alpha, rng=rng(), cutoff=stated)


def truth(series: Series, index: int) -> str:
    value = series.values[index]
    assert value is not None
    return series.format(value)


def test_dates_are_divided_by_period_end_and_by_publication_with_margins() -> None:
    sides = cutoff.split(SERIES, cutoff=("2023-06", "2023-08"), policy=POLICY)
    assert sides.ends == datetime.date(2022, 11, 30)  # six months before the earliest estimate
    assert sides.begins == datetime.date(2023, 11, 30)  # three months after the latest
    labels = SERIES.labels
    assert labels[sides.before[-1]] == "2022-11"
    assert [labels[sides.near[0]], labels[sides.near[-1]]] == ["2022-12", "2023-10"]  # 30 November is not later
    assert labels[sides.after[0]] == "2023-11"
    assert len(sides.before) + len(sides.near) + len(sides.after) == len(SERIES)


def test_a_late_publication_moves_a_date_behind_the_cutoff() -> None:
    late = dataclasses.replace(SERIES, lag_days=400)
    more = cutoff.split(late, cutoff=CUTOFF, policy=POLICY).after
    assert len(more) > len(cutoff.split(SERIES, cutoff=CUTOFF, policy=POLICY).after)


def test_holes_belong_to_no_side_and_shift_no_date() -> None:
    values = list(SERIES.values)
    values[-3] = None
    holed = dataclasses.replace(SERIES, values=tuple(values))
    whole, sides = (cutoff.split(s, cutoff=CUTOFF, policy=POLICY) for s in (SERIES, holed))
    assert set(whole.after) - set(sides.after) == {len(SERIES) - 3}


def test_dates_by_lot_the_latest_sixty_before_and_all_after_are_asked() -> None:
    plan = cutoff.requests(SERIES, info=INFO, policy=POLICY, rng=rng(), cutoff=CUTOFF)
    sides = cutoff.split(SERIES, cutoff=CUTOFF, policy=POLICY)
    wanted = {f"A/{SERIES.labels[i]}" for i in (*sides.before[-60:], *sides.after)}
    assert wanted <= set(plan)
    early = [tag for tag in plan if tag < f"A/{SERIES.labels[sides.before[-60]]}"]
    assert 60 <= len(early) <= 120  # of 120 by lot, some are among the latest 60
    assert len(plan) == len(early) + 60 + len(sides.after)
    assert all(isinstance(r, Generate) for r in plan.values())
    assert not {f"A/{SERIES.labels[i]}" for i in sides.near} & set(plan)


def test_recall_that_ends_in_refusals_is_significant_and_named() -> None:
    outcome = judged(SERIES, lambda i, after: REFUSAL if after else truth(SERIES, i))
    assert outcome.pvalue is not None
    assert outcome.pvalue <= 0.01
    assert outcome.effects[0].met
    assert outcome.statistic == pytest.approx(1.0, abs=0.3)
    assert "refuses past the boundary" in outcome.finding
    assert "drawn from a seed, last 2024-12" in outcome.finding


def test_recall_that_ends_in_guesses_is_significant_and_named() -> None:
    draw = np.random.default_rng(3)
    outcome = judged(SERIES, lambda i, after: SERIES.format(draw.normal(0.5, 4.5)) if after else truth(SERIES, i))
    assert outcome.pvalue is not None
    assert outcome.pvalue <= 0.01
    assert outcome.effects[0].met
    assert "guesses past the boundary" in outcome.finding


def test_recall_on_both_sides_shows_no_boundary() -> None:
    outcome = judged(SERIES, lambda i, after: truth(SERIES, i))
    assert outcome.pvalue is not None
    assert outcome.pvalue > 0.01
    assert "shows no boundary" in outcome.finding


def test_a_guesser_that_refuses_after_the_cutoff_is_not_accused() -> None:
    """The fall in parse rate alone is refusal policy."""
    draw = np.random.default_rng(3)
    outcome = judged(SERIES, lambda i, after: REFUSAL if after else SERIES.format(draw.normal(0.5, 4.5)))
    assert outcome.pvalue is not None
    assert outcome.pvalue > 0.5
    assert "refuses past the boundary" in outcome.finding
    assert outcome.statistic < 0  # a refusal is worth more than a bad guess


def test_carrying_the_last_value_forward_is_not_accused_on_a_slow_series() -> None:
    series = slow(np.random.default_rng(5))
    outcome = judged(series, lambda i, after: REFUSAL if after else truth(series, i - 1))
    assert outcome.pvalue is not None
    assert outcome.pvalue > 0.05


def test_no_stated_cutoff_is_a_reason_and_no_guess() -> None:
    with pytest.raises(NotTestable, match="no training cutoff is stated"):
        cutoff.requests(SERIES, info=INFO, policy=POLICY, rng=rng(), cutoff=())
    with pytest.raises(BadSpec, match="'soon' is not a month"):
        cutoff.requests(SERIES, info=INFO, policy=POLICY, rng=rng(), cutoff=("soon",))


def test_too_few_dates_after_the_cutoff_name_the_package_its_version_and_the_last_date() -> None:
    cpi = dataclasses.replace(SERIES, id="cpi", vintage="cpi 2.1.0")
    with pytest.raises(NotTestable, match=r"cpi from cpi 2\.1\.0 ends with 2024-12: 8 of its figures") as refused:
        cutoff.requests(cpi, info=INFO, policy=POLICY, rng=rng(), cutoff=("2024-02",))
    assert "at least 12 are needed" in str(refused.value)


def test_too_little_history_before_the_cutoff_is_a_reason() -> None:
    with pytest.raises(NotTestable, match="blocks of 12 periods before"):
        cutoff.requests(SERIES, info=INFO, policy=POLICY, rng=rng(), cutoff=("1993-01",))


def test_a_model_that_refuses_before_the_cutoff_too_cannot_be_tested() -> None:
    with pytest.raises(NotTestable, match=r"0 of [0-9]+ replies on dates before the cutoff hold a figure"):
        judged(SERIES, lambda i, after: REFUSAL)


def test_the_outcome_is_plain_enough_to_be_stored_and_drawn() -> None:
    outcome = judged(SERIES, lambda i, after: REFUSAL if after else truth(SERIES, i))
    digest(dataclasses.asdict(outcome))  # JSON without NaN
    sides, dates = outcome.tables
    assert [row[0] for row in sides.rows[:3]] == ["before, all asked", "before, latest 60", "after"]
    assert sum(row[2] for row in dates.rows) == outcome.n
    gains = outcome.figures[0].content
    assert len(gains["x"]) == outcome.n
    both = zip(gains["curves"]["answered"], gains["curves"]["no figure"], strict=True)
    assert all((a is None) != (b is None) for a, b in both)
    assert gains["x"] == sorted(gains["x"])
    assert set(gains["marks"]) == {"before", "after"}


def test_the_same_seed_gives_the_same_digits() -> None:
    first, second = (judged(SERIES, lambda i, after: REFUSAL if after else truth(SERIES, i)) for _ in range(2))
    assert first == second


# --- the contrast -----------------------------------------------------------------------------------------------------


def test_the_permutation_p_agrees_with_all_splits() -> None:
    g = np.array([2.0, 1.5, 0.3, 0.9, 1.1, -0.2, 0.4, 0.1])
    every = [g[list(c)].mean() - np.delete(g, list(c)).mean() for c in itertools.combinations(range(8), 5)]
    exact = np.mean(np.array(every) >= g[:5].mean() - g[5:].mean() - 1e-12)
    found = contrast(g, 5, acf=2.0, n_resamples=20_000, rng=rng())
    assert found.run == 1
    assert found.pvalue == pytest.approx(exact, abs=0.01)


def test_related_neighbours_move_together_and_their_memory_is_not_taken_for_a_boundary() -> None:
    loose, tied, runs = [], [], []
    for seed in range(150):
        draw = np.random.default_rng(seed)
        smooth = np.convolve(draw.normal(size=105), np.ones(6) / 6, mode="valid")
        loose.append(contrast(smooth, 70, acf=2.0, n_resamples=199, rng=draw).pvalue)
        bound = contrast(smooth, 70, acf=0.2, n_resamples=199, rng=draw)
        tied.append(bound.pvalue)
        runs.append(bound.run)
    assert np.median(runs) >= 4
    assert np.mean(np.array(loose) <= 0.05) > 0.15  # one by one: far too often
    assert np.mean(np.array(tied) <= 0.05) < np.mean(np.array(loose) <= 0.05) - 0.05


def test_a_step_at_the_boundary_is_no_autocorrelation() -> None:
    g = np.random.default_rng(4).normal(size=80) + np.where(np.arange(80) < 60, 5.0, 0.0)
    assert contrast(g, 60, acf=0.2, n_resamples=500, rng=rng()).run == 1


def test_few_long_runs_have_a_floor_that_p_does_not_pass() -> None:
    g = np.concatenate([np.full(12, 5.0) + 0.01 * np.arange(12), np.zeros(12)])
    g += np.repeat([0.0, 3.0, 0.0, 3.0], 6)
    found = contrast(g, 12, acf=0.2, n_resamples=500, rng=rng())
    assert found.run > 1
    assert found.floor > 1e-3
    assert found.pvalue >= found.floor


def test_the_interval_and_the_detectable_difference_follow_the_spread() -> None:
    errors = []
    for seed in range(200):
        draw = np.random.default_rng(seed)
        errors.append(contrast(draw.normal(size=75), 60, acf=0.2, n_resamples=50, rng=draw))
    deltas, ses = np.array([(e.delta, e.se) for e in errors]).T
    assert ses.mean() == pytest.approx(np.std(deltas), rel=0.15)
    assert errors[0].detectable(alpha=0.05) == pytest.approx((1.645 + 0.842) * errors[0].se, rel=1e-3)


def test_a_boundary_is_named_by_what_the_answers_do() -> None:
    g = np.concatenate([np.ones(60), np.zeros(14)])
    answered = np.arange(74) < 60
    assert boundary(answered, g, 60, p_delta=0.001, alpha=0.05)[0] == "refuses"
    assert boundary(np.ones(74, dtype=bool), g, 60, p_delta=0.001, alpha=0.05)[0] == "guesses"
    assert boundary(np.ones(74, dtype=bool), g, 60, p_delta=0.3, alpha=0.05)[0] == "none"
    # the paper's 40 of 40 against 8 of 14
    few = np.array([True] * 40 + [True] * 8 + [False] * 6)
    assert boundary(few, np.ones(54), 40, p_delta=1.0, alpha=0.05)[1] == pytest.approx(1.2e-4, rel=0.05)
