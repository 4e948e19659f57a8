"""What every writer says in the same words: the name of a verdict, its figures, the models × hypotheses grid.

    late       qo      expected leak   no-evidence     report only

Text that came from a model passes through `plain` before it reaches a terminal or a page: a reply may hold escape
sequences that move a cursor, and marks that reverse the reading order.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from seepage import verdicts
from seepage.records import Detectable, Effect, Placebo, Run, Table, Verdict

ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|.)", re.DOTALL
)
ORDER = ("leak", "ungated leak", "broken", "expected leak", "no-evidence", "inconclusive", "report only")
MEANING = {
    "leak": "evidence at the family-wise level, with an effect above the margin and quiet placebos",
    "ungated leak": "the same in a reference, or in a test outside the families: it never fails a run",
    "expected leak": "a positive control that leaks, as it must",
    "no-evidence": "an effect of the detectable size would have been found in 80 % of runs; it was not",
    "inconclusive": "could not be tested; the reason says why",
    "report only": "shown, never decides",
    "broken": "the instrument is wrong here, so this cell says nothing about the model",
}


def plain(text: str, *, keep_lines: bool = False) -> str:
    """Text without escape sequences, control characters and direction overrides; one line unless lines are kept."""
    text = ESCAPES.sub("", text)
    if not keep_lines:
        text = " ".join(text.split())
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp"))


def shown(verdict: Verdict) -> str:
    """The word a reader sees: the verdict's, or why the same word means something else here."""
    if verdict.word == "leak" and verdict.status == "xfailed":
        return "expected leak" if verdict.cell.role == "positive-control" else "ungated leak"
    return "report only" if verdict.word == "inconclusive" and verdict.report_only else verdict.word


def counts(given: Iterable[Verdict]) -> dict[str, int]:
    """How often each shown word occurs, in the order of `ORDER`, absent words left out."""
    words = [shown(verdict) for verdict in given]
    return {word: words.count(word) for word in ORDER if word in words}


def summary(run: Run) -> str:
    """ "2 leak, 1 broken, 9 no-evidence"."""
    return ", ".join(f"{count} {word}" for word, count in counts(run.verdicts).items()) or "no verdicts"


# --- figures ------------------------------------------------------------------------------------------------------


def figure(value: float | None) -> str:
    """Two significant digits, as in the sentences; an em dash for no number, which is not zero."""
    return "—" if value is None else verdicts.figure(value).replace("-", "−")


def effect_words(effect: Effect) -> str:
    """ "excess .37 [.28, .46], margin .1"."""
    unit = f" {effect.unit}" if effect.unit else ""
    text = f"{effect.name} {figure(effect.value)}{unit}"
    if effect.low is not None and effect.high is not None:
        text += f" [{figure(effect.low)}, {figure(effect.high)}]"
    if effect.margin is None:
        return f"{text}, shown only"
    return f"{text}, margin {figure(effect.margin)} {'met' if effect.met else 'not met'}"


def detectable_words(found: Detectable) -> str:
    unit = f" {found.unit}" if found.unit else ""
    text = f"{found.name} {figure(found.value)}{unit}"
    return (
        text if found.limit is None else f"{text}, limit {figure(found.limit)} {'kept' if found.enough else 'missed'}"
    )


def decision(verdict: Verdict) -> str:
    """ "p = .0004, adjusted .0012; judged at .0042, one of m = 12 in family leakage"."""
    cell = verdict.cell
    if verdict.pvalue is None:
        return "no p-value"
    text = f"p = {figure(verdict.pvalue)}"
    if verdict.adjusted is not None:
        text += f", adjusted {figure(verdict.adjusted)}"
    if verdicts.counts(cell):
        return f"{text}; judged at {figure(cell.alpha)}, one of m = {cell.m} in family {cell.family}"
    beside = f"beside family {cell.family}, not one of its m" if cell.gated else "outside the families"
    return f"{text}; judged at {figure(cell.alpha)}, {beside}"


# --- the grid -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """One model and what it was asked about; verdicts in the order of the grid's hypotheses, None where not asked."""

    model: str
    target: str
    verdicts: tuple[Verdict | None, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """Models × hypotheses, a row for each series or benchmark (and variant)."""

    hypotheses: tuple[str, ...]
    rows: tuple[Row, ...]


def grid(given: Sequence[Verdict]) -> Grid:
    """Rows and columns in the order in which the run collected them."""
    hypotheses = tuple(dict.fromkeys(verdict.cell.hypothesis for verdict in given))
    models = tuple(dict.fromkeys(verdict.cell.model for verdict in given))
    found = {(v.cell.model, target(v), v.cell.hypothesis): v for v in given}
    places = sorted(dict.fromkeys((v.cell.model, target(v)) for v in given), key=lambda place: models.index(place[0]))
    return Grid(
        hypotheses,
        tuple(Row(m, t, tuple(found.get((m, t, hypothesis)) for hypothesis in hypotheses)) for m, t in places),
    )


def target(verdict: Verdict) -> str:
    return " ".join(filter(None, (verdict.cell.target, verdict.cell.variant)))


# --- tables to take away ------------------------------------------------------------------------------------------


def to_csv(table: Table) -> str:
    """RFC 4180. A text cell that a spreadsheet would run as a formula gets an apostrophe: replies are untrusted."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(table.columns)
    for row in table.rows:
        writer.writerow([harmless(cell) for cell in row])
    return buffer.getvalue()


def harmless(cell: object) -> object:
    if not isinstance(cell, str):
        return cell
    cell = plain(cell, keep_lines=True)
    if cell[:1] in tuple("=@+-\t") and not re.fullmatch(r"[+-]?[\d.,]+%?", cell):
        return "'" + cell
    return cell


def placebo_table(placebos: Sequence[Placebo]) -> Table:
    rows = tuple((p.name, "fired" if p.fired else "quiet", p.pvalue, p.effect, p.note) for p in placebos)
    return Table("placebos", ("placebo", "rule", "p", "effect", "note"), rows)


def grid_table(given: Sequence[Verdict]) -> Table:
    """The grid as rows: model, target, one column a hypothesis."""
    made = grid(given)
    rows = tuple((row.model, row.target, *(shown(v) if v else None for v in row.verdicts)) for row in made.rows)
    return Table("models × hypotheses", ("model", "target", *made.hypotheses), rows)


def effect_table(given: Sequence[Verdict]) -> Table:
    """Every effect of every cell: what the margins looked at."""
    rows = tuple(
        (
            v.cell.model,
            target(v),
            v.cell.hypothesis,
            shown(v),
            v.n,
            v.pvalue,
            v.adjusted,
            e.name,
            e.value,
            e.low,
            e.high,
        )
        for v in given
        for e in v.effects
    )
    columns = ("model", "target", "hypothesis", "verdict", "n", "p", "adjusted p", "effect", "value", "low", "high")
    return Table("effects", columns, rows)
