"""Earth's rotation from the package `astropy-iers-data`, which is republished weekly.

iers:x   x coordinate of the pole at 0h UTC on the first of each month, seconds of arc, six decimals

Read from `eopc04.1962-now` (fixed width, see ReadMe.eopc04), never from `finals2000A`, which holds predictions. Nobody
quotes these figures: a model is expected to know none of them.
"""

from __future__ import annotations

from decimal import Decimal

from ..errors import BadSpec
from ..specs import meant
from .check import Point, decimals_of, place
from .installed import data_file, vintage
from .record import Series

#: column -> (first and last character, counted from 0; what it is; unit)
COLUMNS = {
    "x": (26, 38, "x coordinate of the pole", "seconds of arc"),
    "y": (38, 50, "y coordinate of the pole", "seconds of arc"),
    "ut1": (50, 62, "difference UT1-UTC", "seconds of time"),
}
#: The pole has a yearly term beside its own 14 months (acf .73 at 12 months; the months explain .4 of the variance).
SEASONS = {"x": 12, "y": 12, "ut1": 0}
SIBLINGS = {"x": ("iers:y",), "y": ("iers:x",)}


def read(column: str) -> Series:
    """One column on the first of each month. Raises BadSpec on a column that is not there."""
    if column not in COLUMNS:
        raise BadSpec(
            f"iers: has no column {column!r}. Known: {', '.join(COLUMNS)}.{meant(column, COLUMNS, template='iers:{}')}"
        )
    low, high, what, unit = COLUMNS[column]
    lines = data_file("iers", "data", "eopc04.1962-now").read_text(encoding="ascii").splitlines()
    days = [(number, line) for number, line in enumerate(lines, 1) if line and not line.startswith("#")]
    points = [
        Point(f"row {number}", f"{int(line[:4]):04d}-{int(line[4:8]):02d}", Decimal(line[low:high].strip()))
        for number, line in days
        if int(line[8:12]) == 1
    ]
    first, numbers = place(points, period="month", source=f"iers:{column}")
    last = days[-1][1]
    return Series(
        id=f"iers.{column}",
        name=f"Earth orientation parameters (IERS 20 C04), {what}, on the first of the month at 0h UTC",
        blind="an astronomical quantity on the first of each month",
        domain="the rotation of the Earth",
        unit=unit,
        decimals=max(decimals_of(p.number) for p in points if p.number is not None),
        period="month",
        first=first,
        values=tuple(None if n is None else float(n) for n in numbers),
        season=SEASONS[column],
        lag_days=30,
        vintage=vintage("iers", f"{int(last[:4]):04d}-{int(last[4:8]):02d}-{int(last[8:12]):02d}"),
        source="International Earth Rotation and Reference Systems Service, EOP 20 C04",
        licence="product of the IERS Earth Orientation Centre; terms not read by us: loaded, never redistributed",
        siblings=SIBLINGS.get(column, ()),
    )
