"""Models that are trained equally in a run: the same verdicts in one process, with two, after a kill, replayed."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

pytest.importorskip("torch")

import modelkit

CONFIG = """
controls = false
benchmarks = [{ id = "mine", spec = "file:task.jsonl", train = 410, synthetic = "file:new.jsonl" }]
models = [%s]
[rank_stability]
steps = 24
batch = 4
seeds = 2
lr = 1e-3
items_min = 100
min_lineages = 5
"""
WHEN = ("started", "seconds", "versions", "command")
SUITES = ("rank_stability", "rank_stability_preparation", "rank_stability_reading")


def entry(name, spec, role="reference"):
    return f'{{ id = "{name}", spec = "{spec}", role = "{role}" }}'


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("panel")
    names = ["cand", *(f"ref{k}" for k in range(5))]
    for seed, name in enumerate(names):
        modelkit.write_model(folder / name, seed=seed)
    for file, n in (("task", 520), ("new", 110)):
        rows = [
            {
                "id": f"{file}{i}",
                "question": f"{i * 7 % 31} of {file}{i}?",
                "options": ["red", "blue", "7"],
                "gold": i % 3,
            }
            for i in range(n)
        ]
        (folder / f"{file}.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    entries = [entry(name, f"hf:{name}", "candidate" if name == "cand" else "reference") for name in names]
    (folder / "gate.toml").write_text(CONFIG % ", ".join(entries))
    for name in SUITES:
        (folder / f"test_{name}.py").write_text(f"from seepage.suites.test_{name} import *\n")
    return folder


def command(folder, out, *args):
    given = ["--seepage-config", "gate.toml", "--seepage-out", out, "--seepage-no-controls", "-p", "no:cacheprovider"]
    return [sys.executable, "-m", "pytest", "-q", *given, *args]


def run(folder, out, *args):
    return subprocess.run(command(folder, out, *args), cwd=folder, capture_output=True, text=True, check=False)


def verdicts(folder, out):
    rows = map(json.loads, (folder / out / "evidence.jsonl").read_text().splitlines())
    kept = [{k: v for k, v in row.items() if k not in WHEN} for row in rows if row["kind"] == "verdict"]
    return {row["key"].removeprefix("rank_stability."): row for row in kept}


@pytest.fixture(scope="module")
def serial(made):
    done = run(made, "serial", "--seepage-store", "serial.sqlite")
    return done, verdicts(made, "serial")


def test_every_model_is_prepared_and_the_candidate_judged(serial):
    done, found = serial
    assert set(found) == {
        *(f"prepare[{name}-mine]" for name in ("cand", "ref0", "ref1", "ref2", "ref3", "ref4")),
        "audit[panel-mine]",
        "order_agreement[panel-mine]",
        "rank_inversion[cand-mine]",
        "head_start[cand-mine]",
        "inflated_performance[cand-mine-synthetic]",
        "format_contrast[cand-mine-both]",
        "reading[cand-mine-synthetic]",
    }
    words = {key: row["word"] for key, row in found.items()}
    assert set(words.values()) == {"inconclusive"}, done.stdout  # random models know nothing, and the verdicts say so
    assert done.returncode == 1  # nothing was tested
    assert "too near to chance" in found["inflated_performance[cand-mine-synthetic]"]["reason"]
    assert (
        "was trained on mine (all weights, 24 steps of 4, lr 0.001, 2 seeds)" in found["prepare[cand-mine]"]["sentence"]
    )
    assert "had 0 of 410 training examples of mine removed" in found["audit[panel-mine]"]["sentence"]


def test_two_workers_share_the_work_and_find_the_same(made, serial):
    done = run(made, "shared", "--seepage-store", "shared.sqlite", "-n", "2")
    assert verdicts(made, "shared") == serial[1], done.stdout


def test_a_replay_trains_nothing(made, serial):
    (made / "cand").rename(made / "gone")
    try:
        done = run(made, "replayed", "--seepage-replay", "serial.sqlite")
        assert verdicts(made, "replayed") == serial[1], done.stdout
    finally:
        (made / "gone").rename(made / "cand")


def kept_trainings(folder):
    """Tensors of the trainings that the store knows: only then is the last checkpoint removed."""
    return [p for p in folder.glob("*/trained.safetensors") if not p.with_name("checkpoint.safetensors").exists()]


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs process groups")
def test_a_killed_run_goes_on_and_finds_the_same(made, serial):
    store = made / "killed" / "answers.sqlite"
    process = subprocess.Popen(
        command(made, "killed", "--seepage-store", str(store)),
        cwd=made, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not (done := kept_trainings(store.parent / "trained")) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert 1 <= len(done) < 12
    before = {path: path.stat().st_mtime_ns for path in done}
    run(made, "killed", "--seepage-store", str(store))
    assert verdicts(made, "killed") == serial[1]
    assert {path: path.stat().st_mtime_ns for path in before} == before  # what was trained is not trained again
