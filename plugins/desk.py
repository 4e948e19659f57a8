"""What one process knows of a run: its settings, its cells, and what it holds open."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from seepage.errors import BadSpec, SeepageError
from seepage.records import Answer, Cell, Entry, Request

from . import options

if TYPE_CHECKING:
    from seepage.models.protocol import Model
    from seepage.policy import Policy
    from seepage.store import Store

KEY: pytest.StashKey[Desk] = pytest.StashKey()
Thing = TypeVar("Thing")


class Desk:
    """One a process. Settings are read when the first cell is collected; nothing is opened before it is asked for."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.cells: dict[str, Cell] = {}  # node id, without @group -> cell, in the order of the run
        self.stated: dict[str, dict[str, str]] = {}  # node id -> fields of its verdict that are known beforehand
        self.groups: dict[str, str] = {}  # node id -> what one worker runs: a dense model with its twins
        self._settings: options.Settings | None = None
        self._policy: Policy | None = None
        self._store: Store | None = None
        self._models: dict[str, Model | Exception] = {}  # by spec
        self._asked = ""  # spec of the model that holds weights
        self._opened: dict[tuple[str, ...], Any] = {}
        self.roster: Any = None  # who takes part, once it is known (axes.roster_of)

    @property
    def settings(self) -> options.Settings:
        if self._settings is None:
            self._settings = options.read(self.config)
        return self._settings

    @property
    def policy(self) -> Policy:
        if self._policy is None:
            read = self.settings.policy
            self._policy = self.config.hook.pytest_seepage_policy(policy=read, config=self.config) or read
        return self._policy

    # --- what is open -------------------------------------------------------------------------------------------------

    def store(self) -> Store:
        """The store of this run, opened once a process; the replayed one is never written."""
        if self._store is None:
            from seepage.store import Store

            replay = self.settings.replay
            self._store = Store(self.settings.store) if replay is None else Store(replay, readonly=True)
        return self._store

    def model(self, entry: Entry) -> Model:
        """The model, which has no weights before it is asked. A spec that failed to open fails without another try."""
        opened: Model = self._or_raise(self._opening(entry))
        return opened

    def opens(self, entry: Entry) -> bool:
        """Whether the model is there. Where it is not, its own cells say why."""
        return not isinstance(self._opening(entry), Exception)

    def answers(self, entry: Entry, requests: Sequence[Request]) -> Iterator[tuple[int, Answer]]:
        """Answers of a model. One model holds weights at a time: the one that was asked before is closed."""
        if self._asked != entry.spec:
            self.close_model(self._asked)
        self._asked = entry.spec
        return self.model(entry).answers(requests)

    def close_model(self, spec: str) -> None:
        """Asked again, it is opened again: a model is free to make an end of itself when it is closed."""
        model = self._models.get(spec)
        if model is not None and not isinstance(model, Exception):
            del self._models[spec]
            model.close()

    def _opening(self, entry: Entry) -> Model | Exception:
        if entry.spec not in self._models:
            same_digits()
            share_cores(self.config)
            self._models[entry.spec] = self._try(lambda: self._open("model", entry.spec))
        return self._models[entry.spec]

    def series(self, entry: Entry) -> Any:
        return self.once(("series", entry.spec), lambda: self._open("series", entry.spec))

    def benchmark(self, entry: Entry) -> Any:
        return self.once(("benchmark", entry.spec), lambda: self._open("benchmark", entry.spec))

    def close(self) -> None:
        for spec in tuple(self._models):
            self.close_model(spec)
        if self._store is not None:
            self._store.close()
            self._store = None

    def once(self, name: tuple[str, ...], opening: Callable[[], Any]) -> Any:
        """What is opened or made once a process; where that failed, it fails again without another try."""
        if name not in self._opened:
            self._opened[name] = self._try(opening)
        return self._or_raise(self._opened[name])

    def _open(self, kind: str, spec: str) -> Any:
        hook: Callable[..., Any] = getattr(self.config.hook, f"pytest_seepage_open_{kind}")
        thing = hook(spec=spec, config=self.config)
        if thing is None:
            raise BadSpec(f"no plugin opens the {kind} {spec!r}; implement pytest_seepage_open_{kind} for its scheme")
        return thing

    def _try(self, opening: Callable[[], Thing]) -> Thing | Exception:
        try:
            return opening()
        except Exception as error:  # kept, and raised for every cell that needs it
            return error

    def _or_raise(self, thing: Any) -> Any:
        if isinstance(thing, SeepageError):
            raise type(thing)(*thing.args) from thing
        if isinstance(thing, Exception):
            raise thing
        return thing


def same_digits() -> None:
    """Before torch is imported: sums of MKL shall not depend on the number of threads, which `-n` changes.

    Without it 10^-5 nats of a matrix product differ between one thread and two. It costs no time that we could measure.
    """
    os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")


def share_cores(config: pytest.Config) -> None:
    """Where several workers run, the models of each compute with its part of the cores."""
    n_workers = getattr(config, "workerinput", {}).get("workercount", 1)
    if n_workers > 1:
        from seepage.models import set_threads
        from seepage.models.threads import cores

        set_threads(max(1, cores() // n_workers))


def register(config: pytest.Config, *names: str) -> None:
    """Import modules by name and register them as plugins, once. One blocked by `-p no:` stays out."""
    manager = config.pluginmanager
    for name in names:
        if not manager.has_plugin(name) and not manager.is_blocked(name):
            manager.register(importlib.import_module(name), name)


def check(config: pytest.Config) -> None:
    """Refuse a bad configuration before anything is collected, as a usage error. Silent where there is none."""
    try:
        if options.stated(config):
            desk_of(config).settings  # noqa: B018 - reading is checking
    except BadSpec as error:
        raise pytest.UsageError(str(error)) from error


def desk_of(config: pytest.Config) -> Desk:
    return config.stash[KEY]


def plain_id(nodeid: str) -> str:
    """A node id without the @group that xdist appends."""
    return nodeid.rpartition("@")[0] if nodeid.rfind("@") > nodeid.rfind("]") >= 0 else nodeid
