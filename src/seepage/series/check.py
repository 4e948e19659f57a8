"""What a series must be before anything is asked: one finite value a period, in order, printed to stated decimals.

Malformed is refused (`BadSpec`, with file, row and value); too little or too trending is `NotTestable`. A period
without a row stays a hole: nothing is interpolated, and the calendar never shifts.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np

from ..errors import BadSpec, NotTestable
from . import periods
from .record import Series

MIN_POINTS = 30  # fewer are refused
MIN_VALUES = 120  # fewer cannot be tested
MAX_LINE = 0.80  # share of variance a straight line may explain
MAX_HOLES = 0.20  # share of periods without a value: the baselines need both neighbours
HOLES = ("", "na", "n/a", "nan", "null", "none", ".", "-")  # how tables write "no value"


@dataclass(frozen=True, slots=True)
class Point:
    """One row on its way into a series: where it was read, its period and its number as written (None: a hole)."""

    where: str
    label: str
    number: Decimal | None


def number(cell: Any, *, where: str) -> Decimal | None:
    """A cell as a number with the digits it was written with; None for a hole. Raises BadSpec, naming row and value."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return None
    text = str(cell).strip().replace("−", "-")
    if text.lower() in HOLES:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        hint = " (write 1234.5, without thousands separators and with a point)" if re.search(r"\d,\d", text) else ""
        raise BadSpec(f"{where}: {text!r} is not a number{hint}; an empty cell or NA is a hole") from None
    if not value.is_finite() or math.isinf(float(value)):
        raise BadSpec(f"{where}: {text!r} is not finite; an empty cell or NA is a hole")
    return value


def decimals_of(value: Decimal) -> int:
    """Digits written behind the point."""
    exponent = value.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def place(
    points: Sequence[Point], *, period: periods.Kind, source: str, gaps: bool = True
) -> tuple[str, tuple[Decimal | None, ...]]:
    """(label of the first period, one number a period): points on their calendar, oldest first.

    gaps: a period without a row is a hole; False refuses it. Newest-first tables are turned round.
    Raises BadSpec on a repeated period, on dates out of order, on a missing row where gaps is False.
    """
    counts = [_count(point, period, source) for point in points]
    if not counts:
        raise BadSpec(f"{source} has no rows; at least {MIN_POINTS} values are needed, {MIN_VALUES} to test anything")
    seen: dict[int, Point] = {}
    for count, point in zip(counts, points, strict=True):
        if count in seen:
            raise BadSpec(
                f"{source}, {point.where}: duplicate date {point.label!r}, already in {seen[count].where}; "
                f"one value a {period} is accepted"
            )
        seen[count] = point
    if counts != sorted(counts) and counts != sorted(counts, reverse=True):
        i = _turn(counts)
        raise BadSpec(
            f"{source}, {points[i].where}: dates out of order, {points[i].label!r} follows {points[i - 1].label!r}; "
            "sort the rows by date, oldest first or newest first"
        )
    calendar = range(min(counts), max(counts) + 1)
    missing = next((count for count in calendar if count not in seen), None)
    if missing is not None and not gaps:
        raise BadSpec(
            f"{source}: gap, no row for {periods.label(missing, period)}; "
            f"{len(calendar) - len(seen)} of {len(calendar)} {periods.PLURALS[period]} are missing. Write the row with "
            "an empty value, or state gaps=holes"
        )
    return periods.label(min(counts), period), tuple(seen[c].number if c in seen else None for c in calendar)


def _count(point: Point, period: periods.Kind, source: str) -> int:
    try:
        return periods.ordinal(point.label, period)
    except BadSpec as error:
        raise BadSpec(f"{source}, {point.where}: {error}") from error


def _turn(counts: Sequence[int]) -> int:
    """Index of the first row that breaks the direction most rows have."""
    steps = np.sign(np.diff(counts))
    direction = 1 if steps.sum() >= 0 else -1
    return int(np.argmax(steps != direction)) + 1


