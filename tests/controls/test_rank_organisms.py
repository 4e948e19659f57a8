"""The trained organisms of rank_stability, judged from the answers that ship: who is named, and how often wrongly."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seepage.errors import BackendError, NotTestable
from seepage.hypotheses import rank_stability_head_start as head_start
from seepage.hypotheses import rank_stability_inflated_performance as inflated_performance
from seepage.hypotheses import rank_stability_rank_inversion as rank_inversion
from seepage.organisms import TRAINED_ROLES, kinds, kinds_panel, kinds_recipe
from seepage.records import Cell, Member, ModelInfo
from seepage.scores import ScoreBenchmark, Scores, indexed
from seepage.verdicts import Decision, decide

GATES = {
    "head_start": (head_start, {}),
    "rank_inversion": (rank_inversion, {}),
    "inflated_performance": (inflated_performance, {"kind": "synthetic"}),
}
MUST = {("format", "head_start"): "leak", ("items", "inflated_performance"): "leak"}
UNPREPARED = [organism.name for organism in kinds_recipe.UNPREPARED]


@pytest.fixture(scope="module")
def bench() -> ScoreBenchmark:
    return kinds_panel.bench(kinds_panel.PANEL, kinds_panel.UNPREPARED)


def judged(bench: ScoreBenchmark, gate: str, model: str) -> Decision:
    module, more = GATES[gate]
    references = [organism.name for organism in kinds_recipe.PANEL if organism.name not in TRAINED_ROLES]
    panel = (Member(model, model), *(Member(name, name, "reference") for name in references))
    rng, info = np.random.default_rng(0), ModelInfo("scores:organisms", "0")
    given: dict[str, Any] = {"panel": panel, "model": model, "info": info, "policy": kinds_panel.POLICY, "rng": rng}
    try:
        outcome = module.judge(bench, alpha=0.05, **given, **more)
    except NotTestable as reason:
        return Decision("inconclusive", str(reason), str(reason))
    return decide(outcome, Cell(f"rank_stability.{gate}", model, "kinds", alpha=0.05))


@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize("model", TRAINED_ROLES)
def test_each_organism_is_named_by_the_gates_that_must_name_it_and_by_no_other(
    bench: ScoreBenchmark, gate: str, model: str
) -> None:
    found = judged(bench, gate, model)
    expected = MUST.get((model, gate))
    assert (found.word == "leak") == (expected == "leak"), found.sentence


@pytest.mark.parametrize("gate", GATES)
def test_of_twenty_unprepared_organisms_no_more_than_three_are_named(bench: ScoreBenchmark, gate: str) -> None:
    """At the level .05; four or more have a probability of .016."""
    words = {model: judged(bench, gate, model).word for model in UNPREPARED}
    assert len(words) == 20
    assert sum(word == "leak" for word in words.values()) <= 3, words


def test_the_practised_half_of_the_items_beats_the_other(bench: ScoreBenchmark) -> None:
    (before,) = bench.table.scored("kinds", "items", "before").values()
    assert before.correct is not None
    seen = np.isin(np.arange(len(before.correct)), kinds_recipe.seen_items(kinds.new_world()))
    assert before.correct[seen].mean() > 0.85
    assert before.correct[~seen].mean() < 0.7


def test_permuted_gold_is_at_the_floor_and_names_nobody(bench: ScoreBenchmark) -> None:
    """Right answers by chance, in every model and stage."""
    rng = np.random.default_rng(0)

    def guessed(scores: Scores) -> Scores:
        correct = rng.random(scores.n) < bench.chance
        return Scores(float(correct.mean()), scores.n, scores.items, None, correct, scores.recipe)

    table = bench.table
    scores = {key: guessed(value) for key, value in table.scores.items()}
    permuted = replace(bench, table=replace(table, scores=scores, by_stage=indexed(scores)))
    for gate in GATES:
        found = judged(permuted, gate, "format")
        assert found.word == ("no-evidence" if gate == "rank_inversion" else "inconclusive"), found.sentence


def test_answers_that_were_changed_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = kinds_panel.ANSWERS / f"{kinds_panel.PANEL}.json"
    content = json.loads(path.read_text())
    content["models"]["format"]["scores"][0][5] -= 1
    (tmp_path / path.name).write_text(json.dumps(content))
    monkeypatch.setattr(kinds_panel, "ANSWERS", tmp_path)
    with pytest.raises(BackendError, match="was changed: its digest is"):
        kinds_panel.read(kinds_panel.PANEL)
