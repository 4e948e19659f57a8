"""A small foreign repository: stub models whose spec is their outcome, one hypothesis that reads it back, one series.

stub:p=.0001&effect=.5          leaks at any level used here
stub:p=.5                       no evidence, with power
stub:p=.5&mde=.9                power too low: inconclusive
stub:p=.5&placebo=1             a placebo fired: broken
stub:raises=scoring failed      the backend fails: broken
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

import pytest

CONFTEST = """
import os, time, urllib.parse
import pytest
from seepage.errors import BackendError
from seepage.records import Entry, ModelInfo, Scored, digest
from seepage.series.record import Series

class Stub:
    def __init__(self, spec):
        self.said = dict(urllib.parse.parse_qsl(spec.partition(":")[2]))
        if "missing" in self.said:
            raise BackendError(f"no model at {self.said['missing']}")
        self.info = ModelInfo(spec=spec, digest=digest(["stub", spec]), access=("score",))

    def answers(self, requests):
        with open("asked.txt", "a") as log:
            for index, request in enumerate(requests):
                log.write(f"{os.environ.get('PYTEST_XDIST_WORKER', 'main')} {self.info.spec} {request.prompt}\\n")
                log.flush()
                if "raises" in self.said:
                    raise ValueError(self.said["raises"])
                if request.prompt.endswith(self.said.get("slow_at", "never")) and not os.path.exists("go"):
                    time.sleep(2.2)  # longer than the scorer waits before it commits what it has
                if request.prompt.endswith(self.said.get("waits_at", "never")) and not os.path.exists("go"):
                    open("waiting", "w").write(str(os.getpid()))
                    time.sleep(60)
                values = [float(self.said.get(key, default)) for key, default in
                          (("p", "1"), ("effect", "0"), ("mde", ".1"), ("placebo", "0"))]
                yield index, Scored(sums=tuple(values))

    def close(self):
        pass

def pytest_seepage_open_model(spec, config):
    return Stub(spec) if spec.startswith("stub:") else None

def pytest_seepage_open_series(spec, config):
    if spec.startswith("toy:"):
        return Series(id="toy", name="toy " + spec, blind="a figure", domain="toys", unit="points", decimals=1,
                      period="month", first="2000-01", values=tuple(float(i % 7) for i in range(24)))
"""

HYPOTHESIS = """
from threadpoolctl import threadpool_info
from seepage.errors import NotTestable
from seepage.records import Detectable, Effect, Outcome, Placebo, Score

def requests(series, *, info, policy, rng):
    if "score" not in info.access:
        raise NotTestable("needs log-probs")
    return {label: Score(f"{series.name} {label}", ("p", "effect", "mde", "placebo"), detail="sums")
            for label in series.labels[:6]}

