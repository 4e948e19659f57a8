"""The end of a run on a terminal: models × hypotheses, the sentences to read, families, where the evidence is.

Plain words at 80 columns, nothing said by colour. Printed after pytest's own failures and before its short summary.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from seepage.records import Family, Run, Verdict

from . import jsonl, words

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

RUN: pytest.StashKey[Run] = pytest.StashKey()
PRINTED: pytest.StashKey[bool] = pytest.StashKey()
COLUMN = 14  # "expected leak" and a blank
FEW = 6  # report-only sentences; where there are more, only their cells are named
READ = ("leak", "broken", "ungated leak", "inconclusive", "report only", "expected leak")


def pytest_seepage_summary(run: Run, config: pytest.Config) -> None:
    config.stash[RUN] = run
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and config.stash.get(PRINTED, False):
        write(reporter, run, config)


@pytest.hookimpl(tryfirst=True)
def pytest_terminal_summary(terminalreporter: TerminalReporter, config: pytest.Config) -> None:
    config.stash[PRINTED] = True
    run = config.stash.get(RUN, None)
    if run is not None:
        write(terminalreporter, run, config)


def write(reporter: TerminalReporter, run: Run, config: pytest.Config) -> None:
    width = max(60, min(reporter._tw.fullwidth, 120))
    reporter.section("seepage", sep="=")
    folder = config.getoption("allure_report_dir", None)
    base = Path(config.invocation_params.dir)
    where = {
        "evidence": near(jsonl.path_of(run, config), base),
        "answers": near(Path(run.store), base) if run.store else "",
        "allure": str(folder or ""),
    }
    for text in lines(run, width=width, where=where, verbose=config.get_verbosity() > 0):
        reporter.write_line(text)


def lines(run: Run, *, width: int, where: dict[str, str], verbose: bool = False) -> Iterator[str]:
    """The report, one line at a time; verbose adds the sentences of the cells without evidence."""
    yield from table(run.verdicts, width)
    for word in (*READ, "no-evidence") if verbose else READ:
        yield from sentences(word, [v for v in run.verdicts if words.shown(v) == word], width)
    yield ""
    for family in run.families:
        yield from wrapped(family_line(run, family), width, "")
    yield from wrapped(words.summary(run), width, "")
    if "no-evidence" in words.counts(run.verdicts):
        yield from wrapped(f"no-evidence: {words.MEANING['no-evidence']}", width, "")
    yield from (f"{name + ':':<10}{path}" for name, path in where.items() if path)


def family_line(run: Run, family: Family) -> str:
    leaks = "no leak" if not family.leaks else f"{len(family.leaks)} leak{'s' if len(family.leaks) > 1 else ''}"
    level = f"level {words.figure(family.alpha)} (share {words.figure(family.share)} of {words.figure(run.alpha)})"
    return f"family {words.plain(family.name)}: {leaks} among m = {family.m} gated cells, {level}"


def table(verdicts: Sequence[Verdict], width: int) -> Iterator[str]:
    """One block of columns after another, a family of hypotheses at a time; a block leaves out its empty rows."""
    made = words.grid(verdicts)
    names = [words.plain(row.target) for row in made.rows]
    prefixes = [hypothesis.rpartition(".")[0] for hypothesis in made.hypotheses]
    first = min(24, max([len(name) + 2 for name in names] + [len(prefix) for prefix in prefixes], default=0) + 2)
    for shown in blocks(prefixes, room=max(1, (width - first) // COLUMN)):
        yield ""
        yield row(prefixes[shown[0]], [made.hypotheses[i].rpartition(".")[2] for i in shown], first)
        model = None
        for line, name in zip(made.rows, names, strict=True):
            cells = [line.verdicts[i] for i in shown]
            if not any(cells):
                continue
            if line.model != model:
                yield words.plain(line.model)
                model = line.model
            yield row(f"  {name}", [words.shown(cell) if cell else "·" for cell in cells], first)


def blocks(prefixes: Sequence[str], *, room: int) -> Iterator[list[int]]:
    """Columns that stand side by side: of one prefix, and no more than there is room for."""
    for prefix in dict.fromkeys(prefixes):
        columns = [i for i, other in enumerate(prefixes) if other == prefix]
        yield from (columns[begin : begin + room] for begin in range(0, len(columns), room))


def row(head: str, cells: Iterable[str], first: int) -> str:
    return (fit(head, first) + "".join(fit(cell, COLUMN) for cell in cells)).rstrip()


def fit(text: str, width: int) -> str:
    """Exactly `width` columns, at least one of them blank."""
    return (text if len(text) < width else text[: width - 2] + "…").ljust(width)


def sentences(word: str, found: Sequence[Verdict], width: int) -> Iterator[str]:
    """Each cell with its sentence; cells that say the same for the same reason share it."""
    if not found:
        return
    yield ""
    yield f"{word} ({len(found)})"
    if word == "report only" and len(found) > FEW:
        yield from wrapped(", ".join(v.cell.key for v in found), width, "  ")
        return
    said: dict[str, list[str]] = {}
    for verdict in found:
        alone = verdict.reason if word == "inconclusive" and verdict.pvalue is None else verdict.sentence
        said.setdefault(alone or verdict.sentence, []).append(verdict.cell.key)
    for text, keys in said.items():
        yield from wrapped(", ".join(keys), width, "  ")
        yield from wrapped(text, width, "      ")


def wrapped(text: str, width: int, indent: str) -> list[str]:
    """Lines of at most `width` columns; a figure keeps its "%"."""
    kept = words.plain(text).replace(" %", "\u00a0%")
    filled = textwrap.wrap(kept, width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
    return [line.replace("\u00a0", " ") for line in filled]


def near(path: Path, base: Path) -> str:
    """The path as one would type it from here."""
    return str(path.relative_to(base)) if path.is_relative_to(base) else str(path)
