"""Bad files of a user, through the whole plugin: each breaks its own cells with one sentence, or is inconclusive."""

import json
import sqlite3

import pytest

GOOD, HEAD = "p=.5", "unit=points&name=an index&blind=an index&domain=trade"


def table(rows):
    return "date,x\n" + "".join(f"{date},{value}\n" for date, value in rows)


def walk(n):
    return [(f"{1990 + i // 12}-{i % 12 + 1:02d}", f"{5 + (i * 7919 % 31) / 10:.1f}") for i in range(n)]


SERIES = {
    "good": (table(walk(150)), "no-evidence", ""),
    "short": (table(walk(100)), "inconclusive", "has 100 values; at least 120"),
    "tiny": (table(walk(29)), "broken", "has 29 values; at least 30"),
    "twice": (table([*walk(150), walk(150)[-1]]), "broken", "duplicate date '2002-06'"),
    "gap": (table([*walk(150)[:70], *walk(150)[71:]]), "broken", "gap, no row for 1995-11"),
    "words": (table([*walk(149), ("2002-06", "five")]), "broken", "'five' is not a number"),
    "endless": (table([*walk(149), ("2002-06", "inf")]), "broken", "'inf' is not finite"),
    "mixed": (table([*walk(149), ("2002-06", "5.25")]), "broken", "mixed decimals"),
    "disorder": (table([*walk(150)[:70], walk(150)[71], walk(150)[70], *walk(150)[72:]]), "broken", "out of order"),
    "absent": (None, "broken", "absent.csv"),
}


def test_every_bad_table_is_told_in_its_own_cell_and_the_good_one_is_judged(house):
    house.configure({"mine": GOOD}, series=())
    lines = []
    for name, (text, _, _) in SERIES.items():
        if text is not None:
            house.write(f"{name}.csv", text)
        lines += ["[[tool.seepage.series]]", f'id = "{name}"', f'spec = "csv:{name}.csv#x?{HEAD}"']
    project = house.pytester.path / "pyproject.toml"
    project.write_text(project.read_text() + "\n" + "\n".join(lines))
    read = house.run()
    assert read.words == {f"mine-{name}": word for name, (_, word, _) in SERIES.items()}
    for name, (_, word, reason) in SERIES.items():
        row = read.evidence[f"toy.echo[mine-{name}]"]
        if word != "no-evidence":
            assert reason in row["reason"]
            assert (row["pvalue"], row["statistic"], row["effects"]) == (None, None, [])  # no data is no number
    assert read.agree() == {"passed": 1, "skipped": 1, "error": 8}


MODELS = {
    "gone": ({}, "there is no file or directory"),
    "empty": ({".keep": ""}, "no config.json"),
    "bare": ({"config.json": "{}", "tokenizer.json": "{}"}, "no weights"),
    "cut": ({"config.json": "{}", "tokenizer.json": "{}", "model.safetensors": "x"}, "model.safetensors is damaged"),
    "mute": ({"config.json": "{}", "model.safetensors": "x"}, "no tokenizer"),
    "pickled": ({"config.json": "{}", "tokenizer.json": "{}", "pytorch_model.bin": "x"}, "add ?allow_pickle=1"),
    "coded": (
        {"config.json": json.dumps({"auto_map": {"AutoModel": "evil.Evil"}}), "tokenizer.json": "{}"},
        "add ?trust_remote_code=1",
    ),
}


def test_every_bad_model_directory_is_told_and_the_other_models_still_run(house):
    house.configure({"mine": GOOD, "theirs": "p=.0001&effect=.5"})
    lines = []
    for name, (files, _) in MODELS.items():
        for file, text in files.items():
            house.write(f"{name}/{file}", text)
        lines += ["[[tool.seepage.models]]", f'id = "{name}"', f'spec = "hf:./{name}"', 'world = "real"']
    project = house.pytester.path / "pyproject.toml"
    project.write_text(project.read_text() + "\n" + "\n".join(lines))
    read = house.run()
    assert read.agree() == {"error": len(MODELS), "passed": 1, "failed": 1}
    for name, (_, reason) in MODELS.items():
        row = read.evidence[f"toy.echo[{name}-a]"]
        assert row["word"] == "broken"
        assert row["reason"].startswith(f"BackendError: hf:./{name}")
        assert reason in row["reason"]


BENCH = """
import pytest
from seepage.errors import NotTestable

@pytest.mark.seepage("toy.count", axes=("model", "bench"))
def test_count(model, bench, cell, ask, judge):
    raise NotTestable(f"{len(bench.items)} items are too few")
"""
QUIZ = [{"question": f"{i} + 1?", "options": [str(i), str(i + 1)], "gold": "B"} for i in range(3)]
BENCHMARKS = {
    "fine": (QUIZ, "inconclusive", "3 items are too few"),
    "none": ([], "broken", "no items"),
    "lacking": ([*QUIZ, {"options": ["1", "2"], "gold": "A"}], "broken", "question"),
    "repeated": ([*QUIZ, QUIZ[0]], "broken", "repeats row 1"),
}


def test_a_benchmark_without_items_or_fields_or_with_an_item_twice_is_broken_and_named(house):
    house.write("test_echo.py", BENCH)
    house.configure({"mine": GOOD})
    lines = []
    for name, (rows, _, _) in BENCHMARKS.items():
        house.write(f"{name}.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
        lines += ["[[tool.seepage.benchmarks]]", f'id = "{name}"', f'spec = "file:{name}.jsonl"']
    project = house.pytester.path / "pyproject.toml"
    project.write_text(project.read_text() + "\n" + "\n".join(lines))
    read = house.run()
    assert read.agree() == {"error": 3, "skipped": 1}
    for name, (_, word, reason) in BENCHMARKS.items():
        row = read.evidence[f"toy.count[mine-{name}]"]
        assert row["word"] == word
        assert reason in row["reason"]


@pytest.mark.parametrize("how", ["another schema", "no database"])
def test_a_store_that_is_not_ours_is_told_by_every_cell_and_left_as_it_is(house, how):
    house.configure({"mine": GOOD, "theirs": GOOD})
    assert house.run().exit_code == 0
    store = house.pytester.path / ".seepage/answers.sqlite"
    if how == "another schema":
        with sqlite3.connect(store) as db:
            db.execute("PRAGMA user_version = 99")
        db.close()
    else:
        store.write_text("date,value\n" * 400)
    content = store.read_bytes()
    read = house.run()
    assert read.agree() == {"error": 2}
    assert read.exit_code == 1
    assert "it was left as it is" in read.evidence["toy.echo[mine-a]"]["reason"]
    assert store.read_bytes() == content


def test_the_seed_of_the_policy_and_the_name_of_the_cell_decide_every_draw(house):
    house.configure({"mine": GOOD, "theirs": GOOD}, series=("a", "b"))
    first = {key: row["statistic"] for key, row in house.run().evidence.items()}
    assert len(set(first.values())) == 4
    assert {key: row["statistic"] for key, row in house.run().evidence.items()} == first
    house.configure({"mine": GOOD, "theirs": GOOD}, series=("a", "b"), extra="seed = 1")
    other = {key: row["statistic"] for key, row in house.run().evidence.items()}
    assert not set(other.values()) & set(first.values())
