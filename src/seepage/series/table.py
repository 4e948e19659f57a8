"""A series from the user's own table: one column of a csv, jsonl or parquet file.

csv:prices.csv#close?name=Closing price of X&unit=dollars&decimals=2&period=weekday&date=day
"""

from __future__ import annotations

import datetime
import itertools
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, cast

from .. import tables
from ..errors import BadSpec
from ..specs import known_only, one_of, slug, whole
from . import periods
from .check import Point, decimals_of, number, place
from .record import Series

#: What a table may state of itself, after `?` or as keys of its entry. first and last cut a window.
OPTIONS = {
    "name": "as written in prompts; the column's name if not stated",
    "blind": "a description that avoids the name",
    "domain": "the field, for the mood prompt",
    "unit": "words of the unit (required)",
    "decimals": "as published; read from the written digits if not stated",
    "period": f"{', '.join(periods.KINDS)}; read from the dates if not stated",
    "date": "column of dates; `date` if not stated",
    "gaps": "`holes`: a missing row is a hole (always so for weekdays, which have holidays); `refuse` otherwise",
    "season": "periods a season: 12 for monthly figures that are not adjusted, 0 for none",
    "lag_days": "days from the end of a period to its publication; 30 if not stated",
    "signed": "true: positive values are written with +",
    "vintage": "which print of the figures this is",
    "licence": "of the data",
    "siblings": "specs of series of the same kind, joined by commas",
    "first": "first period of the window",
    "last": "last period of the window",
}
DATE_COLUMNS = ("date", "Date", "DATE", "period", "month", "day", "quarter", "year")


def read_series(spec: str, path: str, column: str, options: Mapping[str, str], *, form: str = "") -> Series:
    """The series, unchecked and uncut. Raises BadSpec on anything that is not one value a period, naming the row."""
    where = f"{spec!r}"
    known_only(options, OPTIONS, what="option", where=where)
    table = tables.read(path, form=form)
    if "unit" not in options:
        raise BadSpec(f"{where} states no unit; prompts ask for a number in it: add ?unit=percent, for instance")
    dates = tables.column(table, options.get("date") or _date_column(table), role="dates; state date=")
    column = tables.column(table, column, role="values") if column else _only_column(table, dates)
    numbers = [number(cell, where=f"{path}, {row}, column {column!r}") for row, cell in tables.cells(table, column)]
    labels = [_date(cell, where=f"{path}, {row}, column {dates!r}") for row, cell in tables.cells(table, dates)]
    stated = one_of(options.get("period", ""), ("", *periods.KINDS), key="period", where=where)
    period = cast(periods.Kind, stated) if stated else _period(labels, where)
    if "decimals" in options:
        decimals = whole(options["decimals"], key="decimals", where=where, low=0, high=12)
        _at_most(numbers, decimals, table, column)
    else:
        decimals = _written_decimals(table, column, numbers)
    points = [
        Point(row, _label(text, period), value) for row, text, value in zip(table.where, labels, numbers, strict=True)
    ]
    gaps = one_of(options.get("gaps", "refuse"), ("refuse", "holes"), key="gaps", where=where) == "holes"
    first, values = place(points, period=period, source=path, gaps=gaps or period == "weekday")
    return _series(spec, path, column, options, period=period, decimals=decimals, first=first, values=values)


def _series(
    spec: str,
    path: str,
    column: str,
    options: Mapping[str, str],
    *,
    period: periods.Kind,
    decimals: int,
    first: str,
    values: tuple[Decimal | None, ...],
) -> Series:
    return Series(
        id=slug(column),
        name=options.get("name", column),
        blind=options.get("blind", f"a {_ADJECTIVES[period]} figure"),
        domain=options.get("domain", "the economy"),
        unit=options["unit"],
        decimals=decimals,
        period=period,
        first=first,
        values=tuple(None if v is None else float(v) + 0.0 for v in values),
        season=whole(options.get("season", "0"), key="season", where=spec, low=0, high=366),
        lag_days=whole(options.get("lag_days", "30"), key="lag_days", where=spec, low=0, high=3660),
        vintage=options.get("vintage", ""),
        source=path,
        licence=options.get("licence", ""),
        siblings=tuple(filter(None, options.get("siblings", "").split(","))),
        signed=one_of(options.get("signed", "false"), ("true", "false"), key="signed", where=spec) == "true",
    )


_ADJECTIVES = {"day": "daily", "weekday": "daily", "month": "monthly", "quarter": "quarterly", "year": "yearly"}


