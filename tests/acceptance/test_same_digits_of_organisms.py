"""Real log-probs and real text: the same digits in one process, from two workers and from the store alone."""

import json
import os
import subprocess
import sys

import pytest

WHEN = ("started", "seconds", "versions", "command", "model_digest")
CHOSEN = "za and not naive and (recall or binding and late)"
GATE = """
controls = false
numleak = { dates = 60, rows = 240, phrasings = 0, mde_share = 0.9 }
"""


def verdicts(folder, name, *args):
    """key -> verdict of one run over the organisms, without what says when it was reached."""
    command = [sys.executable, "-m", "pytest", "--pyargs", "seepage.suites", "-k", CHOSEN, *args]
    own = ["--seepage-config", "gate.toml", "--seepage-out", name, "-p", "no:cacheprovider"]
    # two threads in one process, one in each of two workers
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "OMP_", "MKL_"))}
    done = subprocess.run([*command, *own], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    rows = map(json.loads, (folder / name / "evidence.jsonl").read_text().splitlines())
    return {
        row["key"]: {key: value for key, value in row.items() if key not in WHEN}
        for row in rows
        if row["kind"] == "verdict"
    }


def test_numleak_on_organisms_gives_the_same_digits_in_any_way_it_is_run(tmp_path):
    pytest.importorskip("torch")
    (tmp_path / "gate.toml").write_text(GATE)
    serial = verdicts(tmp_path, "serial", "--seepage-store", "one.sqlite")
    assert len(serial) == 3
    assert all(row["statistic"] is not None and row["pvalue"] is not None for row in serial.values())
    assert verdicts(tmp_path, "workers", "-n", "2", "--seepage-store", "two.sqlite") == serial
    assert verdicts(tmp_path, "replay", "--seepage-replay", "two.sqlite") == serial