def judge(series, answers, *, info, policy, alpha, rng, gated=True):
    p, effect, mde, placebo = answers[series.labels[0]].sums
    assert {lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"} == {1}
    return Outcome(
        finding=f"echoes {effect:g} of {series.name}", n=len(answers), statistic_name="draw",
        statistic=float(rng.normal()), pvalue=p, gated=gated,
        effects=(Effect("share", effect, effect - .1, effect + .1, margin=.25),),
        detectable=(Detectable("share", mde, limit=.25),),
        placebos=(Placebo("shift +1", bool(placebo), pvalue=.001, effect=.4),),
    )
"""

SUITE = """
import pytest
import echo

@pytest.mark.seepage("toy.echo", axes=("model", "series"))
def test_echo(model, series, cell, ask, judge):
    plan = echo.requests(series, info=model.info, policy=cell.policy, rng=cell.rng())
    verdict = judge(echo.judge, series, ask(plan))
    assert not verdict.leak, verdict.sentence
"""


@dataclass
class House:
    """The repository, and how it reads a run."""

    pytester: pytest.Pytester
    xdist: tuple[str, ...]

    def write(self, name: str, text: str) -> None:
        path = self.pytester.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def configure(self, models: dict[str, str], *, series: tuple[str, ...] = ("a",), extra: str = "") -> None:
        """models: id -> outcome, with `|role` behind it where it is no candidate."""
        lines = ["[tool.pytest.ini_options]", "[tool.seepage]", "controls = false", extra]
        for name, said in models.items():
            outcome, _, role = said.partition("|")
            lines += ["[[tool.seepage.models]]", f'id = "{name}"', f'spec = "stub:{outcome}"']
            lines += [f'role = "{role}"'] if role else []
        for name in series:
            lines += ["[[tool.seepage.series]]", f'id = "{name}"', f'spec = "toy:{name}"']
        self.write("pyproject.toml", "\n".join(lines))

    def run(self, *args: str, workers: bool | None = None) -> Reading:
        return Reading(self.pytester.path, self.pytester.runpytest_subprocess(*self.words(args, workers)))

    def words(self, args: tuple[str, ...], workers: bool | None) -> list[str]:
        spread = ("-n", "2") if workers else () if workers is False else self.xdist
        written = ("--junitxml", "junit.xml", "--alluredir", "allure", "--clean-alluredir")
        return ["test_echo.py", *written, *spread, *args]

    def start(self, *args: str) -> subprocess.Popen[str]:
        """A run in the background, with a process group of its own; read what it says with `finish`."""
        command = [sys.executable, "-m", "pytest", *self.words(args, None)]
        with (self.pytester.path / "said.txt").open("w") as said:
            return subprocess.Popen(
                command,
                cwd=self.pytester.path,
                stdout=said,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
                # Where the tests run in a shell's background, SIGINT is ignored, and a child would inherit that.
                preexec_fn=hear_ctrl_c,
            )

    def wait_for(self, name: str, *, seconds: float = 40) -> str:
        """The text of a file that a stub writes when it gets there."""
        path, end = self.pytester.path / name, time.monotonic() + seconds
        while not (path.exists() and path.read_text()):
            assert time.monotonic() < end, (
                f"no {name} after {seconds} s:\n{(self.pytester.path / 'said.txt').read_text()}"
            )
            time.sleep(0.05)
        return path.read_text()

    def finish(self, process: subprocess.Popen[str]) -> Reading:
        try:
            code = process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        lines = (self.pytester.path / "said.txt").read_text().splitlines()
        return Reading(self.pytester.path, pytest.RunResult(code, lines, [], 0.0))

    def asked(self) -> list[str]:
        path = self.pytester.path / "asked.txt"
        return path.read_text().splitlines() if path.exists() else []


def hear_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@dataclass
class Reading:
    """One run, read four times."""

    path: Path
    result: pytest.RunResult

    @property
    def exit_code(self) -> int:
        return int(self.result.ret)

    @property
    def terminal(self) -> dict[str, int]:
        """passed, failed, error, skipped, xfailed."""
        found = self.result.parseoutcomes()
        names = {"errors": "error"}
        return {names.get(key, key): n for key, n in found.items() if key not in ("warnings", "deselected", "warning")}

    @property
    def junit(self) -> dict[str, int]:
        suite = ET.parse(self.path / "junit.xml").getroot().find("testsuite")
        assert suite is not None
        found: dict[str, int] = {}
        for case in suite.iterfind("testcase"):
            skipped = case.find("skipped")
            state = "error" if case.find("error") is not None else "failed" if case.find("failure") is not None else ""
            if not state:
                state = (
                    "passed" if skipped is None else "xfailed" if skipped.get("type") == "pytest.xfail" else "skipped"
                )
            found[state] = found.get(state, 0) + 1
        heads = {"errors": found.get("error", 0), "failures": found.get("failed", 0), "tests": sum(found.values())}
        heads["skipped"] = found.get("skipped", 0) + found.get("xfailed", 0)
        assert {key: int(suite.get(key, -1)) for key in heads} == heads
        return found

    @property
    def cases(self) -> list[str]:
        return [case.get("name", "") for case in ET.parse(self.path / "junit.xml").getroot().iter("testcase")]

    @property
    def allure(self) -> dict[str, int]:
        """Statuses of the cells' results; the run's own result is not a cell."""
        found: dict[str, int] = {}
        for path in sorted((self.path / "allure").glob("*-result.json")):
            content = json.loads(path.read_text())
            labels = {label["name"]: label["value"] for label in content["labels"]}
            if labels.get("verdict") != "run":
                found[content["status"]] = found.get(content["status"], 0) + 1
        return found

    @property
    def evidence(self) -> dict[str, dict]:
        """Verdicts by key."""
        lines = (self.path / ".seepage" / "evidence.jsonl").read_text().splitlines()
        rows = [json.loads(line) for line in lines]
        return {row["key"]: row for row in rows if row["kind"] == "verdict"}

    @property
    def words(self) -> dict[str, str]:
        return {row["cell"]["model"] + "-" + row["cell"]["target"]: row["word"] for row in self.evidence.values()}

    def agree(self) -> dict[str, int]:
        """The counts, once all readings were seen to give the same ones."""
        counted: dict[str, int] = {}
        for row in self.evidence.values():
            counted[row["status"]] = counted.get(row["status"], 0) + 1
        assert self.terminal == counted
        assert self.junit == counted
        as_allure = {"error": "broken", "xfailed": "skipped"}
        allure: dict[str, int] = {}
        for status, n in counted.items():
            allure[as_allure.get(status, status)] = allure.get(as_allure.get(status, status), 0) + n
        assert self.allure == allure
        assert (self.exit_code == 0) == (not counted.get("failed") and not counted.get("error"))
        return counted
