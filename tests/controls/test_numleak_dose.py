"""Knowledge that grows with dose is seen to grow, inside a simulated model and inside the trained organisms."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import oracles
import pytest

from seepage.errors import Broken, NotTestable
from seepage.hypotheses import numleak_binding, numleak_dose
from seepage.hypotheses.numleak_common import frame, matrix
from seepage.policy import NumleakPolicy
from seepage.records import Answer, Generate, Generated, Outcome, Request, Score, Scored
from seepage.series import Series, open_series
from seepage.stats.binding import binding

POLICY = NumleakPolicy(rows=480)
ALPHA = 0.01


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def dosed(kind: str) -> Series:
    doses = np.random.default_rng(1).permutation(np.repeat([0, 1, 4, 16], 120))
    return dataclasses.replace(oracles.synthetic(kind), doses=tuple(int(d) for d in doses))


class Learner:
    """Prefers the published value of a date the more, the oftener it was mentioned; writes it from dose 16 on."""

    def __init__(self, series: Series, *, learns: bool = True) -> None:
        self.info = oracles.Oracle("perfect", [series]).info
        self.series, self.learns = series, learns
        self._places = oracles.places(series)

    def answers(self, requests: list[Request]) -> Iterator[tuple[int, Answer]]:
        noise = np.random.default_rng(5)
        for index, request in enumerate(requests):
            t = next(i for text, i in self._places.items() if text in request.prompt)
            value, dose = self.series.values[t], (self.series.doses or ())[t]
            if isinstance(request, Generate):
                yield index, Generated(self.series.format(value if dose >= 16 else 0.5), "end", 5)
            else:
                assert isinstance(request, Score)
                sums = noise.normal(size=len(request.continuations))
                own = [c.strip().removesuffix("<end>") for c in request.continuations].index(self.series.format(value))
                sums[own] += 1.5 * np.log2(1 + dose) if self.learns else 0.0
                yield index, Scored(tuple(float(s) for s in sums))


def judged(series: Series, *, learns: bool) -> Outcome:
    model = Learner(series, learns=learns)
    plan = numleak_dose.requests(series, info=model.info, policy=POLICY, rng=rng())
    tags = list(plan)
    answers = {tags[i]: a for i, a in model.answers([plan[tag] for tag in tags])}
    return numleak_dose.judge(series, answers, info=model.info, policy=POLICY, alpha=ALPHA, rng=rng())


def by_dose(outcome: Outcome) -> dict[str, dict[str, float]]:
    table = next(t for t in outcome.tables if t.name == "dose response")
    return {str(row[0]): dict(zip(table.columns, row, strict=True)) for row in table.rows}


def test_a_model_that_learned_by_dose_shows_the_trend_and_where_text_is_silent() -> None:
    outcome = judged(dosed("white"), learns=True)
    rows = by_dose(outcome)
    assert not outcome.gated
    assert outcome.pvalue == pytest.approx(1e-4)
    assert [rows[d]["greedy exact"] for d in ("1", "4", "16")] == [0.0, 0.0, 1.0]
    assert rows["0"]["w"] == pytest.approx(0.5, abs=0.12)
    assert rows["4"]["w"] > 0.8
    assert rows["4"]["p_mir"] <= ALPHA < rows["0"]["p_mir"]
    assert "dose 4: w " in outcome.finding
    assert "text exact 0" in outcome.finding
    falls = next(effect for effect in outcome.effects if effect.name == "column rank falling with dose, rho")
    assert falls.value > 0.5
    picture = next(figure for figure in outcome.figures if figure.kind == "bars")
    assert list(picture.content["labels"]) == ["0", "1", "4", "16"]
    assert picture.content["groups"]["greedy exact"][2] == 0.0
    assert picture.content["groups"]["w"][2] > 0.8


def test_an_instrument_without_the_trend_is_broken() -> None:
    with pytest.raises(Broken, match="does not grow with dose"):
        judged(dosed("white"), learns=False)


def test_a_series_without_doses_is_not_asked() -> None:
    series = oracles.synthetic("white")
    info = oracles.Oracle("perfect", [series]).info
    with pytest.raises(NotTestable, match="states no two different doses"):
        numleak_dose.requests(series, info=info, policy=POLICY, rng=rng())


# --- the trained organisms ------------------------------------------------------------------------------------------


@lru_cache(maxsize=8)
def organism(model: str, name: str) -> tuple[Series, dict[str, Answer], object]:
    """Every answer that binding and dose ask of one organism about one series; 10 to 20 seconds each."""
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from seepage.models import open_model
    from seepage.scorer import ask

    series, opened = open_series(f"embedded:{name}"), open_model(f"embedded:{model}")
    plan = dict(numleak_binding.requests(series, info=opened.info, policy=POLICY, rng=rng()))
    if len(set(series.doses or ())) > 1:
        plan |= numleak_dose.requests(series, info=opened.info, policy=POLICY, rng=rng())
    answers = ask(opened, plan, store=None)
    opened.close()
    return series, answers, opened.info


def outcome_of(hypothesis: object, model: str, name: str) -> Outcome:
    series, answers, info = organism(model, name)
    return hypothesis.judge(series, answers, info=info, policy=POLICY, alpha=ALPHA, rng=rng())  # type: ignore[attr-defined]


def test_the_matrix_of_an_early_organism_sees_dose_four_before_its_text_does() -> None:
    rows = by_dose(outcome_of(numleak_dose, "early", "qo"))
    assert rows["4"]["greedy exact"] <= 0.02
    assert rows["4"]["w"] >= 0.60
    assert max(rows["4"]["p_bind"], rows["4"]["p_mir"]) <= ALPHA
    assert max(rows["16"]["p_bind"], rows["16"]["p_mir"]) <= ALPHA
    assert min(rows["0"]["p_bind"], rows["0"]["p_mir"]) > ALPHA
    assert rows["0"]["AUC"] < rows["4"]["AUC"] < rows["16"]["AUC"]


def test_unplanted_dates_between_planted_ones_are_quiet_in_the_mirror_alone() -> None:
    """Their level is known from the neighbours: p_bind fires, D and AUC are high, and only the mirror says innocent."""
    rows = by_dose(outcome_of(numleak_dose, "late", "ve"))
    assert rows["0"]["p_bind"] <= 0.001
    assert rows["0"]["AUC"] > 0.6
    assert rows["0"]["p_mir"] > 0.05
    assert rows["0"]["w"] < 0.60
    assert max(rows["16"]["p_bind"], rows["16"]["p_mir"]) <= 0.001


@pytest.mark.parametrize(("model", "name"), [("early", "qo"), ("late", "ve")])
def test_the_whole_rule_finds_doses_four_and_sixteen_and_never_dose_zero(model: str, name: str) -> None:
    """`late` on ve needs the mirror here: its p_bind fires on dates that were never planted."""
    series, answers, _ = organism(model, name)
    here = frame(series, POLICY)
    logprob, columns = matrix(here, answers)
    dose = np.array(series.doses)[here.start :]
    planted = np.arange(len(dose)) <= np.flatnonzero(dose > 0)[-1]
    found = {
        level: binding(
            here.known,
            logprob,
            columns,
            matched=POLICY.matched,
            n_resamples=9999,
            rng=rng(),
            among=np.flatnonzero(planted & (dose == level)),
        ).passes(alpha=ALPHA, win=POLICY.win)
        for level in (0, 4, 16)
    }
    assert found == {0: False, 4: True, 16: True}


def test_a_name_without_values_is_quiet_in_an_organism_that_leaks() -> None:
    outcome = outcome_of(numleak_binding, "late", "za")
    assert outcome.effects[0].value < 0.60
    assert not any(placebo.fired for placebo in outcome.placebos)
    leaking = outcome_of(numleak_binding, "late", "ve")
    assert leaking.effects[0].value >= 0.60
    assert leaking.pvalue is not None
    assert leaking.pvalue <= ALPHA
    assert not any(placebo.fired for placebo in leaking.placebos)
