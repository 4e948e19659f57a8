"""One process decides: it gathers the verdicts of all others, corrects them together, and makes every reading agree.

Without workers it is the process that ran the tests, through the same code.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Generator, Iterable, Sequence

import pytest

from seepage.records import Run, Verdict
from seepage.verdicts import broken_by, counts, finalize, from_json, unjudged

from . import command, readings, versions
from .desk import desk_of, plain_id
from .workers import is_worker

NOTHING = "nothing was tested: every gated cell is inconclusive"


def pytest_configure(config: pytest.Config) -> None:
    if not is_worker(config):
        config.pluginmanager.register(Controller(config), "seepage.controller")


class Controller:
    """Holds the verdicts of the run, by node id."""

    def __init__(self, config: pytest.Config) -> None:
        self.config, self.desk = config, desk_of(config)
        self.verdicts: dict[str, Verdict] = {}
        self.untested = False
        self._started = datetime.datetime.now(datetime.UTC)
        self._begun = time.perf_counter()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        nodeid = plain_id(report.nodeid)
        cell = self.desk.cells.get(nodeid)
        if cell is None or self.config.getoption("setuponly", False):
            return
        report.nodeid = (
            nodeid  # --dist loadgroup added @group; nobody should read, or rerun, another id than without -n
        )
        known, carried = self.verdicts.get(nodeid), verdict_in(report)
        if known is None or known.word != "broken":  # what broke once stays broken, whoever runs it again
            known = carried or known
        if report.when == "teardown":
            if known is None:
                known = unjudged("broken", "its test ended without a verdict", cell, **self.desk.stated[nodeid])
            elif report.failed:
                known = broken_by(known, f"its teardown raised: {last_line(report.longreprtext)}")
        if known is not None:
            self.verdicts[nodeid] = known

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        if report.failed and report.when not in ("setup", "teardown", "collect"):
            carried = verdict_in(report)
            if carried is not None and carried.word == "broken":
                return "error", "E", "ERROR"
        return None

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None]:
        # Before the yield JUnit is not yet written; after it all workers have ended; the terminal's summary is last.
        run = self.decide(session) if self.verdicts else None
        if run is None:
            readings.agree(self.config, {}, unjudged=self.desk.cells.keys())
        try:
            yield
        finally:
            self.desk.close()
        if run is not None:
            self.config.hook.pytest_seepage_summary(run=run, config=self.config)

    def decide(self, session: pytest.Session) -> Run:
        cells = list(self.desk.cells.values())
        ordered = {nodeid: self.verdicts[nodeid] for nodeid in self.desk.cells if nodeid in self.verdicts}
        verdicts, families = finalize(list(ordered.values()), self.desk.policy, cells)
        self.untested = nothing_tested(verdicts)
        session.exitstatus = exit_status(int(session.exitstatus), verdicts)
        unjudged = self.desk.cells.keys() - ordered.keys()
        readings.agree(self.config, dict(zip(ordered, verdicts, strict=True)), unjudged=unjudged)
        found = versions.loaded()
        for verdict in verdicts:
            found |= verdict.versions
        return Run(
            verdicts=verdicts,
            families=families,
            alpha=self.desk.policy.alpha,
            exit_status=int(session.exitstatus),
            versions=found,
            command=command.of_run(self.config),
            started=self._started.isoformat(timespec="seconds"),
            seconds=round(time.perf_counter() - self._begun, 3),
            store=str(self.desk.settings.replay or self.desk.settings.store),
            out=str(self.desk.settings.out),
        )

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.untested:
            terminalreporter.write_line(f"seepage: {NOTHING}; the exit code is not 0.", red=True)


def verdict_in(report: pytest.TestReport) -> Verdict | None:
    text = next((value for name, value in reversed(report.user_properties) if name == "seepage"), None)
    return from_json(str(text), Verdict) if text is not None else None


def last_line(text: str) -> str:
    return text.strip().splitlines()[-1] if text.strip() else "no message"


def nothing_tested(verdicts: Sequence[Verdict]) -> bool:
    """There are gated candidates, and not one of them could be tested."""
    gated = [verdict for verdict in verdicts if counts(verdict.cell)]
    return bool(gated) and all(verdict.word == "inconclusive" for verdict in gated)


def exit_status(so_far: int, verdicts: Iterable[Verdict]) -> int:
    """0 only if no candidate leaks, nothing is broken, and something gated was tested.

    Nothing tested is 1, not pytest's 5: a script that forgives 5 ("no tests collected") would let an untested model
    through.
    Interrupted (2), internal (3) and usage (4) errors stay what they are.
    """
    verdicts = list(verdicts)
    if so_far not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        return so_far
    failed = any(verdict.status in ("failed", "error") for verdict in verdicts)
    return int(pytest.ExitCode.TESTS_FAILED) if failed or nothing_tested(verdicts) else so_far
