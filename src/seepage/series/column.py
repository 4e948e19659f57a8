"""One column of a csv file inside an installed package, with what its publisher says of it: how it becomes a series."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

from ..errors import BadSpec
from ..specs import meant, slug
from . import periods
from .check import Point, number, place
from .installed import data_file, vintage
from .record import Series

Row = Mapping[str, str]
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


@dataclass(frozen=True, slots=True)
class Column:
    """Where a series lies and what it is. Text fields as in `Series`.

    file: path inside the package.  value: its column; "" where the months are columns.
    label: row -> label of its period; unused where the months are columns.
    scale: printed figure = scale * figure in the file (fractions that are published as percent).
    skip: labels whose figure is a placeholder.  weekly: rows are weeks; their mean is taken, see `_monthly_means`.
    """

    file: tuple[str, ...]
    value: str
    name: str
    blind: str
    domain: str
    unit: str
    decimals: int
    source: str
    licence: str
    period: periods.Kind = "month"
    label: Callable[[Row], str] = lambda row: row["date"]
    season: int = 0
    lag_days: int = 30
    vendored: bool = False
    siblings: tuple[str, ...] = ()
    scale: int = 1
    skip: tuple[str, ...] = ()
    weekly: bool = False


def read_column(provider: str, name: str, columns: Mapping[str, Column]) -> Series:
    """The series of one column, as printed. Raises BadSpec on a name that is not in `columns`."""
    if name not in columns:
        raise BadSpec(
            f"{provider}: has no column {name!r}. Known: {', '.join(columns)}."
            f"{meant(name, columns, template=provider + ':{}')}"
        )
    column = columns[name]
    rows = csv_rows(data_file(provider, *column.file))
    points = _points(rows, column, source=f"{provider}:{name}")
    if column.weekly:
        points = _monthly_means(points, column.decimals)
    first, numbers = place(points, period=column.period, source=f"{provider}:{name}")
    tick = Decimal(1).scaleb(-column.decimals)
    # Scaled binary fractions (0.011699999999999999) are printed again; all other figures must be as published.
    printed = [
        n if n is None or column.scale == 1 else (n * column.scale).quantize(tick, ROUND_HALF_UP) for n in numbers
    ]
    return Series(
        id=slug(f"{provider}.{name}"),
        name=column.name,
        blind=column.blind,
        domain=column.domain,
        unit=column.unit,
        decimals=column.decimals,
        period=column.period,
        first=first,
        values=tuple(None if n is None else float(n) + 0.0 for n in printed),
        season=column.season,
        lag_days=column.lag_days,
        vintage=vintage(provider, max(point.label for point in points)),
        source=column.source,
        licence=column.licence,
        vendored=column.vendored,
        siblings=column.siblings,
    )


def csv_rows(path: Path) -> list[Row]:
    """Rows of a csv file, plain, gzip or bzip2."""
    opened = {".gz": gzip.decompress, ".bz2": bz2.decompress}.get(path.suffix, bytes)
    return list(csv.DictReader(io.StringIO(opened(path.read_bytes()).decode("utf-8-sig"))))


def _points(rows: list[Row], column: Column, *, source: str) -> list[Point]:
    points: list[Point] = []
    for i, row in enumerate(rows, 2):
        where = f"row {i}"
        cells = [(label, text) for label, text in _cells(row, column) if label not in column.skip]
        points.extend(Point(where, label, number(text, where=f"{source}, {where}")) for label, text in cells)
    return points


def _cells(row: Row, column: Column) -> list[tuple[str, str]]:
    """(label, text) of one row: one figure, or twelve where the months are columns."""
    if column.value:
        return [(column.label(row), row[column.value])]
    lowered = {key.lower(): text for key, text in row.items()}
    return [(f"{lowered['year']}-{m:02d}", lowered[word]) for m, word in enumerate(MONTHS, 1)]


def _monthly_means(points: list[Point], decimals: int) -> list[Point]:
    """Mean of the weekly figures dated in each month, rounded half up; with fewer than three weeks it is a hole."""
    months: dict[str, list[Decimal]] = {}
    for point in points:
        months.setdefault(point.label, []).extend([] if point.number is None else [point.number])
    tick = Decimal(1).scaleb(-decimals)
    means = {
        k: (sum(v, Decimal()) / len(v)).quantize(tick, ROUND_HALF_UP) if len(v) >= 3 else None
        for k, v in months.items()
    }
    return [Point(f"month {label}", label, mean) for label, mean in means.items()]


def us_date(text: str) -> str:
    """ "1/31/2019" as "2019-01-31"; some packages write their dates so, in files we have read."""
    month, day, year = re.fullmatch(r"(\d{1,2})/(\d{1,2})/(\d{4})", text).groups()  # type: ignore[union-attr]
    return f"{year}-{int(month):02d}-{int(day):02d}"