def check_series(series: Series) -> Series:
    """The series, if it is well formed and can be tested: every provider's result goes through here.

    Raises BadSpec on anything malformed or fewer than 30 values, NotTestable on what `check_testable` says.
    """
    where = f"series {series.id!r}"
    for key in ("id", "name", "unit"):
        if not getattr(series, key).strip():
            raise BadSpec(f"{where} has an empty {key}; prompts need it")
    if series.period not in periods.KINDS:
        raise BadSpec(f"{where}: unknown period {series.period!r}. Known: {', '.join(periods.KINDS)}")
    periods.ordinal(series.first, series.period)
    if not 0 <= series.decimals <= 12:
        raise BadSpec(f"{where}: decimals={series.decimals}; accepted: 0 to 12, as published")
    if series.season < 0 or series.season == 1:
        raise BadSpec(f"{where}: season={series.season}; accepted: 0 (none) or the periods of one season, 2 or more")
    for name, values in (("values", series.values), *(("a vintage", v) for v in series.vintages)):
        if len(values) != len(series):
            raise BadSpec(f"{where}: {name} has {len(values)} periods, values {len(series)}; they are equally long")
        _printed(series, values, name)
    if series.doses is not None and len(series.doses) != len(series):
        raise BadSpec(f"{where}: {len(series.doses)} doses for {len(series)} periods; state one a period")
    n_values = sum(value is not None for value in series.values)
    if n_values < MIN_POINTS:
        raise BadSpec(f"{where} has {n_values} values; at least {MIN_POINTS} are accepted, {MIN_VALUES} to be tested")
    return check_testable(series)


def _printed(series: Series, values: Sequence[float | None], name: str) -> None:
    for i, value in enumerate(values):
        if value is None:
            continue
        if not math.isfinite(value):
            raise BadSpec(f"series {series.id!r}, {series.labels[i]}: {value} in {name} is not finite; None is a hole")
        if round(value, series.decimals) != value:
            raise BadSpec(
                f"series {series.id!r}, {series.labels[i]}: {value!r} in {name} has more than {series.decimals} "
                "decimals (mixed decimals); state the decimals as published, or print all values alike"
            )


def check_testable(series: Series) -> Series:
    """The series, if a claim about it can be tested at all.

    Raises NotTestable on fewer than 120 values, more than 20 % holes, a constant, or a straight line (least squares on
    the calendar) that explains more than 80 % of the variance.
    """
    x = series.x
    there = ~np.isnan(x)
    n_values = int(there.sum())
    if n_values < MIN_VALUES:
        raise NotTestable(f"series {series.id!r} has {n_values} values; at least {MIN_VALUES} can be tested")
    if n_values < (1 - MAX_HOLES) * len(x):
        raise NotTestable(
            f"series {series.id!r} has no value in {len(x) - n_values} of {len(x)} {periods.PLURALS[series.period]}; "
            f"at most {MAX_HOLES:.0%} may be holes. Choose a window without them (first=, last=)"
        )
    values = x[there]
    if np.all(values == values[0]):
        raise NotTestable(f"series {series.id!r} is constant ({series.format(float(values[0]))}): nothing to recall")
    explained = float(np.corrcoef(np.flatnonzero(there), values)[0, 1] ** 2)
    if explained > MAX_LINE:
        raise NotTestable(
            f"a straight line explains {explained:.0%} of the variance of series {series.id!r} "
            f"(at most {MAX_LINE:.0%}); ask for the change instead: add /change to its spec"
        )
    return series


def window(series: Series, *, first: str = "", last: str = "") -> Series:
    """The series from one label to another, both included. Raises BadSpec outside of its range."""
    start = periods.ordinal(series.first, series.period)
    stop = start + len(series) - 1
    low = periods.ordinal(first, series.period) if first else start
    high = periods.ordinal(last, series.period) if last else stop
    if not start <= low <= high <= stop:
        raise BadSpec(
            f"first={first or series.first}, last={last or series.labels[-1]} do not lie in order within series "
            f"{series.id!r}, which runs from {series.first} to {series.labels[-1]}"
        )
    cut = slice(low - start, high - start + 1)
    return dataclasses.replace(
        series,
        first=periods.label(low, series.period),
        values=series.values[cut],
        vintages=tuple(v[cut] for v in series.vintages),
        doses=None if series.doses is None else series.doses[cut],
    )
