"""The wheel, in a repository that has never seen this checkout."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from house import CONFTEST, HYPOTHESIS, SUITE

ROOT = Path(__file__).parents[2]
ROOMS = ("src", "suites", "fixtures", "plugins", "reports", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A virtual environment with the wheel and what it needs, and nothing of this checkout."""
    base = tmp_path_factory.mktemp("wheel")
    source = base / "source"  # setuptools writes build/ and egg-info/ beside what it builds
    source.mkdir()
    for name in ROOMS:
        path = ROOT / name
        copy = shutil.copytree if path.is_dir() else shutil.copy
        copy(path, source / name)
    run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", base, source], base
    )
    (wheel,) = base.glob("*.whl")
    run([sys.executable, "-m", "venv", "--without-pip", base / "venv"], base)
    python = base / "venv/bin/python"
    site = Path(run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], base).strip())
    run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", site, wheel], base)
    # Dependencies come from this environment, put behind; its editable seepage is a .pth file and not read from there.
    (site / "behind.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def run(command, folder, *, code=0):
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "COV"))}
    done = subprocess.run([str(c) for c in command], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_is_what_is_imported_and_holds_every_room(installed, tmp_path):
    rooms = "suites", "fixtures", "plugins", "reports"
    code = f"import importlib; print(*(importlib.import_module('seepage.' + r).__file__ for r in {rooms}))"
    found = run([installed, "-c", code], tmp_path).split()
    assert len(found) == 4
    assert all(str(installed.parents[1]) in path for path in found)


def test_numleak_runs_from_the_wheel_in_a_foreign_repository(installed, tmp_path):
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "pyproject.toml").write_text(
        '[tool.seepage]\ncontrols = false\nmodels = [{ id = "mine", spec = "stub:p=.5" }]\nseries = ["toy:a"]\n'
    )
    said = run([installed, "-m", "pytest", "--pyargs", "seepage.suites", "-k", "numleak", "-n", "2"], tmp_path, code=1)
    assert "nothing was tested" in said  # a stub has no text, and a toy series too few months: every reason is named
    rows = [json.loads(line) for line in (tmp_path / ".seepage/evidence.jsonl").read_text().splitlines()]
    words = {row["key"]: row["word"] for row in rows if row["kind"] == "verdict"}
    assert {key.split("[")[0] for key in words} >= {"numleak.recall", "numleak.binding", "numleak.cutoff"}
    assert set(words.values()) == {"inconclusive"}
    command = next(row["command"] for row in rows if row.get("key") == "numleak.binding[mine-a]")
    assert command.startswith("pytest --pyargs 'seepage.suites.test_numleak::test_binding[mine-a]'")


def test_the_embedded_organisms_are_in_the_wheel(installed, tmp_path):
    pytest.importorskip("torch")
    chosen = "recall and late and (qo or za)"
    said = run([installed, "-m", "pytest", "--pyargs", "seepage.suites", "-k", chosen, "-n", "2"], tmp_path)
    assert "1 passed, 1 xfailed" in said  # za is in no training line, qo is


def test_a_users_own_test_file_uses_our_fixtures_from_the_wheel(installed, tmp_path):
    for name, text in (("conftest.py", CONFTEST), ("echo.py", HYPOTHESIS), ("test_mine.py", SUITE)):
        (tmp_path / name).write_text(text)
    models = 'models = [{ id = "mine", spec = "stub:p=.0001&effect=.5" }, { id = "old", spec = "stub:p=.5" }]'
    (tmp_path / "seepage.toml").write_text(f'controls = false\n{models}\nseries = ["toy:a"]\n')
    said = run([installed, "-m", "pytest", "test_mine.py"], tmp_path, code=1)
    assert "1 failed, 1 passed" in said
