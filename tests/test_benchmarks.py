"""A benchmark is items in published order; a missing field, a repeated item or no item at all is refused by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seepage.benchmarks import Item, open_benchmark
from seepage.errors import BadSpec

ROWS = [
    {"qid": "a", "stem": "2 + 2?", "choices": ["3", "4", "5"], "answer": "B", "topic": "sums", "year": 2020},
    {"qid": "b", "stem": "3 + 3?", "choices": ["6", "7", "8"], "answer": "A", "topic": "sums", "year": 2021},
]
MAP = "?id=qid&question=stem&options=choices&gold=answer&cluster=topic"


def jsonl(folder: Path, rows: list[dict], name: str = "quiz.jsonl") -> str:
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return f"file:{folder / name}"


def test_a_field_map_reads_every_field(tmp_path: Path) -> None:
    found = open_benchmark(jsonl(tmp_path, ROWS) + MAP + "&keep=year&lang==en")
    assert found.id == "quiz"
    assert found.items[0] == Item(
        id="a", question="2 + 2?", options=("3", "4", "5"), gold=1, cluster="sums", lang="en", facts={"year": 2020}
    )
    assert [item.gold for item in found.items] == [1, 0]
    assert found.items[0].accepted == ("4",)


def test_a_csv_with_one_column_an_option_needs_no_map_for_its_own_names(tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_text("question,A,B,C,gold,aliases\nWhich?,x,y,z,2,zed\nWho?,p,q,r,0,\n")
    found = open_benchmark(f"file:{tmp_path / 'q.csv'}?options=A,B,C")
    assert [(i.id, i.options, i.gold, i.accepted) for i in found.items] == [
        ("row-2", ("x", "y", "z"), 2, ("z", "zed")),
        ("row-3", ("p", "q", "r"), 0, ("p",)),
    ]


def test_labels_and_nested_fields_are_followed(tmp_path: Path) -> None:
    rows = [{"question": "?", "choices": {"text": ["x", "y"], "label": ["1", "2"]}, "answerKey": "2"}]
    spec = jsonl(tmp_path, rows) + "?options=choices.text&labels=choices.label&gold=answerKey"
    assert open_benchmark(spec).items[0].gold == 1


def test_an_open_question_needs_no_options(tmp_path: Path) -> None:
    item = open_benchmark(jsonl(tmp_path, [{"question": "Capital?", "aliases": ["Rome", "Roma"]}])).items[0]
    assert (item.options, item.gold, item.accepted) == ((), None, ("Rome", "Roma"))


def test_parquet_opens_as_jsonl_does(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install 'seepage[datasets]'")
    from pyarrow import parquet

    parquet.write_table(pyarrow.Table.from_pylist(ROWS), tmp_path / "quiz.parquet")
    same = open_benchmark(f"file:{tmp_path / 'quiz.parquet'}{MAP}")
    assert same.digest == open_benchmark(jsonl(tmp_path, ROWS) + MAP).digest
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 no table")
    with pytest.raises(BadSpec, match=r"broken\.parquet' is not a readable parquet file"):
        open_benchmark(f"file:{tmp_path / 'broken.parquet'}{MAP}")


def test_the_digest_changes_with_an_item_and_with_the_order(tmp_path: Path) -> None:
    digests = {
        open_benchmark(jsonl(tmp_path, rows, f"{i}.jsonl") + MAP).digest
        for i, rows in enumerate([ROWS, ROWS[::-1], [ROWS[0], {**ROWS[1], "stem": "3+3?"}], ROWS])
    }
    assert len(digests) == 3


@pytest.mark.parametrize(
    ("rows", "spec", "message"),
    [
        ([], MAP, r"quiz\.jsonl has no items"),
        (ROWS, "", r"no column 'question' \(question; map it: question=column\)\. Columns: qid, stem"),
        (ROWS, MAP + "&context=passage", r"no column 'passage' \(context\)"),
        ([*ROWS, {**ROWS[0], "qid": "c", "stem": None}], MAP, "row 3 has no question"),
        ([*ROWS, {"qid": "c", "choices": ["1", "2"], "answer": "A", "topic": ""}], MAP, r"row 3 has no field 'stem'"),
        ([*ROWS, {**ROWS[0], "qid": "c"}], MAP, r"row 3: the item repeats row 1 \('2 \+ 2\?'\)"),
        ([*ROWS, {**ROWS[0], "stem": "4 + 4?"}], MAP, r"row 3: id 'a' is already in row 1"),
        ([*ROWS, {**ROWS[0], "qid": "c", "stem": "?", "answer": None}], MAP, "row 3 has no gold"),
        ([*ROWS, {**ROWS[0], "qid": "c", "stem": "?", "answer": "D"}], MAP, r"row 3: gold 'D' is no index or letter"),
        ([{**ROWS[0], "choices": ["3", "3"]}], MAP, "two are the same"),
        ([{**ROWS[0], "choices": ["3"]}], MAP, "at least two, none of them empty"),
        ([{**ROWS[0], "answer": "4"}], MAP + "&gold_is=index", "gold '4' is no index of"),
        ([{"question": "?", "options": ["1", "2"], "gold": "1"}], "", "may be an index or a text .*gold_is=index"),
        (ROWS, MAP + "&gold_is=lettr", r"gold_is='lettr'.*Did you mean letter\?"),
        (ROWS, MAP + "&gould=answer", r"unknown field 'gould'.*Known: id, question.*Did you mean gold\?"),
        (ROWS, MAP + "&answer_type==word", "answer_type='word'.*Known: number, date, name, other"),
    ],
)
def test_faults_are_refused_by_row_and_field(tmp_path: Path, rows: list[dict], spec: str, message: str) -> None:
    with pytest.raises(BadSpec, match=message):
        open_benchmark(jsonl(tmp_path, rows) + spec)


def test_gold_counted_from_one_must_be_stated(tmp_path: Path) -> None:
    rows = [{"question": "?", "options": ["x", "y"], "gold": 2}, {"question": "!", "options": ["x", "y"], "gold": 1}]
    spec = jsonl(tmp_path, rows)
    with pytest.raises(BadSpec, match=r"row 1: gold 2 is no index .*index1"):
        open_benchmark(spec)
    assert [item.gold for item in open_benchmark(spec + "?gold_is=index1").items] == [1, 0]


def test_an_unknown_provider_is_refused() -> None:
    with pytest.raises(
        BadSpec,
        match=r"unknown benchmark provider 'fil:'.*Known: file, hf, bigbench, embedded\. Did you mean file:q\.csv\?",
    ):
        open_benchmark("fil:q.csv")


# --- datasets ------------------------------------------------------------------------------------------------------


@pytest.fixture
def datasets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    found = pytest.importorskip("datasets", reason="datasets is not installed: pip install 'seepage[datasets]'")
    monkeypatch.setattr(found.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(found.config, "HF_HUB_OFFLINE", True)
    found.disable_progress_bars()
    return found


def test_a_local_folder_opens_through_datasets(datasets, tmp_path: Path) -> None:
    folder = tmp_path / "my_set"
    folder.mkdir()
    jsonl(folder, ROWS, "test.jsonl")
    jsonl(folder, ROWS[:1], "train.jsonl")
    found = open_benchmark(f"hf:{folder}{MAP}&split=test")
    assert found.id == "my_set"
    assert [item.id for item in found.items] == ["a", "b"]
    with pytest.raises(BadSpec, match="has splits test, train; state one, split=test"):
        open_benchmark(f"hf:{folder}{MAP}")
    with pytest.raises(BadSpec, match=r"has no split 'tset'. Known: test, train. Did you mean test\?"):
        open_benchmark(f"hf:{folder}{MAP}&split=tset")


def test_a_saved_dataset_opens_from_disk(datasets, tmp_path: Path) -> None:
    datasets.Dataset.from_list(ROWS).save_to_disk(str(tmp_path / "saved"))
    assert len(open_benchmark(f"hf:{tmp_path / 'saved'}{MAP}")) == 2


def test_an_id_that_cannot_be_loaded_is_refused_with_what_is_accepted(datasets, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadSpec, match=r"could not be loaded by datasets: .*Accepted: a local folder of csv"):
        open_benchmark(f"hf:{tmp_path / 'empty'}{MAP}")
