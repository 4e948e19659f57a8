"""The same verdicts, digit for digit: with and without workers, run after run, and from the store alone."""

import json
import os
import sqlite3
import subprocess
import sys

import pytest

MODELS = {
    "leaks": "p=.0001&effect=.5",
    "quiet": "p=.5",
    "weak": "p=.4&mde=.9",
    "odd": "p=.5&placebo=1",
    "holm": "p=.012&effect=.4",
    "pos": "p=.0001&effect=.5|positive-control",
}
WHEN = ("started", "seconds", "versions", "command")


def figures(read):
    return {key: {k: v for k, v in row.items() if k not in WHEN} for key, row in read.evidence.items()}


def order(read):
    return list(read.evidence)


def test_workers_repetition_and_replay_change_no_digit(house):
    house.configure(MODELS, series=("a", "b"))
    serial = house.run(workers=False)
    expected, keys = figures(serial), order(serial)
    assert serial.agree()["failed"] >= 2
    assert house.run(workers=True).agree() == serial.agree()
    assert figures(serial) == expected  # what the other run wrote
    assert order(serial) == keys
    asked = house.asked()
    (house.pytester.path / ".seepage/answers.sqlite").rename(house.pytester.path / "kept.sqlite")
    again = house.run()
    assert figures(again) == expected
    assert sorted(house.asked()[len(asked) :]) == sorted(asked) or house.xdist[0] == "-n"

    asked = house.asked()
    replayed = house.run("--seepage-replay", "kept.sqlite", "--seepage-store", "unused.sqlite")
    assert figures(replayed) == expected
    assert house.asked() == asked
    assert not (house.pytester.path / "unused.sqlite").exists()


def test_the_command_of_a_verdict_repeats_it(house):
    house.configure(MODELS, series=("a", "b"))
    read = house.run()
    row = read.evidence["toy.echo[quiet-b]"]
    command = row["command"].replace("'", "").split()
    assert command[:2] == ["pytest", "test_echo.py::test_echo[quiet-b]"]
    alone = house.pytester.runpytest_subprocess(*command[1:])
    assert alone.ret == 0
    assert read.evidence["toy.echo[quiet-b]"] == row  # the repetition did not write over it
    lines = (house.pytester.path / ".seepage/again/evidence.jsonl").read_text().splitlines()
    (repeated,) = [found for found in map(json.loads, lines) if found["kind"] == "verdict"]
    for key in ("statistic", "pvalue", "word", "sentence"):
        assert repeated[key] == row[key]
    assert repeated["cell"]["alpha"] == row["cell"]["alpha"]


def test_replay_of_a_missing_answer_is_broken_and_says_what_is_missing(house):
    house.configure({"mine": "p=.5"})
    house.run()
    house.configure({"mine": "p=.5", "other": "p=.4"}, series=("a", "b"))
    read = house.run("--seepage-replay", ".seepage/answers.sqlite")
    assert read.words == {"mine-a": "no-evidence", "mine-b": "broken", "other-a": "broken", "other-b": "broken"}
    assert read.agree() == {"passed": 1, "error": 3}
    assert "lacks 6 answers of stub:p=.5" in read.evidence["toy.echo[mine-b]"]["reason"]
    assert "holds no answers of 'stub:p=.4'" in read.evidence["toy.echo[other-a]"]["reason"]


def test_replay_of_a_spec_that_was_two_models_names_both(house):
    house.configure({"mine": "p=.5"})
    house.run()
    store = house.pytester.path / ".seepage/answers.sqlite"
    with sqlite3.connect(store) as db:
        ((spec, info),) = db.execute("SELECT spec, info FROM models").fetchall()
        other = json.loads(info) | {"digest": "f" * 64}
        db.execute("INSERT INTO models VALUES (?, ?, ?)", ("f" * 64, spec, json.dumps(other)))
    read = house.run("--seepage-replay", str(store))
    assert read.agree() == {"error": 1}
    assert "ffffffffffff" in read.evidence["toy.echo[mine-a]"]["reason"]


def test_one_worker_loads_a_model(house):
    house.configure({f"m{i}": f"p=.{i}1" for i in range(4)}, series=("a", "b", "c"))
    assert house.run().agree() == {"passed": 12}
    workers: dict[str, set[str]] = {}
    for line in house.asked():
        worker, spec, _ = line.split(" ", 2)
        workers.setdefault(spec, set()).add(worker)
    assert len(workers) == 4
    assert all(len(found) == 1 for found in workers.values())
    if house.xdist[0] == "-n":
        assert len(set.union(*workers.values())) == 2


PRODUCT = """
import sys
from seepage.plugins import desk
if sys.argv[1] == "seepage":
    desk.same_digits()
import torch
generator = torch.Generator().manual_seed(0)
a, w = torch.randn(120, 2048, generator=generator), torch.randn(2048, 2048, generator=generator)
torch.set_num_threads(1)
one = a @ w.T
torch.set_num_threads(2)
print(int((one != a @ w.T).sum()))
"""


def test_a_matrix_product_has_the_same_digits_with_one_thread_and_with_two(tmp_path):
    pytest.importorskip("torch")

    def differing(how):
        environment = {key: value for key, value in os.environ.items() if key not in ("MKL_CBWR", "OMP_NUM_THREADS")}
        command = [sys.executable, "-c", PRODUCT, how]
        return int(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)

    assert differing("seepage") == 0
