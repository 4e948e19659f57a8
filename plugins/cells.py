"""One cell runs in one process: whatever happens in its test becomes exactly one verdict.

judged                          the outcome's word, after role and policy
NotTestable, pytest.skip        inconclusive
anything else, fixtures too     broken
"""

from __future__ import annotations

import dataclasses
import datetime
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from seepage.errors import Broken, Leak, NotTestable
from seepage.records import Answer, Cell, Entry, Member, ModelInfo, Outcome, Request, Verdict
from seepage.verdicts import headline, to_json, unjudged, verdict_from

from . import axes, progress, readings, training, versions
from .desk import desk_of, plain_id

if TYPE_CHECKING:
    from seepage.models.protocol import Model
    from seepage.policy import Policy
    from seepage.scorer import Progress
    from seepage.store import Store

KEY: pytest.StashKey[Trial] = pytest.StashKey()
Stopped = (Exception, SystemExit, pytest.skip.Exception, pytest.fail.Exception, pytest.xfail.Exception)


class Trial:
    """One cell while its test runs; the fixtures reach the run through it."""

    def __init__(self, item: pytest.Item, cell: Cell) -> None:
        self.item, self.cell = item, cell
        self.outcome: Outcome | None = None
        self.verdict: Verdict | None = None
        self.info: ModelInfo | None = None
        self.target: Any = None
        self.beside: dict[str, ModelInfo] = {}  # id -> another model that this cell asked
        self.settled = False
        self._desk = desk_of(item.config)
        self._started = datetime.datetime.now(datetime.UTC)
        self._begun = time.perf_counter()

    @property
    def policy(self) -> Policy:
        return self._desk.policy

    @property
    def store(self) -> Store:
        return self._desk.store()

    @property
    def progress(self) -> Progress | None:
        return progress.on_terminal(self.item.config)

    def open_model(self, entry: Entry) -> Model:
        model = self._desk.model(entry)
        self.info = model.info
        return model

    def opened(self, entry: Entry) -> Model:
        """Any model of the run."""
        return self._desk.model(entry)

    def opens(self, entry: Entry) -> bool:
        return self._desk.opens(entry)

    def answers(self, entry: Entry, requests: Sequence[Request]) -> Iterator[tuple[int, Answer]]:
        """Answers of any model of the run; the weights of the one that was asked before make room."""
        return self._desk.answers(entry, requests)

    def close_model(self, entry: Entry) -> None:
        self._desk.close_model(entry.spec)

    def dense(self, model: Entry) -> Entry:
        return axes.roster_of(self._desk).dense(model)

    def others(self, model: Entry) -> tuple[Entry, ...]:
        return axes.roster_of(self._desk).others(model)

    def members(self, bench: Entry) -> tuple[Member, ...]:
        return axes.roster_of(self._desk).members(bench, self.cell.hypothesis)

    def trained(self, bench: Entry) -> tuple[Entry, ...]:
        """The models that are trained for a benchmark, but those that cannot be opened: their own cells say why."""
        return tuple(e for e in axes.roster_of(self._desk).scored(bench) if self.opens(e))

    def panel_plan(self, bench: Entry) -> Any:
        """What is asked of every model that is trained for a benchmark."""
        return training.plan_of(self._desk, bench)

    def part(self, bench: Entry, name: str, model: Model) -> Any:
        """The scores of one model, asked and trained where they are not known."""
        return training.part(self._desk, bench, name, model, self.progress)

    def scores(self, bench: Entry, panel: Mapping[str, Model]) -> Any:
        """The scores of all models that are trained for a benchmark."""
        return training.collected(self._desk, bench, panel, self.progress)

    def open_series(self, entry: Entry) -> Any:
        self.target = self._desk.series(entry)
        return self.target

    def open_benchmark(self, entry: Entry) -> Any:
        self.target = self._desk.benchmark(entry)
        return self.target

    def record(self, outcome: Outcome) -> Verdict:
        """The verdict on this outcome. One cell, one verdict: a second one raises Broken."""
        if self.verdict is not None:
            raise Broken(f"{self.cell.key} was judged twice; one test reaches one verdict")
        notes = tuple(
            f"beside it {name} was asked: {info.spec}, digest {info.digest[:12]}" for name, info in self.beside.items()
        )
        outcome = dataclasses.replace(
            outcome, notes=(*outcome.notes, *notes), gated=outcome.gated and not self.report_only
        )
        self.outcome = outcome
        self.verdict = verdict_from(outcome, self.cell, **self.facts())
        return self.verdict

    @property
    def report_only(self) -> bool:
        """Whether the claim decides of others and not of this model (`gated_if`)."""
        mark = self.item.get_closest_marker("seepage")
        return mark is not None and axes.claim_of(mark).gated and not self.cell.gated

    def unjudged(self, word: Any, reason: str) -> Verdict:
        return unjudged(word, reason, self.cell, **self.facts())

    def facts(self) -> dict[str, Any]:
        """Who, what, when: the fields of the verdict that no statistic knows."""
        return {
            **self._desk.stated[plain_id(self.item.nodeid)],
            "on_inconclusive": self.policy.on_inconclusive,
            "model_digest": self.info.digest if self.info else "",
            "target_digest": getattr(self.target, "digest", ""),
            "versions": versions.loaded() | dict(self.info.versions if self.info else {}),
            "started": self._started.isoformat(timespec="seconds"),
            "seconds": round(time.perf_counter() - self._begun, 3),
        }


