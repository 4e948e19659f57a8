"""How far a model has come, on the line below pytest's dots. Silent in workers, in CI and without a terminal."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from seepage.scorer import Progress


class Below:
    """A `seepage.scorer.Progress`: opens a line below the one pytest writes, then goes back to where that stopped."""

    def __init__(self, config: pytest.Config) -> None:
        from seepage.scorer import Line

        terminal: Any = config.pluginmanager.get_plugin("terminalreporter")
        capture: Any = config.pluginmanager.get_plugin("capturemanager")
        self._writer = terminal._tw
        self._uncaptured = capture.global_and_fixture_disabled if capture else contextlib.nullcontext
        self._opened = False
        self._line = Line(stream=self)  # type: ignore[arg-type]

    def start(self, n_requests: int, *, label: str) -> None:
        self._line.start(n_requests, label=label)

    def advance(self, done: int) -> None:
        self._line.advance(done)

    def finish(self) -> None:
        self._line.finish()
        if self._opened:
            column = self._writer.width_of_current_line
            self._raw("\x1b[1A" + (f"\x1b[{column}C" if column else ""))
            self._opened = False

    # --- the stream that `Line` writes to: past pytest's capture, and past its count of columns

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> None:
        self._raw(text if self._opened else f"\n{text}")
        self._opened = True

    def flush(self) -> None:
        """Written is flushed."""

    def _raw(self, text: str) -> None:
        with self._uncaptured():
            self._writer._file.write(text)
            self._writer.flush()


def on_terminal(config: pytest.Config) -> Progress | None:
    """Where pytest writes to a terminal, a line below; else None, which says nothing."""
    terminal: Any = config.pluginmanager.get_plugin("terminalreporter")
    shown = terminal is not None and terminal.isatty and config.get_verbosity() >= 0
    return Below(config) if shown and not os.environ.get("CI") and not hasattr(config, "workerinput") else None
