"""The trained organisms of rank_stability, judged from the answers that ship: who is named, and how often wrongly."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rank_organisms import GATES, MUST, NAMED_AT_MOST, UNPREPARED, judged, shipped

from seepage.errors import BackendError
from seepage.organisms import TRAINED_ROLES, kinds, kinds_panel, kinds_recipe
from seepage.scores import ScoreBenchmark, Scores, indexed


@pytest.fixture(scope="module")
def bench() -> ScoreBenchmark:
    return shipped()


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
    words = {model: judged(bench, gate, model).word for model in UNPREPARED}
    assert len(words) == 20
    assert sum(word == "leak" for word in words.values()) <= NAMED_AT_MOST, words


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
