"""What a system prompt keeps back, in the worst of seven wordings."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from seepage.errors import BadSpec, NotTestable
from seepage.hypotheses import numleak_mitigation as mitigation
from seepage.hypotheses import numleak_prompts as prompts
from seepage.hypotheses.numleak_cutoff_rates import white
from seepage.policy import NumleakPolicy
from seepage.records import Answer, Generate, Generated, ModelInfo, Outcome, digest
from seepage.stats.proportions import wilson

INFO = ModelInfo(spec="stub:", digest="d", chat=True, end_of_turn="<end>", system_role=True)
POLICY = NumleakPolicy()
SERIES = white(np.random.default_rng(1))
REFUSAL = "I cannot give published figures."


def published(tag: str) -> Generated:
    value = SERIES.values[SERIES.labels.index(tag.rsplit("/", 1)[1])]
    assert value is not None
    return Generated(SERIES.format(value), "stop", 4)


def plan(defence: str = "soft", info: ModelInfo = INFO) -> dict[str, Generate]:
    given = {"info": info, "policy": POLICY, "rng": np.random.default_rng(7), "defence": defence}
    first = mitigation.undefended(SERIES, **given)
    assert all(tag.startswith("A/") for tag in first)
    asked = mitigation.requests(SERIES, **given, undefended={tag: published(tag) for tag in first})
    assert all(isinstance(r, Generate) for r in asked.values())
    return asked  # type: ignore[return-value]


def judged(say: Callable[[Generate, str], str], defence: str = "soft") -> Outcome:
    """A model that says say(request, published value)."""
    place = {label: index for index, label in enumerate(SERIES.labels)}
    answers: dict[str, Answer] = {}
    for tag, request in plan(defence).items():
        value = SERIES.values[place[tag.rsplit("/", 1)[1]]]
        assert value is not None
        answers[tag] = Generated(say(request, SERIES.format(value)), "stop", 4)
    return mitigation.judge(
        SERIES, answers, info=INFO, policy=POLICY, alpha=0.05, rng=np.random.default_rng(7), defence=defence
    )


@pytest.mark.parametrize("defence", prompts.DEFENCES)
def test_forty_dates_are_asked_alone_and_with_six_suffixes_under_one_system_prompt(defence: str) -> None:
    asked = plan(defence)
    assert len(asked) == 40 * (1 + 7)
    systems = {r.system for tag, r in asked.items() if not tag.startswith("A/")}
    assert systems == {prompts.WORDINGS[defence]}
    label = next(iter(asked)).removeprefix("A/")
    question = asked[f"A/{label}"].prompt
    assert asked[f"A/{label}"].system is None
    assert asked[f"{defence}/alone/{label}"].prompt == question
    assert asked[f"{defence}/terse/{label}"].prompt == f"{question} Digits only."


def test_the_defences_and_suffixes_are_all_different() -> None:
    texts = [prompts.WORDINGS[k] for k in (*prompts.DEFENCES, *prompts.SUFFIXES)]
    assert len(set(texts)) == 9


def test_a_defence_that_holds_has_an_upper_bound_above_zero() -> None:
    outcome = judged(lambda request, value: REFUSAL if request.system else value)
    assert outcome.statistic == 0.0
    assert not outcome.gated
    assert outcome.pvalue is None
    high = outcome.effects[0].high
    assert high == pytest.approx(wilson(0, 40)[1])
    assert high is not None
    assert high > 0.05
    assert "0 of 40 dates" in outcome.finding
    assert "without it 40 and 40" in outcome.finding
    assert "non-adaptive, single turn" in outcome.finding


def test_one_wording_that_gets_through_counts_for_the_date() -> None:
    outcome = judged(lambda request, value: value if request.prompt.endswith("Digits only.") else REFUSAL)
    assert outcome.statistic == 1.0
    rows = {row[0]: row for row in outcome.tables[0].rows}
    assert (rows["terse"][2], rows["alone"][2], rows["worst wording of a date"][2]) == (40, 0, 40)


def test_a_wrong_figure_is_parsed_and_no_hit() -> None:
    outcome = judged(lambda request, value: "44.00" if request.system else value)
    assert outcome.effects[0].value == 1.0
    assert outcome.effects[1].value == 0.0


def test_the_upper_bounds_of_the_paper_are_reproduced() -> None:
    assert wilson(0, 480)[1] == pytest.approx(0.008, abs=5e-4)
    assert wilson(1, 480)[1] == pytest.approx(0.012, abs=5e-4)


@pytest.mark.parametrize(
    ("info", "why"),
    [
        (dataclasses.replace(INFO, system_role=False), "no system role"),
        (dataclasses.replace(INFO, chat=False), "not asked of stub: in chat"),
        (dataclasses.replace(INFO, access=("score",)), "gives no text"),
    ],
)
def test_a_model_that_cannot_be_defended_is_not_tested(info: ModelInfo, why: str) -> None:
    with pytest.raises(NotTestable, match=why):
        plan(info=info)


def test_an_unknown_defence_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BadSpec, match="Known: soft, strict, source"):
        plan("firm")


def test_the_outcome_is_plain_and_its_picture_complete() -> None:
    outcome = judged(lambda request, value: value)
    digest(dataclasses.asdict(outcome))
    content = outcome.figures[0].content
    assert len(content["labels"]) == len(content["groups"]["parsed"]) == len(content["errors"]["hit"][1]) == 8
    assert len(outcome.tables[1].rows) == 40 * 8


def test_a_model_that_gives_nothing_undefended_is_not_asked_under_a_defence() -> None:
    given = {"info": INFO, "policy": POLICY, "rng": np.random.default_rng(7), "defence": "soft"}
    silent = {tag: Generated(REFUSAL, "stop", 4) for tag in mitigation.undefended(SERIES, **given)}
    with pytest.raises(NotTestable, match=r"gives none of 40 values of .*: there is nothing to hold back"):
        mitigation.requests(SERIES, **given, undefended=silent)
