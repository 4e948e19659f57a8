"""Tables of published scores: every form they may have, and every fault is named with its row."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from seepage import scores, tables
from seepage.errors import BadSpec, NotTestable
from seepage.hypotheses import (
    rank_stability_head_start,
    rank_stability_inflated_performance,
    rank_stability_rank_inversion,
)
from seepage.models import open_model
from seepage.organisms import score_panel
from seepage.policy import RankStabilityPolicy
from seepage.records import Cell, Entry, Member, ModelInfo, Score
from seepage.scores import Key
from seepage.verdicts import decide

ITEMS = """\
model,benchmark,stage,seed,item,correct,cluster,role,lineage,params,chance
a,quiz,before,0,q2,1,p1,reference,A,70M,0.25
a,quiz,before,0,q1,0,p1,reference,A,70M,0.25
a,quiz,after,0,q1,true,p1,reference,A,70M,0.25
a,quiz,after,0,q2,True,p1,reference,A,70M,0.25
b,quiz,before,0,q1,1,p1,,B,,
b,quiz,before,0,q2,false,p1,,B,,
"""


def write(tmp_path: Path, text: str, name: str = "t.csv") -> str:
    path = tmp_path / name
    path.write_text(text)
    return str(path)


def test_answers_are_put_in_one_order_of_items_whatever_the_order_of_rows(tmp_path: Path) -> None:
    table = scores.read(write(tmp_path, ITEMS))
    assert table.models == ("a", "b")
    assert table.benchmarks == ("quiz",)
    first, second = (table.scores[Key("quiz", name, "before", "", 0)] for name in "ab")
    assert np.array_equal(first.items, second.items)
    assert first.correct.tolist() != second.correct.tolist()
    assert first.accuracy == second.accuracy == 0.5
    assert table.scores[Key("quiz", "a", "after", "", 0)].correct.all()
    assert first.clusters.tolist() == [0, 0]
    assert table.chance == {"quiz": 0.25}
    assert table.facts["a"] == {"role": "reference", "lineage": "A", "params": 70_000_000}
    assert table.facts["b"] == {"lineage": "B"}


def test_items_without_a_cluster_stand_alone_and_a_seed_may_be_left_out(tmp_path: Path) -> None:
    text = "model,seed,item,correct,cluster\na,,q1,1,\na,,q2,0,\na,,q3,1,p\na,,q4,1,p\n"
    found = scores.read(write(tmp_path, text)).scores[Key("t", "a", "before", "", 0)]
    assert len(set(found.clusters.tolist())) == 3
    assert found.clusters[2] == found.clusters[3]


def test_two_names_that_make_one_id_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "model,accuracy,n\norg/a,.5,10\norg_a,.5,10\n")
    with pytest.raises(BadSpec, match="both have the id 'org_a'"):
        scores.expand([Entry("t", f"scores:{path}")], "model")


def test_scores_alone_are_read_too_and_a_table_of_one_benchmark_needs_no_column_for_it(tmp_path: Path) -> None:
    table = scores.read(write(tmp_path, "model,accuracy,n\nx,0.5,200\ny,.75,200\n", "arc.csv"))
    assert table.benchmarks == ("arc",)
    found = table.scores[Key("arc", "y", "before", "", 0)]
    assert (found.accuracy, found.n, found.correct) == (0.75, 200, None)


def test_jsonl_and_parquet_say_the_same(tmp_path: Path) -> None:
    rows = [
        {"model": m, "item": i, "correct": c} for m, i, c in (("a", 1, True), ("a", 2, False), ("b", 1, 1), ("b", 2, 0))
    ]
    lines = write(tmp_path, "\n".join(map(json.dumps, rows)), "t.jsonl")
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    typed = [{**row, "correct": bool(row["correct"])} for row in rows]
    parquet.write_table(arrow.Table.from_pylist(typed), tmp_path / "t.parquet")
    one, other = scores.read(lines), scores.read(str(tmp_path / "t.parquet"))
    assert one.scores.keys() == other.scores.keys()
    for key, found in one.scores.items():
        assert found.accuracy == other.scores[key].accuracy == 0.5
        assert np.array_equal(found.correct, other.scores[key].correct)


def test_numbers_bare_names_and_coded_names_of_parquet_are_the_text_of_csv(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    text = "model,seed,item,correct,cluster,chance\n" + "".join(
        f"{m},{seed},{i},{(i * 7 + seed) % 3 % 2},{'p' if i % 2 else ''},.25\n"
        for m in ("b", "a ")
        for seed in (1, 0)
        for i in range(5)
    )
    columns = {
        name: [line.split(",")[k] for line in text.splitlines()[1:]]
        for k, name in enumerate(text.split("\n")[0].split(","))
    }
    typed = {
        "model": arrow.array(columns["model"]).dictionary_encode(),
        "seed": arrow.array(map(int, columns["seed"]), type=arrow.int32()),
        "item": arrow.array(map(int, columns["item"])),
        "correct": arrow.array([c == "1" for c in columns["correct"]]),
        "cluster": arrow.array([c or None for c in columns["cluster"]]),
        "chance": arrow.array(map(float, columns["chance"])),
    }
    parquet.write_table(arrow.table(typed), tmp_path / "t.parquet", row_group_size=3)
    one, other = scores.read(write(tmp_path, text)), scores.read(str(tmp_path / "t.parquet"))
    assert one.models == other.models == ("b", "a")
    assert one.chance == other.chance
    assert list(one.scores) == list(other.scores)
    for key, found in one.scores.items():
        for name in ("items", "clusters", "correct"):
            assert np.array_equal(getattr(found, name), getattr(other.scores[key], name))


def test_a_table_is_the_same_however_much_of_it_is_held_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, ITEMS)
    whole = tables.read_columns(path, scores.READ)
    monkeypatch.setattr(tables, "CHUNK", 2)
    pieces = tables.read_columns(path, scores.READ)
    assert whole.lines.tolist() == pieces.lines.tolist() == [2, 3, 4, 5, 6, 7]
    for name, column in whole.columns.items():
        assert column.words == pieces.columns[name].words
        assert np.array_equal(column.codes, pieces.columns[name].codes)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("model,item,correct\n", "has no scores"),
        ("model,item\na,1\n", "has no column 'accuracy'"),
        ("model,item,right\na,1,1\n", "unknown column 'right'"),
        ("item,correct\n1,1\n", "has no column 'model'"),
        ("model,correct\na,1\n", "has no column 'item'"),
        ("model,item,correct\na,1,maybe\n", "row 2 has correct='maybe'; accepted: 0, 1, true, false"),
        ("model,item,correct\na,1,\n", "row 2 has correct=''"),
        ("model,item,correct\na,1,1\na,1,0\n", "row 2 and row 3 score one item"),
        ("model,item,correct\na,1,1\n,1,0\n", "row 3 has no model"),
        ("model,accuracy,n\na,1.5,10\n", "accuracy='1.5' in .*row 2; accepted: a number from 0 to 1"),
        ("model,accuracy,n\na,nan,10\n", "accuracy='nan'"),
        ("model,accuracy,n\na,.5,0\n", "n='0'"),
        ("model,accuracy,n\na,.5,10\na,.6,10\n", "row 2 and row 3 are two scores"),
        ("model,seed,accuracy,n\na,,.5,10\na,0,.6,10\n", "row 2 and row 3 are two scores"),
        ("model,seed,item,correct\na,1,q,1\na,01,q,0\n", "row 2 and row 3 score one item"),
        ("model,stage,accuracy,n\na,during,.5,10\n", "unknown stage 'during'.*Known: before, after"),
        ("model,form,accuracy,n\na,essay,.5,10\n", "unknown form 'essay'"),
        ("model,seed,accuracy,n\na,one,.5,10\n", "seed='one'; accepted: whole numbers"),
        ("model,role,accuracy,n\na,judge,.5,10\n", "role='judge'"),
        ("model,params,accuracy,n\na,big,.5,10\n", "params='big'.*model a"),
        ("model,released,accuracy,n\na,yesterday,.5,10\n", "released='yesterday'"),
        (
            "model,stage,lineage,accuracy,n\na,before,X,.5,9\na,after,Y,.5,9\n",
            "lineage of a is 'X' in row 2 and 'Y' in row 3",
        ),
        ("model,chance,accuracy,n\na,1,.5,10\n", "chance='1'"),
        ("model,item,correct,recipe\na,1,1,x\na,2,1,y\n", "row 2 has recipe='x', row 3 of the same .*'y'"),
    ],
)
def test_a_bad_table_is_refused_by_name(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(BadSpec, match=named):
        scores.read(write(tmp_path, text))


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(BadSpec, match=r"'no\.csv' does not exist"):
        scores.read("no.csv")


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    path = write(tmp_path, "model,accuracy,n\na,.5,10\n")
    first = scores.read(path)
    assert scores.read(path) is first
    write(tmp_path, "model,accuracy,n\na,.5,10\nbb,.5,10\n")
    assert scores.read(path).models == ("a", "bb")
    assert scores.read(path).digest != first.digest


# --- specs ---


def test_a_table_stands_for_all_its_models_and_benchmarks(tmp_path: Path) -> None:
    path = write(tmp_path, ITEMS)
    models = scores.expand([Entry("t", f"scores:{path}", world="scores")], "model")
    assert [(m.id, m.role) for m in models] == [("a", "reference"), ("b", "candidate")]
    assert models[0].facts == {"lineage": "A", "params": 70_000_000}
    assert models[0].spec == f"scores:{path}?name=a"
    (bench,) = scores.expand([Entry("t", f"scores:{path}", world="scores")], "benchmark")
    assert (bench.id, bench.facts) == ("quiz", {"kind": (), "forms": ()})
    mine = Entry("mine", f"scores:{path}?name=a", role="candidate", facts={"lineage": "Z"}, world="scores")
    (one,) = scores.expand([mine], "model")
    assert (one.id, one.facts["lineage"], one.facts["params"]) == ("mine", "Z", 70_000_000)
    other = Entry("x", "hf:a")
    assert scores.expand([other], "model") == (other,)


def test_a_benchmark_states_what_a_guess_scores(tmp_path: Path) -> None:
    path = write(tmp_path, "model,accuracy,n\na,.5,10\n", "arc.csv")
    with pytest.raises(BadSpec, match=r"does not state what a guess scores on arc; add chance=0.25"):
        scores.open_benchmark(f"scores:{path}")
    assert scores.open_benchmark(f"scores:{path}?chance=.25").chance == 0.25
    with pytest.raises(BadSpec, match="chance='2'"):
        scores.open_benchmark(f"scores:{path}?chance=2")
    with pytest.raises(BadSpec, match=r"unknown benchmark 'gsm'.*Known: arc"):
        scores.open_benchmark(f"scores:{path}?chance=0&synthetic=gsm")
    with pytest.raises(BadSpec, match=r"names no benchmark.*Did you mean arc"):
        scores.open_benchmark(f"scores:{path}?name=arcc")


def test_a_scored_model_is_opened_and_answers_nothing() -> None:
    model = open_model("scores:embedded?name=honest")
    assert model.info.access == ()
    assert model.info.digest != open_model("scores:embedded?name=prepared").info.digest
    with pytest.raises(NotTestable, match="holds scores and no model"):
        next(iter(model.answers([Score("a", (" b",))])))
    with pytest.raises(BadSpec, match="names no model"):
        open_model("scores:embedded?name=nobody")


def test_the_panel_that_ships_has_the_scores_that_its_formula_says() -> None:
    table = score_panel.table()
    found = table.scored("task", "prepared", "before")[0]
    assert found.accuracy == 0.62
    assert [s.accuracy for s in table.scored("task", "prepared", "after").values()] == [0.64, 0.65, 0.66]
    assert table.scored("line", "inflated", "before")[0].accuracy == 0.75


def test_the_controls_hold_their_words_among_thousands_of_cells() -> None:
    """At .05 of 3,000 cells: what is planted is far enough out, whatever a user's run adds to the family."""
    table, alpha = score_panel.table(), 0.05 / 3000
    members = [Member(name, name, table.facts.get(name, {}).get("role", "candidate")) for name in table.models]
    given = {
        "panel": members,
        "info": ModelInfo("scores:embedded", "0"),
        "policy": RankStabilityPolicy(),
        "alpha": alpha,
    }
    task, line = (scores.open_benchmark(f"scores:embedded?name={name}") for name in ("task", "line&synthetic=new"))
    for module in (rank_stability_head_start, rank_stability_rank_inversion):
        for name, leaks in (("prepared", True), ("honest", False)):
            found = module.judge(task, model=name, rng=np.random.default_rng(0), **given)
            assert (decide(found, Cell("x", name, "task", alpha=alpha)).word == "leak") is leaks
    for name, leaks in (("inflated", True), ("level", False)):
        found = rank_stability_inflated_performance.judge(line, kind="synthetic", model=name, **given)
        assert (decide(found, Cell("x", name, "line", alpha=alpha)).word == "leak") is leaks
