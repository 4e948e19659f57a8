"""The exact command that repeats one verdict: the same test, options and level."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from seepage.records import Cell

from .desk import plain_id

# Options of this run that change a verdict; the level is restated for the single cell.
AGAIN = ".seepage/again"
KEPT = ("model", "series", "bench", "config", "store", "replay")


def of_cell(item: pytest.Item, cell: Cell) -> str:
    """Run alone the cell is a family of one, so `--seepage-alpha` is the level it had among m.

    Its evidence goes to a folder of its own: a repetition must not replace what it repeats.
    """
    config = item.config
    words = ["pytest", *test_of(item)]
    if config.option.inifilename:
        words += ["-c", config.option.inifilename]
    for name in KEPT:
        given = getattr(config.option, f"seepage_{name}")
        for value in given if isinstance(given, list) else [given] if given else []:
            words += [f"--seepage-{name}", value]
    words += ["--seepage-no-controls"] if config.option.seepage_no_controls else []
    return shlex.join([*words, "--seepage-alpha", repr(cell.alpha), "--seepage-out", AGAIN])


def of_run(config: pytest.Config) -> str:
    return shlex.join(["pytest", *map(str, config.invocation_params.args)])


def test_of(item: pytest.Item) -> Iterator[str]:
    """The test as one would type it from the folder of this run; a test of an installed package by its module."""
    _, _, rest = plain_id(item.nodeid).partition("::")
    path, here = item.path, Path(item.config.invocation_params.dir)
    if path.is_relative_to(here):
        yield f"{path.relative_to(here).as_posix()}::{rest}"
        return
    module = getattr(getattr(item, "module", None), "__name__", "")
    if item.config.option.pyargs and getattr(sys.modules.get(module), "__file__", None) == str(path):
        yield from ("--pyargs", f"{module}::{rest}")
    else:
        yield f"{path}::{rest}"
