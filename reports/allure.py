"""Allure results of verdicts: what `--alluredir DIR` holds beside what allure-pytest writes.

The process that ran a test dresses its result (labels, sentence, pictures, tables); the controller, which alone knows
Holm's correction and which workers died, dresses all results again and adds the run's own. Without --alluredir nothing
happens. Names are stable: hypothesis + model + target, the same from a checkout and from a wheel.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pluggy
import pytest

from . import allure_files, allure_run

if TYPE_CHECKING:
    from seepage.records import Outcome, Run, Verdict

KEY: pytest.StashKey[Dresser] = pytest.StashKey()
SAID: pytest.StashKey[Said] = pytest.StashKey()


@dataclass(frozen=True, slots=True)
class Said:
    """What was said about the item that is running. pictures: title and SVG."""

    verdict: Verdict
    outcome: Outcome | None = None
    pictures: tuple[tuple[str, bytes], ...] = ()


class Dresser:
    """Sits before allure's file writer and dresses the result of the item that is running."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.item: pytest.Item | None = None

    @pluggy.HookimplMarker("allure")(tryfirst=True)  # allure_commons.hookimpl, without importing allure
    def report_result(self, result: Any) -> None:
        """Called by allure for every finished test; results of other tests pass as they are."""
        said = None if self.item is None else self.item.stash.get(SAID, None)
        if said is not None:
            allure_files.dress_object(self.folder, result, said.verdict, said.outcome, said.pictures)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    folder = config.getoption("allure_report_dir", None)
    if not folder:
        return
    if hasattr(config, "workerinput"):
        # every worker, and each one that replaces a crashed one, would wipe what the others wrote
        config.option.clean_alluredir = False
    import allure_commons

    dresser = Dresser(folder)
    allure_commons.plugin_manager.register(dresser, f"seepage-dresser-{id(config)}")
    config.add_cleanup(lambda: allure_commons.plugin_manager.unregister(dresser))
    config.stash[KEY] = dresser


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    dresser = item.config.stash.get(KEY, None)
    if dresser is None:
        return (yield)
    dresser.item = item
    try:
        return (yield)
    finally:
        dresser.item = None


def pytest_seepage_verdict(verdict: Verdict, outcome: Outcome | None, item: pytest.Item) -> None:
    """Draw now, while the test is running: a picture that cannot be drawn breaks its own cell and no other."""
    if KEY in item.config.stash:
        item.stash[SAID] = Said(verdict)
        pictures = allure_files.draw(outcome)
        item.stash[SAID] = Said(verdict, outcome, pictures)


def pytest_seepage_summary(run: Run, config: pytest.Config) -> None:
    if KEY in config.stash:
        allure_run.write(config.stash[KEY].folder, run)
