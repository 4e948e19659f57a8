"""What only a training can tell: had it learned, had it flattened, was it equal. And the reading of three claims."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from seepage.errors import NotTestable
from seepage.finetune import Look, Method, Training
from seepage.hypotheses import rank_stability_head_start as head_start
from seepage.hypotheses import rank_stability_rank_inversion as rank_inversion
from seepage.hypotheses import rank_stability_reading as reading
from seepage.organisms import score_panel
from seepage.policy import RankStabilityPolicy
from seepage.records import Detectable, Effect, Member, ModelInfo, Outcome
from seepage.scores import ScoreBenchmark, open_benchmark
from seepage.stats.stages import saturation

NAMES = ("prepared", "honest", *(f"ref{k}" for k in range(len(score_panel.REFERENCES))))
PANEL = tuple(Member(n, n, "candidate" if n in NAMES[:2] else "reference") for n in NAMES)
GATES = {"head_start": head_start, "rank_inversion": rank_inversion}


def training(*, loss: float = 1.0, rise: int = 0, method: Method = "full", seed: int = 0) -> Training:
    """Of 300 validation items 200 are right late and as many at the end, and `rise` more."""
    late = Look(loss, (*[True] * 200, *[False] * 100))
    end = Look(loss, (*[True] * (200 + rise), *[False] * (100 - rise)))
    return Training("i", "w", "r", method, 1e-3, seed, 100, 800, 9000, 7, (Look(2.0, late.right), late, end))


def bench(**changed: Training) -> ScoreBenchmark:
    """The panel by a formula, as if its models had been trained here; changed: the trainings of some."""
    made = open_benchmark("scores:embedded?name=task")
    trainings = {("task", name): (changed.get(name, training()),) * 3 for name in NAMES}
    return replace(made, table=replace(made.table, trainings=trainings))


def judge(module: Any, given: ScoreBenchmark, model: str = "honest") -> Outcome:
    more: dict[str, Any] = {"info": ModelInfo("scores:x", "0"), "policy": RankStabilityPolicy(), "alpha": 0.05}
    outcome: Outcome = module.judge(given, panel=PANEL, model=model, rng=np.random.default_rng(0), **more)
    return outcome


@pytest.mark.parametrize("gate", GATES.values(), ids=GATES)
def test_a_model_that_had_not_learned_was_not_equalized(gate: Any) -> None:
    with pytest.raises(NotTestable, match="honest was not equalized: training on task hardly moved"):
        judge(gate, bench(honest=training(loss=1.99)))


@pytest.mark.parametrize("gate", GATES.values(), ids=GATES)
def test_a_reference_that_had_not_learned_is_left_out_by_name(gate: Any) -> None:
    made = judge(gate, bench(ref3=training(loss=1.99)))
    assert any("left out: ref3, which had not learned" in note for note in made.notes)
    assert any("training had flattened" in note for note in made.notes)


@pytest.mark.parametrize("gate", GATES.values(), ids=GATES)
def test_training_that_still_rises_decides_nothing(gate: Any) -> None:
    still = bench(**{name: training(rise=20) for name in NAMES})
    with pytest.raises(NotTestable, match=r"had not flattened: from 75% .* still rose by 6\.7 points \(t 4\.6\)"):
        judge(gate, still)


def test_a_rise_too_small_to_matter_or_to_be_told_from_noise_is_flat() -> None:
    many = np.zeros(300, dtype=bool), np.arange(300) < 1
    assert saturation([[many]]).flat  # a third of a point
    rng = np.random.default_rng(5)
    noisy = [[(rng.random(300) < 0.5, rng.random(300) < 0.51)]]
    assert saturation(noisy).flat
    rising = [[(rng.random(300) < 0.5, rng.random(300) < 0.6)] for _ in range(8)]
    assert not saturation(rising).flat


@pytest.mark.parametrize("gate", GATES.values(), ids=GATES)
def test_adapters_and_whole_models_are_not_trained_equally(gate: Any) -> None:
    with pytest.raises(NotTestable, match="both sides of 20 M parameters: all weights of ref0, ref1"):
        judge(gate, bench(honest=training(method="lora")))


@pytest.mark.parametrize("gate", GATES.values(), ids=GATES)
def test_a_model_that_could_not_be_trained_says_why(gate: Any) -> None:
    made = bench()
    kept = {
        key: value for key, value in made.table.scores.items() if not (key.model == "honest" and key.stage == "after")
    }
    by_stage = {key: value for key, value in made.table.by_stage.items() if key[1:3] != ("honest", "after")}
    lacks = {("task", "honest"): "recorded:a.sqlite holds answers and no weights: it cannot be trained"}
    cut = replace(made, table=replace(made.table, scores=kept, by_stage=by_stage, lacks=lacks))
    with pytest.raises(NotTestable, match=r"honest has no scores on task after training \(recorded:a.sqlite holds"):
        judge(gate, cut)


# --- the reading ---


def outcome(p: float, effect: float, *, margin: float | None = 0.4, mde: float = 0.3) -> Outcome:
    return Outcome(
        finding="f",
        n=10,
        statistic_name="T",
        statistic=0.0,
        pvalue=p,
        effects=(Effect("e", effect, margin=margin),),
        detectable=(Detectable("e", mde, 0.8),),
    )


@pytest.mark.parametrize(
    ("made", "mark"),
    [
        (outcome(0.001, 0.5), "+"),
        (outcome(0.001, 0.3), "-"),  # under the margin
        (outcome(0.3, 0.1), "-"),
        (outcome(0.3, 0.1, mde=0.9), "?"),  # could not have been seen
        (replace(outcome(0.1, 0.5), inconclusive="suggested"), "?"),
        (outcome(0.001, 0.1, margin=None), "+"),
        (outcome(0.999, -0.1, margin=None), "-"),
    ],
)
def test_a_sign_is_evidence_its_absence_with_power_or_a_question(made: Outcome, mark: str) -> None:
    assert reading.sign("x", lambda: made, alpha=0.05).mark == mark


def test_what_cannot_be_judged_reads_as_a_question_and_nothing_is_read() -> None:
    made = judge(reading, open_benchmark("scores:embedded?name=task"), "prepared")
    marks = {row[0]: row[1] for row in made.tables[0].rows}
    assert marks == {"items": "?", "format": "?", "task": "+"}
    assert reading.UNREAD in made.finding
    assert not made.gated


def test_every_row_of_the_table_of_causes_is_there() -> None:
    assert set(reading.READINGS) == {a + b + c for a in "+-" for b in "+-" for c in "+-"}
    assert "cheat" not in " ".join(reading.READINGS.values())
