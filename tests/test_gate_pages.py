"""What make gate-real writes down: the ladder over sparsities is read from the results of a run and nothing else."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from seepage.records import Cell, Verdict

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

import ladder

CSV = "rung,items,share right,low,high\r\nopen,100,{open},0,1\r\nbyte,100,{byte},0,1\r\n"


def verdict(model: str, hypothesis: str = "mc_generation.recognition") -> Verdict:
    return Verdict(Cell(hypothesis, model, "hindu", family="mc_generation"), "no-evidence", "said")


def result(folder: Path, model: str, **shares: float) -> None:
    source = f"{model}-attachment.csv"
    (folder / source).write_text(CSV.format(**shares))
    step = {"name": "ladder: 2 rows", "attachments": [{"name": "ladder.csv", "source": source, "type": "text/csv"}]}
    labels = [{"name": "cell", "value": verdict(model).cell.key}]
    (folder / f"{model}-result.json").write_text(json.dumps({"labels": labels, "steps": [step]}))


def test_a_picture_is_drawn_for_each_method_from_the_dense_model_up(tmp_path: Path) -> None:
    for model, opened in (("big", 0.6), ("big.wanda30", 0.4), ("big.wanda50", 0.1), ("big.magnitude50", 0.0)):
        result(tmp_path, model, open=opened, byte=0.9)
    models = ("big", "big.wanda30", "big.wanda50", "big.magnitude50", "big.wanda60")
    shown = ladder.pictures([verdict(model) for model in models], tmp_path, tmp_path / "page.md")
    assert [line.partition("]")[0] for line in shown] == [
        "![hindu: the ladder as magnitude prunes",
        "![hindu: the ladder as wanda prunes",
    ]
    assert "% of weights pruned" in (tmp_path / "images" / "page-ladder-hindu-wanda.svg").read_text()


def test_a_cell_that_was_not_judged_has_no_rungs_and_no_picture(tmp_path: Path) -> None:
    result(tmp_path, "big", open=0.6, byte=0.9)
    assert ladder.rungs(tmp_path, verdict("big.wanda30").cell.key) == {}
    assert ladder.pictures([verdict("big"), verdict("big.wanda30")], tmp_path, tmp_path / "page.md") == []


def test_the_levels_of_a_method_leave_out_the_twins_of_another() -> None:
    steps = {("hindu", "big"): {"open": 0.6}, ("hindu", "big.wanda62.5"): {"open": 0.1}, ("hindu", "big.rtn4"): {}}
    assert dict(ladder.levels_of(steps, "hindu", "wanda")) == {0.0: {"open": 0.6}, 62.5: {"open": 0.1}}
    assert dict(ladder.levels_of(steps, "hindu", "magnitude")) == {0.0: {"open": 0.6}}


@pytest.mark.parametrize("model", ["big", "big.rtn4", "big.wanda2of4"])
def test_only_a_sparsity_has_a_place_on_the_axis(model: str) -> None:
    assert ladder.TWIN.fullmatch(model) is None
