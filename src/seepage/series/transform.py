"""A change instead of a level, computed from the printed figures and rounded half up, as statistical offices do it.

cpi:CUSR0000SA0 -> cpi:CUSR0000SA0/mom: 100 * (index / index of the month before - 1), one decimal.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from decimal import ROUND_HALF_UP, Decimal

from ..errors import BadSpec
from ..specs import one_of
from . import periods
from .record import Series

Numbers = Sequence[Decimal | None]
TRANSFORMS = ("mom", "yoy", "change", "pct")
YEAR = {"month": 12, "quarter": 4, "year": 1}  # periods in a year
BEFORE = {"weekday": "last business day"}  # otherwise "month before", "day before", ...
# A holiday has no rate: the change after it is the change from the last published one, at most two weeks back.
REACH = {"weekday": 10}


def transformed(series: Series, transform: str) -> Series:
    """The series of changes, with name, unit, decimals and season to match. Holes stay holes.

    change: difference from the period before, same unit and decimals.
    pct:    percent change from the period before, two decimals.
    mom:    percent change from the month before, one decimal (monthly series).
    yoy:    percent change from the same period a year before, one decimal; it has no season left.
    Raises BadSpec on another transform, a period it does not fit, or percent changes of values that are not positive.
    """
    where = f"series {series.id!r}"
    one_of(transform, TRANSFORMS, key="transform", where=where)
    if transform == "mom" and series.period != "month":
        raise BadSpec(f"{where} has one value a {series.period}; mom needs months. Use pct or change")
    if transform == "yoy" and series.period not in YEAR:
        raise BadSpec(f"{where} has one value a {series.period}; yoy needs months, quarters or years. Use change")
    numbers = [None if v is None else Decimal(repr(v)) for v in series.values]
    if transform != "change" and any(v is not None and v <= 0 for v in numbers):
        raise BadSpec(f"{where} has values that are not positive, which have no percent change. Use change")
    lag = YEAR[series.period] if transform == "yoy" else 1
    decimals = {"change": series.decimals, "pct": 2, "mom": 1, "yoy": 1}[transform]
    compute = _difference if transform == "change" else _percent
    values = _walk(numbers, lag=lag, reach=max(lag, REACH.get(series.period, 1)), compute=compute, decimals=decimals)
    words = f"{'' if transform == 'change' else 'percent '}change from the {_earlier(transform, series.period)}"
    return dataclasses.replace(
        series,
        id=f"{series.id}.{transform}",
        name=f"{series.name}, {words}",
        blind=f"{series.blind}, {words}",
        unit=series.unit if transform == "change" else "percent",
        decimals=decimals,
        first=periods.label(periods.ordinal(series.first, series.period) + lag, series.period),
        values=tuple(None if v is None else float(v) + 0.0 for v in values),  # + 0.0: no minus zero
        vintages=(),
        season=0 if transform == "yoy" else series.season,
        siblings=tuple(f"{sibling}/{transform}" for sibling in series.siblings),
    )


def _earlier(transform: str, period: periods.Kind) -> str:
    """What a change is measured from, in words."""
    if transform == "yoy":
        return f"same {period} a year before" if period != "year" else "year before"
    return BEFORE.get(period, f"{period} before")


def _walk(
    numbers: Numbers, *, lag: int, reach: int, compute: Callable[[Decimal, Decimal], Decimal], decimals: int
) -> list[Decimal | None]:
    """compute(value, earlier value) from index `lag` on; earlier is `lag` back, or the last there within `reach`."""
    out: list[Decimal | None] = []
    tick = Decimal(1).scaleb(-decimals)
    for i in range(lag, len(numbers)):
        value = numbers[i]
        back = range(i - lag, max(i - reach, 0) - 1, -1)
        earlier = next((numbers[j] for j in back if numbers[j] is not None), None)
        known = value is not None and earlier is not None
        out.append(compute(value, earlier).quantize(tick, ROUND_HALF_UP) if known else None)  # type: ignore[arg-type]
    return out


def _difference(value: Decimal, earlier: Decimal) -> Decimal:
    return value - earlier


def _percent(value: Decimal, earlier: Decimal) -> Decimal:
    return 100 * (value / earlier - 1)
