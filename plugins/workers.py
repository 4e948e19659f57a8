"""Two sides of xdist: what the controller tells its workers, what they hand back, and what is left of one that died."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from seepage.records import Cell
from seepage.verdicts import from_json, to_json, unjudged

from .desk import Desk, desk_of, plain_id

if TYPE_CHECKING:
    from xdist.scheduler import Scheduling
    from xdist.workermanage import WorkerController

SHARED: pytest.StashKey[Path] = pytest.StashKey()
CHOSEN: pytest.StashKey[bool] = pytest.StashKey()
PLAN = "cells.json"


def is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def is_distributed(config: pytest.Config) -> bool:
    """Whether this process is a controller with workers."""
    return not is_worker(config) and config.pluginmanager.hasplugin("dsession")


def before_main(config: pytest.Config) -> None:
    """Before xdist makes `load` of `-n`: did the user choose how tests are spread?"""
    given = config.known_args_namespace
    config.stash[CHOSEN] = getattr(given, "dist", "no") != "no" or bool(getattr(given, "distload", False))


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if is_worker(config) and hasattr(config.option, "clean_alluredir"):
        # The controller has cleaned; a worker, or the replacement of a dead one, would wipe what is written since.
        config.option.clean_alluredir = False


def pytest_unconfigure(config: pytest.Config) -> None:
    shared = config.stash.get(SHARED, None)
    if shared is not None and not is_worker(config):
        shutil.rmtree(shared, ignore_errors=True)


# --- controller -> worker --------------------------------------------------------------------------------------------


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: WorkerController) -> None:
    config = node.config
    if SHARED not in config.stash:
        config.stash[SHARED] = Path(tempfile.mkdtemp(prefix="seepage-"))
    node.workerinput["seepage_shared"] = str(config.stash[SHARED])


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling | None:
    from .scheduling import ByModel, Grouped

    dist = config.getvalue("dist")
    if dist == "loadgroup":
        return Grouped(config, log)
    return ByModel(config, log) if dist == "load" and not config.stash.get(CHOSEN, False) else None


# --- worker -> controller --------------------------------------------------------------------------------------------


def hand_over(config: pytest.Config, desk: Desk) -> None:
    """In a worker: write the plan where the controller finds it. A worker that dies cannot be asked any more."""
    folder = config.workerinput.get("seepage_shared") if is_worker(config) else None  # type: ignore[attr-defined]
    if folder is None:
        return
    path = Path(folder) / PLAN
    draft = path.with_name(f"{os.getpid()}.tmp")
    rows = [[nodeid, to_json(cell), desk.stated[nodeid], desk.groups[nodeid]] for nodeid, cell in desk.cells.items()]
    draft.write_text(json.dumps(rows), encoding="utf-8")
    draft.replace(path)


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_xdist_node_collection_finished(node: WorkerController, ids: Sequence[str]) -> None:  # noqa: ARG001
    take_over(node.config)


def take_over(config: pytest.Config) -> bool:
    """In the controller: read the plan, once. Whether there are cells."""
    desk, shared = desk_of(config), config.stash.get(SHARED, None)
    if not desk.cells and shared is not None and (shared / PLAN).exists():
        for nodeid, text, stated, group in json.loads((shared / PLAN).read_text(encoding="utf-8")):
            desk.cells[nodeid], desk.stated[nodeid], desk.groups[nodeid] = from_json(text, Cell), stated, group
        from .planning import activate

        activate(config)
    return bool(desk.cells)


@pytest.hookimpl(optionalhook=True)
def pytest_handlecrashitem(crashitem: str, report: pytest.TestReport, sched: Any) -> None:  # noqa: ARG001
    """A dead worker's cell is broken. Its verdict is written here: nobody else is left to write it."""
    desk, nodeid = desk_of(report.node.config), plain_id(crashitem)
    if nodeid in desk.cells:
        reason = f"worker {report.node.gateway.id} died while it ran this cell (killed, or out of memory)"
        verdict = unjudged("broken", reason, desk.cells[nodeid], **desk.stated[nodeid])
        report.user_properties.append(("seepage", to_json(verdict)))
