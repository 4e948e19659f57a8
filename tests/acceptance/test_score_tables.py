"""A published table of scores is judged without a model: which cells there are, what they say, in any way it is run."""

import json
import subprocess
import sys

import pytest

REFERENCES = ((0.40, 0.58), (0.44, 0.62), (0.48, 0.66), (0.52, 0.70), (0.56, 0.73), (0.60, 0.76), (0.46, 0.64))
GATE = 'models = ["scores:table.csv"]\nbenchmarks = ["scores:table.csv?chance=.25&synthetic=fresh"]\n'
WHEN = ("started", "seconds", "versions", "command")


def write(folder, *, candidates=("new",), more=""):
    """Two benchmarks, task with both stages, and fresh; seven references, of which only two lineages are on the
    line."""
    lines = ["model,benchmark,stage,seed,accuracy,n,role"]
    pairs = {f"ref{k}": pair for k, pair in enumerate(REFERENCES)} | dict.fromkeys(candidates, (0.62, 0.66))
    for name, (before, after) in pairs.items():
        role = "candidate" if name in candidates else "reference"
        lines += [
            f"{name},task,before,0,{before},1000,{role}",
            f"{name},fresh,before,0,{before - 0.02:.2f},1000,{role}",
        ]
        lines += [f"{name},task,after,{s},{after + (s - 1) / 100:.2f},1000,{role}" for s in range(3)]
    (folder / "table.csv").write_text("\n".join(lines) + "\n" + more)
    (folder / "gate.toml").write_text(GATE)


def run(folder, *args):
    """The suites as test files of a foreign repository, where the conftest of this one is not."""
    names = ("rank_stability", "mc_generation", "numleak")
    for name in names:
        (folder / f"test_{name}.py").write_text(f"from seepage.suites.test_{name} import *\n")
    command = [sys.executable, "-m", "pytest", "-k", "rank_stability", "-p", "no:cacheprovider"]
    return subprocess.run(
        [*command, "--seepage-config", "gate.toml", *args], cwd=folder, capture_output=True, text=True, check=False
    )


def verdicts(folder):
    rows = map(json.loads, (folder / ".seepage" / "evidence.jsonl").read_text().splitlines())
    return {row["key"].removeprefix("rank_stability."): row for row in rows if row["kind"] == "verdict"}


@pytest.fixture
def folder(tmp_path):
    write(tmp_path)
    return tmp_path


def test_the_prepared_model_fails_the_run_and_the_controls_behave(folder):
    done = run(folder, "-n", "2")
    found = verdicts(folder)
    words = {key: row["word"] for key, row in found.items()}
    assert done.returncode == 1, done.stdout
    assert words["head_start[new-task]"] == "leak"
    assert words["rank_inversion[new-task]"] == "inconclusive"  # accuracies alone are not paired by item
    assert "suggested and not certified" in found["rank_inversion[new-task]"]["reason"]
    assert words["head_start[scores.prepared-scores.task]"] == "leak"
    assert words["head_start[scores.honest-scores.task]"] == "no-evidence"
    assert words["inflated_performance[scores.inflated-scores.line-synthetic]"] == "leak"
    assert words["inflated_performance[scores.level-scores.line-synthetic]"] == "no-evidence"
    assert words["inflated_performance[new-task-synthetic]"] == "inconclusive"
    assert "7 lineages" in found["inflated_performance[new-task-synthetic]"]["reason"]
    assert words["order_agreement[panel-task]"] == "inconclusive"
    assert found["order_agreement[panel-task]"]["report_only"]
    assert not any("ref" in key for key in words)  # references are nobody's suspects
    gated = {key: row["cell"] for key, row in found.items() if key.startswith(("head", "rank")) and "[new" in key}
    assert gated["head_start[new-task]"]["weight"] == 3.0
    serial = {key: {k: v for k, v in row.items() if k not in WHEN} for key, row in found.items()}
    run(folder)
    assert {key: {k: v for k, v in row.items() if k not in WHEN} for key, row in verdicts(folder).items()} == serial


def test_other_claims_leave_tables_alone(folder):
    said = run(folder, "-k", "test", "--collect-only", "-q").stdout
    cells = [line.partition("::")[2] for line in said.splitlines() if "::" in line]
    mine = {cell for cell in cells if "scores." not in cell}
    gates = ("rank_inversion[new-task]", "head_start[new-task]", "inflated_performance[new-task-synthetic]")
    assert mine == {f"test_{name}" for name in (*gates, "order_agreement[panel-task]")}
    assert len(cells) == len(mine) + 6  # the controls of the same three gates


def test_a_bad_table_is_refused_before_anything_is_judged(folder):
    write(folder, more="ref0,task,before,0,0.5,1000,reference\n")
    done = run(folder, "-n", "2")
    assert done.returncode != 0
    assert not (folder / ".seepage").exists()
    assert "are two scores of one model, stage and seed" in done.stdout + done.stderr
    assert "INTERNALERROR" not in done.stdout + done.stderr


def test_replay_judges_the_table_again(folder):
    run(folder, "-k", "head_start and new")
    first = verdicts(folder)
    done = run(
        folder, "-k", "head_start and new", "--seepage-replay", ".seepage/answers.sqlite", "--seepage-no-controls"
    )
    assert verdicts(folder)["head_start[new-task]"]["pvalue"] == first["head_start[new-task]"]["pvalue"], done.stdout


def test_a_table_alone_is_judged_on_all_its_benchmarks(folder):
    (folder / "gate.toml").write_text("controls = false\n")
    lines = (folder / "table.csv").read_text().splitlines()
    (folder / "table.csv").write_text("\n".join([lines[0] + ",chance", *(line + ",0.25" for line in lines[1:])]))
    run(folder, "-k", "head_start and new", "--seepage-model", "scores:table.csv")
    found = {key: row["word"] for key, row in verdicts(folder).items()}
    assert found == {"head_start[new-task]": "leak", "head_start[new-fresh]": "inconclusive"}
