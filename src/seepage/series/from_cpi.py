"""U.S. consumer price indexes from the package `cpi`, which is republished every month with the new figures.

cpi:CUSR0000SA0/mom   all items, seasonally adjusted, percent change from the month before, one decimal
cpi:CUUR0000SA0/yoy   all items, not adjusted, percent change from the same month a year before

Read from `cpi.db` (SQLite), table `indexes` (series, year, period, value); M13 (yearly mean) and S01..S03 (half years)
are not months. The Bureau of Labor Statistics computes percent changes from the printed indexes and rounds to one
decimal: so do we. Months it never published (2025-10) are holes.
"""

from __future__ import annotations

from contextlib import closing
from decimal import Decimal
from typing import TYPE_CHECKING

from ..errors import BadSpec
from ..specs import meant, slug
from .check import Point, decimals_of, place
from .installed import data_file, vintage
from .record import Series

if TYPE_CHECKING:
    import sqlite3

SURVEYS = {"All urban consumers": "CPI-U", "Urban wage earners and clerical workers": "CPI-W"}
#: Items that are far from the headline figure: their changes correlate below .5 with it (tests measure it).
SIBLINGS = {"S": ("cpi:CUSR0000SEFG", "cpi:CUSR0000SEFJ"), "U": ("cpi:CUUR0000SEFH",)}


def read(column: str) -> Series:
    """The index of one BLS series id, as printed. Raises BadSpec on an id the package does not hold."""
    import sqlite3

    path = data_file("cpi", "cpi.db")
    # immutable: the file belongs to somebody else, and may lie where nobody can write a journal
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as db:
        about = db.execute(
            "SELECT items.name, areas.name, survey, seasonally_adjusted FROM series "
            "JOIN items ON items.id = series.items JOIN areas ON areas.id = series.area WHERE series.id = ?",
            (column,),
        ).fetchone()
        if about is None:
            raise BadSpec(_unknown(column, db))
        rows = db.execute(
            "SELECT year, period, value FROM indexes WHERE series = ? AND period BETWEEN 'M01' AND 'M12' "
            "ORDER BY year, period",
            (column,),
        ).fetchall()
    if not rows:
        raise BadSpec(f"cpi:{column} has no monthly figures in the package; choose a monthly series")
    points = [Point(f"{year} {code}", f"{year}-{code[1:]}", Decimal(repr(value))) for year, code, value in rows]
    first, numbers = place(points, period="month", source=f"cpi:{column}")
    item, area, survey, adjusted = about
    place_words = "" if area == "U.S. city average" else f", {area}"
    words = "seasonally adjusted" if adjusted else "not seasonally adjusted"
    return Series(
        id=slug(f"cpi.{column}"),
        name=f"U.S. consumer price index ({SURVEYS.get(survey, survey)}), {item.lower()}{place_words}, {words}",
        blind="a monthly price index of one country",
        domain="consumer prices in the United States",
        unit="index points",
        decimals=max(decimals_of(p.number) for p in points if p.number is not None),
        period="month",
        first=first,
        values=tuple(None if n is None else float(n) for n in numbers),
        season=0 if adjusted else 12,
        lag_days=14,  # printed around the middle of the following month
        vintage=vintage("cpi", points[-1].label),
        source=f"U.S. Bureau of Labor Statistics, series {column}",
        licence="public domain (work of the U.S. government)",
        vendored=True,
        siblings=tuple(s for s in SIBLINGS["S" if adjusted else "U"] if s != f"cpi:{column}"),
    )


def _unknown(column: str, db: sqlite3.Connection) -> str:
    ids = [row[0] for row in db.execute("SELECT id FROM series")]
    return (
        f"cpi: has no series {column!r}; it holds {len(ids):,} BLS ids such as CUSR0000SA0 (all items, adjusted), "
        f"CUUR0000SA0 (not adjusted), CUSR0000SA0L1E (less food and energy).{meant(column, ids, template='cpi:{}')}"
    )