def _date_column(table: tables.Rows) -> str:
    return next((name for name in DATE_COLUMNS if name in table.columns), "date")


def _only_column(table: tables.Rows, dates: str) -> str:
    others = [name for name in table.columns if name != dates]
    if len(others) != 1:
        raise BadSpec(
            f"{table.path} has columns {', '.join(others)}; say which one: {table.path}#{(others or ['x'])[0]}"
        )
    return others[0]


def _date(cell: Any, *, where: str) -> str:
    """2020-03-05, 2020-03, 202003, 2020Q1, 2020-Q1 or 2020; a time of day is dropped if it is midnight."""
    if isinstance(cell, datetime.datetime):
        cell = cell.date() if cell.time() == datetime.time() else cell
    text = str(cell).strip()
    text = re.sub(r"[T ]00:00(:00(\.0+)?)?(Z|\+00:00)?$", "", text)
    if re.fullmatch(r"\d{4}(0[1-9]|1[0-2])", text):
        text = f"{text[:4]}-{text[4:]}"
    if re.fullmatch(r"\d{4}-?Q[1-4]", text):
        return f"{text[:4]}Q{text[-1]}"
    if re.fullmatch(r"\d{4}(-\d\d(-\d\d)?)?", text):
        try:
            datetime.date.fromisoformat((text + "-01-01")[:10])
        except ValueError as error:
            raise BadSpec(f"{where}: {text!r} is not a date: {error}") from error
        return text
    raise BadSpec(f"{where}: {text!r} is not a date; accepted: 2020-03-05, 2020-03, 202003, 2020Q1, 2020")


def _period(labels: list[str], where: str) -> periods.Kind:
    """The period that the dates show. Raises BadSpec where they show none, for instance weeks."""
    forms = {"quarter" if "Q" in text else {4: "year", 7: "month", 10: "date"}[len(text)] for text in labels}
    if len(forms) > 1:
        raise BadSpec(f"{where} has dates of several forms: {', '.join(sorted(forms))}; write them all alike")
    if forms != {"date"}:
        return cast(periods.Kind, forms.pop()) if forms else "month"
    days = sorted({datetime.date.fromisoformat(text) for text in labels})
    steps = sorted((b - a).days for a, b in itertools.pairwise(days))
    usual = steps[len(steps) // 2] if steps else 0
    if usual == 1:
        return "weekday" if all(day.weekday() < 5 for day in days) else "day"
    for kind, low, high in (("month", 28, 31), ("quarter", 90, 92), ("year", 365, 366)):
        if low <= usual <= high:
            return cast(periods.Kind, kind)
    raise BadSpec(f"{where} has dates {usual} days apart; state period={'|'.join(periods.KINDS)}, one value each")


def _label(text: str, period: periods.Kind) -> str:
    """A date as the label of its period, where that loses nothing: 2020-03-31 is in 2020-03, 2020 is in no month."""
    if len(text) == 10 and period == "quarter":
        return f"{text[:4]}Q{(int(text[5:7]) + 2) // 3}"
    if len(text) == 10 and period in ("month", "year"):
        return text[:7] if period == "month" else text[:4]
    return text


def _at_most(numbers: list[Decimal | None], decimals: int, table: tables.Rows, column: str) -> None:
    for row, value in zip(table.where, numbers, strict=True):
        if value is not None and round(float(value), decimals) != float(value):
            raise BadSpec(
                f"{table.path}, {row}, column {column!r}: {value} has more than the stated {decimals} decimals "
                "(mixed decimals); state decimals as published, or print all values alike"
            )


def _written_decimals(table: tables.Rows, column: str, numbers: list[Decimal | None]) -> int:
    """Decimals that all values are written with; mixed ones are refused, since a dropped zero cannot be told apart."""
    if any(isinstance(cell, float) for _, cell in tables.cells(table, column)):
        raise BadSpec(
            f"{table.path}, column {column!r} holds binary floats, which do not say how they were printed; "
            "state decimals="
        )
    seen: dict[int, tuple[str, Decimal]] = {}
    for row, value in zip(table.where, numbers, strict=True):
        if value is not None:
            seen.setdefault(decimals_of(value), (row, value))
    if len(seen) > 1:
        most, least = seen[max(seen)], seen[min(seen)]
        raise BadSpec(
            f"{table.path}, column {column!r}: mixed decimals, {most[1]} in {most[0]} and {least[1]} in {least[0]}; "
            f"print all values alike, or state decimals={max(seen)} if trailing zeros were dropped"
        )
    return next(iter(seen), 0)
