"""Nine models whose knowledge we know get the verdict that their knowledge deserves, on three kinds of series."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import ModuleType

import numpy as np
import oracles
import pytest

from seepage.errors import NotTestable
from seepage.hypotheses import numleak_binding, numleak_recall
from seepage.policy import NumleakPolicy
from seepage.records import Answer, Cell, Outcome, Request
from seepage.series import Series, open_series
from seepage.stats import calibration, dates
from seepage.stats.binding import binding, value_columns
from seepage.verdicts import decide

POLICY = NumleakPolicy(rows=240)
ALPHA = 0.01
LEAK, NONE, UNKNOWN, BROKEN = "leak", "no-evidence", "inconclusive", "broken"

RECALL = {
    "perfect": LEAK,
    "refuser": UNKNOWN,
    "fabricator": NONE,
    "climatology": NONE,
    "carry-forward": NONE,
    "off-by-one": BROKEN,
    "noisy-quarter-tick": LEAK,
    "noisy-one-sd": NONE,
    "pre-cutoff-only": LEAK,
    "unit-swapper": UNKNOWN,
}
BINDING = {
    "perfect": LEAK,
    "refuser": NONE,
    "fabricator": NONE,
    "climatology": NONE,
    "carry-forward": NONE,
    "off-by-one": BROKEN,
    "noisy-quarter-tick": LEAK,
    "noisy-one-sd": LEAK,
    "pre-cutoff-only": LEAK,
}


def ask(oracle: oracles.Oracle, plan: Mapping[str, Request]) -> dict[str, Answer]:
    tags = list(plan)
    return {tags[i]: answer for i, answer in oracle.answers([plan[tag] for tag in tags])}


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@lru_cache(maxsize=128)
def judged(hypothesis: ModuleType, name: str, kind: str, chat: bool = True) -> tuple[str, str, Outcome | None]:
    """(word, sentence or reason, outcome) of one oracle on one synthetic series."""
    series = oracles.synthetic(kind)
    oracle = oracles.Oracle(name, [series], chat=chat)
    try:
        answers = ask(oracle, hypothesis.requests(series, info=oracle.info, policy=POLICY, rng=rng()))
        outcome = hypothesis.judge(series, answers, info=oracle.info, policy=POLICY, alpha=ALPHA, rng=rng())
    except NotTestable as reason:
        return UNKNOWN, str(reason), None
    decision = decide(outcome, Cell("numleak", name, kind, alpha=ALPHA))
    return decision.word, decision.sentence, outcome


@pytest.mark.parametrize("kind", oracles.KINDS)
@pytest.mark.parametrize(("name", "word"), RECALL.items())
def test_recall_gives_each_oracle_the_verdict_it_deserves(name: str, word: str, kind: str) -> None:
    found, sentence, _ = judged(numleak_recall, name, kind)
    assert found == word, sentence


@pytest.mark.parametrize("kind", oracles.KINDS)
@pytest.mark.parametrize(("name", "word"), BINDING.items())
def test_binding_gives_each_oracle_the_verdict_it_deserves(name: str, word: str, kind: str) -> None:
    found, sentence, _ = judged(numleak_binding, name, kind)
    assert found == word, sentence


@pytest.mark.parametrize("kind", ["slow", "seasonal"])
def test_an_anomaly_instead_of_a_level_makes_the_label_ambiguous(kind: str) -> None:
    found, reason, _ = judged(numleak_recall, "unit-swapper-anomaly", kind)
    assert found == UNKNOWN
    assert "label ambiguous" in reason
    assert "anomaly" in reason


def test_a_hundredth_of_the_value_makes_the_label_ambiguous_and_is_not_dropped() -> None:
    found, reason, _ = judged(numleak_recall, "unit-swapper", "white")
    assert found == UNKNOWN
    assert "÷ 100 (100% of the dates" in reason


def test_a_refusal_is_counted_and_named_and_is_no_evidence_of_anything() -> None:
    found, reason, _ = judged(numleak_recall, "refuser", "white")
    assert found == UNKNOWN
    assert "0 of 120" in reason
    assert "refused 120" in reason


@pytest.mark.parametrize("hypothesis", [numleak_recall, numleak_binding], ids=["recall", "binding"])
@pytest.mark.parametrize("kind", oracles.KINDS)
def test_a_model_that_is_late_by_one_month_is_told_by_how_much(hypothesis: ModuleType, kind: str) -> None:
    _, sentence, outcome = judged(hypothesis, "off-by-one", kind)
    assert outcome is not None
    assert [p.name for p in outcome.placebos if p.fired] == ["offset +1"]
    assert "offset +1" in sentence


@pytest.mark.parametrize("name", ["perfect", "carry-forward"])
def test_a_model_without_a_chat_template_is_asked_in_table_rows_and_judged_alike(name: str) -> None:
    assert judged(numleak_recall, name, "slow", chat=False)[0] == RECALL[name]
    assert judged(numleak_binding, name, "slow", chat=False)[0] == BINDING[name]


def test_carrying_the_last_value_forward_beats_every_shift_and_still_is_no_recall() -> None:
    """Shifted dates alone would accuse it: what saves it is that the best forecaster does as well."""
    _, _, outcome = judged(numleak_recall, "carry-forward", "slow")
    assert outcome is not None
    assert "p_hit = .0001" in outcome.notes[0]
    assert outcome.pvalue is not None
    assert outcome.pvalue > 0.5


@pytest.mark.parametrize("name", ["carry-forward", "climatology"])
def test_knowing_the_level_is_not_knowing_the_value(name: str) -> None:
    _, _, outcome = judged(numleak_binding, name, "slow")
    assert outcome is not None
    assert 0.42 <= outcome.effects[0].value <= 0.58


@pytest.mark.parametrize("lag", [-2, 2, -12])
def test_what_a_distant_neighbour_says_of_unemployment_is_not_memory(lag: int) -> None:
    """Real seasons move and real figures are smoothed: forecasters fitted to 828 months, without the second neighbour,
    took a model that knows only the value of two months before for one that remembers (w = .61, p = .0005)."""
    pytest.importorskip("bokeh_sampledata")
    known = dates.forecasters(dates.window(open_series("bokeh:unemployment")), hit_cap=0.1, acf=0.2).latest(480)
    columns = value_columns(known.window)
    belief = np.roll(known.window.x, -lag)
    logprob = calibration.oracle_matrix(known, belief, columns, rng=rng())
    found = binding(known, logprob, columns, matched=40, n_resamples=999, rng=rng())
    assert found.shift.block <= 0.01
    assert found.mirror.pvalue > 0.05
    assert found.w < 0.58


def test_the_lean_is_taken_against_dates_with_the_same_forecast() -> None:
    """Against all dates, a perfect model of a slow series would lean to its values on barely more than half of them."""
    for kind in oracles.KINDS:
        _, _, outcome = judged(numleak_binding, "perfect", kind)
        assert outcome is not None
        assert outcome.effects[0].value >= 0.75


def test_the_power_of_a_pass_is_printed_beside_it() -> None:
    for kind in oracles.KINDS:
        _, sentence, outcome = judged(numleak_recall, "fabricator", kind)
        assert outcome is not None
        share = outcome.detectable[0]
        assert share.name == "recalled share"
        assert 0.05 <= share.value <= 0.25
        assert "detectable: recalled share" in sentence


def test_rows_of_a_shuffled_subset_are_judged_by_their_own_dates() -> None:
    """Index by date and value: the answers of half the dates, in any order, give what those dates give in order."""
    series = oracles.synthetic("white")
    oracle = oracles.Oracle("perfect", [series])
    plan = numleak_binding.requests(series, info=oracle.info, policy=POLICY, rng=rng())
    kept = [tag for tag in plan if tag.startswith("M/")][::2]
    answers = ask(oracle, {tag: plan[tag] for tag in kept})
    shuffled = {tag: answers[tag] for tag in np.random.default_rng(3).permutation(kept).tolist()}
    outcomes = [
        numleak_binding.judge(series, a, info=oracle.info, policy=POLICY, alpha=ALPHA, rng=rng())
        for a in (answers, shuffled)
    ]
    assert outcomes[0] == outcomes[1]
    assert outcomes[0].effects[0].value >= 0.75
    assert outcomes[0].n <= len(kept)


def test_replies_in_any_order_give_the_same_digits() -> None:
    series = oracles.synthetic("slow")
    oracle = oracles.Oracle("noisy-one-sd", [series])
    answers = ask(oracle, numleak_recall.requests(series, info=oracle.info, policy=POLICY, rng=rng()))
    turned = dict(reversed(answers.items()))
    first, second = (
        numleak_recall.judge(series, a, info=oracle.info, policy=POLICY, alpha=ALPHA, rng=rng())
        for a in (answers, turned)
    )
    assert first == second


def series_with_holes() -> Series:
    values = oracles.synthetic("slow").x
    values[[0, 17, 18, 200, 479]] = np.nan
    return oracles.series_of("holed", values, decimals=1)


@pytest.mark.parametrize("hypothesis", [numleak_recall, numleak_binding], ids=["recall", "binding"])
def test_holes_are_never_asked_and_never_shift_the_calendar(hypothesis: ModuleType) -> None:
    series = series_with_holes()
    oracle = oracles.Oracle("perfect", [series])
    plan = hypothesis.requests(series, info=oracle.info, policy=NumleakPolicy(rows=480, dates=480), rng=rng())
    asked = {tag.rsplit("/", 1)[1] for tag in plan if tag[:2] in ("A/", "M/")}
    assert asked == {label for label, v in zip(series.labels, series.values, strict=True) if v is not None}
    outcome = hypothesis.judge(
        series, ask(oracle, plan), info=oracle.info, policy=NumleakPolicy(rows=480, dates=480), alpha=ALPHA, rng=rng()
    )
    assert decide(outcome, Cell("numleak", "perfect", "holed", alpha=ALPHA)).word == LEAK


def test_only_a_model_that_gives_numbers_is_asked_the_probes_that_are_shown_beside_them() -> None:
    series = oracles.synthetic("white")
    for name, kinds in (("refuser", set()), ("perfect", {"blind", "invented", "pair", "contradict", "verbatim"})):
        oracle = oracles.Oracle(name, [series])
        given = {"info": oracle.info, "policy": POLICY}
        answers = ask(oracle, numleak_recall.requests(series, **given, rng=rng()))
        further = numleak_recall.further(series, answers, **given, rng=rng())
        assert {tag.partition("/")[0] for tag in further} == kinds