@pytest.fixture
def seepage_trial(request: pytest.FixtureRequest) -> Trial:
    """The cell of this test while it runs: what `cell`, `model`, `series`, `ask` and `judge` are made from."""
    trial: Trial | None = request.node.stash.get(KEY, None)
    if trial is None:
        raise pytest.UsageError(
            f"{request.node.nodeid} uses a fixture of seepage; mark it with pytest.mark.seepage(...)"
        )
    return trial


# --- what happens in the test becomes a verdict ----------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    try:
        return (yield)
    except BaseException:  # Ctrl-C, pytest.exit: the session ends here
        if KEY in item.stash and not item.stash[KEY].settled:
            readings.forget_in_allure(item)
        raise


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None]:
    cell = desk_of(item.config).cells.get(plain_id(item.nodeid))
    if cell is None:
        return (yield)
    trial = item.stash[KEY] = Trial(item, cell)
    try:
        return (yield)
    except Stopped as error:
        settle(trial, error)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    trial = item.stash.get(KEY, None)
    if trial is None:
        return (yield)
    error: BaseException | None = None
    try:
        yield
    except Stopped as raised:
        error = raised
    settle(trial, error)
    return None


def settle(trial: Trial, error: BaseException | None) -> None:
    """Record the one verdict of this cell, then raise what pytest and Allure count as its status."""
    verdict = verdict_of(trial, error)
    try:
        text = to_json(verdict)
        trial.item.ihook.pytest_seepage_verdict(verdict=verdict, outcome=trial.outcome, item=trial.item)
    except Exception as failure:  # a reader failed, or a number is not finite: nobody can rely on this verdict
        error, verdict = failure, trial.unjudged("broken", f"the verdict could not be written: {told(failure)}")
        text = to_json(verdict)
    trial.item.user_properties.append(("seepage", text))
    trial.settled = True
    said = headline(verdict)
    if verdict.status == "xfailed":
        raise pytest.xfail.Exception(said) from error
    if verdict.status == "skipped":
        raise pytest.skip.Exception(said, _use_item_location=True) from error
    if verdict.status == "failed" and verdict.leak:
        trace = error.__traceback__ if error is not None else None  # shows the assertion of the test, not this line
        raise Leak(said).with_traceback(trace) from None
    if verdict.status == "failed":
        raise pytest.fail.Exception(said, pytrace=False) from error
    if verdict.status == "error":
        raise error if error is not None and not counted_otherwise(error) else Broken(said) from error


def verdict_of(trial: Trial, error: BaseException | None) -> Verdict:
    judged = trial.verdict
    if error is None:
        return judged or trial.unjudged("broken", "the test reached no verdict; call judge(...)")
    if isinstance(error, AssertionError):
        if judged is not None and (judged.leak or judged.word == "broken"):
            return judged
        return trial.unjudged("broken", f"an assertion failed without evidence of a leak: {error}")
    if isinstance(error, NotTestable | pytest.skip.Exception | pytest.xfail.Exception):
        if judged is not None and (judged.leak or judged.word == "broken"):  # what was found is not skipped away
            return judged
        return trial.unjudged("inconclusive", str(error))
    return trial.unjudged("broken", told(error))


def told(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def counted_otherwise(error: BaseException) -> bool:
    """Exceptions that pytest or Allure do not count as an error."""
    return isinstance(error, (AssertionError, pytest.skip.Exception, pytest.fail.Exception, pytest.xfail.Exception))
