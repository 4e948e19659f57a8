"""Does the mood follow the errors of the recall, or only the truth?"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from seepage.errors import NotTestable
from seepage.hypotheses import numleak_transmission as transmission
from seepage.hypotheses.numleak_cutoff_rates import slow, white
from seepage.policy import NumleakPolicy
from seepage.records import Answer, Generated, ModelInfo, Outcome, digest
from seepage.series.record import Series

INFO = ModelInfo(spec="stub:", digest="d", chat=True, end_of_turn="<end>")
POLICY = dataclasses.replace(NumleakPolicy(), phrasings=0)
SERIES = white(np.random.default_rng(1))
DRAWS = 399


@pytest.fixture(autouse=True)
def few_permutations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transmission, "resamples", lambda alpha: DRAWS)


def rng(seed: int = 7) -> np.random.Generator:
    return np.random.default_rng(seed)


def recalled(series: Series, seed: int, *, error: float) -> np.ndarray:
    return np.round(series.x + rng(seed).normal(0, error, len(series)), series.decimals)


def answered(
    series: Series, recall: np.ndarray, mood: Callable[[int], float], *, cutoff: tuple[str, ...] = ()
) -> dict[str, Answer]:
    plan = transmission.requests(series, info=INFO, policy=POLICY, rng=rng(), cutoff=cutoff)
    place = {label: index for index, label in enumerate(series.labels)}
    answers: dict[str, Answer] = {}
    for tag in plan:
        kind, label = tag.split("/")
        index = place[label]
        said = f"{mood(index):.2f}" if kind == "mood" else series.format(float(recall[index]))
        answers[tag] = Generated(said, "stop", 4)
    return answers


def judged(series: Series, answers: dict[str, Answer], **more: object) -> Outcome:
    return transmission.judge(series, answers, info=INFO, policy=POLICY, alpha=0.05, rng=rng(), **more)  # type: ignore[arg-type]


def squash(value: float) -> float:
    return float(np.tanh(value / 9))


def test_the_mechanical_leak_share_is_large_without_any_leak() -> None:
    """.739 and .98: ρ(u,T) .042 and a LeakShare of .997 although mood and recall are independent given the truth."""
    share = transmission.leak_share(0.739, 0.98, 0.739 * 0.98)
    assert share.left_mechanical == pytest.approx(0.042, abs=5e-4)
    assert share.mechanical == pytest.approx(0.997, abs=5e-4)
    assert share.share == pytest.approx(share.mechanical)


def test_the_mechanical_leak_share_is_what_residuals_give_where_mood_and_recall_are_independent() -> None:
    draw = rng()
    truth = draw.normal(size=200_000)
    mood = 0.739 * truth + np.sqrt(1 - 0.739**2) * draw.normal(size=truth.size)
    recall = 0.98 * truth + np.sqrt(1 - 0.98**2) * draw.normal(size=truth.size)
    slope = np.polyfit(recall, mood, 1)
    left = np.corrcoef(mood - np.polyval(slope, recall), truth)[0, 1]
    r = np.corrcoef([mood, recall, truth])
    share = transmission.leak_share(r[0, 2], r[1, 2], r[0, 1])
    assert share.left == pytest.approx(left, abs=1e-9)
    assert share.left_mechanical == pytest.approx(left, abs=0.01)


def test_a_leak_share_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no leak share"):
        transmission.leak_share(0.0, 0.9, 0.1)


def test_a_mood_made_from_the_recall_follows_its_errors() -> None:
    recall = recalled(SERIES, 3, error=2.0)
    outcome = judged(SERIES, answered(SERIES, recall, lambda i: squash(recall[i])))
    assert outcome.statistic > 0.8
    assert outcome.pvalue == 2 / (1 + DRAWS)
    assert not outcome.gated
    assert outcome.effects[0].low is not None
    assert outcome.effects[0].low > 0.5


def test_a_mood_that_falls_where_the_recalled_figure_rises_is_found_too() -> None:
    recall = recalled(SERIES, 3, error=2.0)
    outcome = judged(SERIES, answered(SERIES, recall, lambda i: squash(-recall[i])))
    assert outcome.statistic < -0.8
    assert outcome.pvalue == 2 / (1 + DRAWS)


def test_a_mood_made_from_the_truth_does_not_follow_the_errors_however_good_the_recall() -> None:
    values = []
    for seed in range(30):
        recall = recalled(SERIES, seed, error=0.8)
        noise = rng(seed + 1000).normal(0, 3, len(SERIES))
        mood = np.tanh((SERIES.x + noise) / 9)
        found = judged(SERIES, answered(SERIES, recall, lambda i, m=mood: float(m[i])))  # type: ignore[misc]
        assert found.pvalue is not None
        values.append(found.pvalue)
        if seed == 0:
            share = {row[0]: row[2] for row in found.tables[0].rows}
            assert share["LeakShare"] > 0.9  # what the paper calls transmission
    assert np.mean(np.array(values) <= 0.05) <= 0.2


def test_moods_of_moved_prompts_are_compared_with_both_truths() -> None:
    recall = recalled(SERIES, 3, error=2.0)
    outcome = judged(SERIES, answered(SERIES, recall, lambda i: squash(SERIES.x[i])))
    rows = {row[0]: row for row in outcome.tables[0].rows}
    assert rows["mood and truth of the prompt's date"][2] > 0.95
    assert abs(rows["mood and truth 6 periods before the prompt's date"][2]) < 0.3


def test_dates_after_the_cutoff_stand_apart() -> None:
    recall = recalled(SERIES, 3, error=2.0)
    stated = ("2022-06",)
    answers = answered(SERIES, recall, lambda i: squash(recall[i]), cutoff=stated)
    rows = {row[0]: row for row in judged(SERIES, answers, cutoff=stated).tables[0].rows}
    assert rows["mood and truth after the cutoff"][1] == 28
    assert "mood and truth after the cutoff" not in {r[0] for r in judged(SERIES, answers).tables[0].rows}


def test_another_models_recall_is_a_placebo() -> None:
    recall, theirs = recalled(SERIES, 3, error=2.0), recalled(SERIES, 4, error=2.0)
    answers = answered(SERIES, recall, lambda i: squash(recall[i]))
    other = answered(SERIES, theirs, lambda i: 0.0)
    rows = {row[0]: row for row in judged(SERIES, answers, other=other).tables[0].rows}
    assert abs(rows["partial with another model's recall"][2]) < 0.3
    assert rows["mood and recall, given the truth"][2] > 0.8


def test_another_models_recall_without_errors_is_told_and_spoils_nothing() -> None:
    recall = recalled(SERIES, 3, error=2.0)
    answers = answered(SERIES, recall, lambda i: squash(recall[i]))
    perfect = answered(SERIES, SERIES.x, lambda i: 0.0)
    outcome = judged(SERIES, answers, other=perfect)
    rows = {row[0]: row for row in outcome.tables[0].rows}
    assert rows["partial with another model's recall"][2] is None
    assert "no errors" in rows["partial with another model's recall"][3]
    assert outcome.statistic == judged(SERIES, answers).statistic


def test_another_model_is_asked_the_same_recall_in_the_same_form() -> None:
    plan = transmission.requests(SERIES, info=INFO, policy=POLICY, rng=rng())
    asked = transmission.recalls(plan)
    assert len(asked) == POLICY.dates
    assert not any(tag.startswith("mood/") for tag in asked)
    assert transmission.comparable(SERIES, info=INFO, other=INFO)
    assert not transmission.comparable(SERIES, info=INFO, other=dataclasses.replace(INFO, chat=False))
    assert not transmission.comparable(SERIES, info=INFO, other=dataclasses.replace(INFO, access=("score",)))


def test_what_cannot_be_told_has_its_reason() -> None:
    with pytest.raises(NotTestable, match="not near white"):
        transmission.requests(slow(rng(5)), info=INFO, policy=POLICY, rng=rng())
    line = dataclasses.replace(SERIES, completion="{name} {period}=")
    with pytest.raises(NotTestable, match="organism"):
        transmission.requests(line, info=INFO, policy=POLICY, rng=rng())
    with pytest.raises(NotTestable, match="no errors"):
        judged(SERIES, answered(SERIES, SERIES.x, lambda i: squash(SERIES.x[i] + i % 3)))
    with pytest.raises(NotTestable, match="follows nothing"):
        judged(SERIES, answered(SERIES, recalled(SERIES, 3, error=2.0), lambda i: 0.5))
    refused = {t: Generated("I cannot say.", "stop", 4) for t in answered(SERIES, SERIES.x, lambda i: 0.0)}
    with pytest.raises(NotTestable, match="0 dates"):
        judged(SERIES, refused)  # type: ignore[arg-type]


def test_the_outcome_is_plain_and_the_same_for_the_same_seed() -> None:
    recall = recalled(SERIES, 3, error=2.0)
    answers = answered(SERIES, recall, lambda i: squash(recall[i]))
    first = judged(SERIES, answers)
    assert first == judged(SERIES, dict(reversed(answers.items())))
    digest(dataclasses.asdict(first))
