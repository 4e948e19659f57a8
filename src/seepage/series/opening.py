"""A spec becomes a series: `provider:column[/transform][?first=...&last=...]`.

cpi:CUSR0000SA0/mom · ecb:USD/change?last=2019-12-31 · csv:prices.csv#close?unit=dollars · embedded:qo
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from ..errors import BadSpec, NotTestable
from ..records import Entry
from ..specs import known_only, meant, split
from . import from_cpi, from_ecb, from_iers, from_packages, periods, table
from .check import check_series, window
from .record import Series
from .transform import TRANSFORMS, transformed

TABLES = {"csv": "csv", "tsv": "tsv", "jsonl": "jsonl", "parquet": "parquet", "file": ""}
PROVIDERS = ("embedded", *TABLES, "cpi", "ecb", "iers", *from_packages.COLUMNS)
PACKAGE_OPTIONS = ("name", "blind", "domain", "first", "last")
LONGEST_DAILY = 600  # periods; one window of a daily series


def open_series(spec: str) -> Series:
    """The series that a spec names, checked.

    Raises BadSpec on a spec, a table or a column that is not accepted, with what is; NotTestable on a series that is
    too short, constant or a straight line.
    """
    provider, body, options = split(spec)
    if provider not in PROVIDERS:
        raise BadSpec(
            f"unknown series provider {provider + ':'!r} in {spec!r}. Known: {', '.join(PROVIDERS)}."
            f"{meant(provider, PROVIDERS, template='{}:' + body)}"
        )
    if provider == "embedded":
        from .. import organisms

        known_only(options, (), what="option", where=repr(spec))
        return check_series(organisms.open_series(body))
    series = _from_table(spec, body, options) if provider in TABLES else _from_package(spec, provider, body, options)
    series = _windowed(series, options.get("first", ""), options.get("last", ""))
    try:
        return check_series(series)
    except NotTestable as error:
        raise NotTestable(f"{spec}: {error}") from error


def _from_table(spec: str, body: str, options: Mapping[str, str]) -> Series:
    path, hash_mark, column = body.rpartition("#")
    if not hash_mark:
        path, column = body, ""
    form = TABLES[split(spec)[0]]
    head, slash, tail = column.rpartition("/")
    if slash and tail in TRANSFORMS:
        return transformed(table.read_series(spec, path, head, options, form=form), tail)
    return table.read_series(spec, path, column, options, form=form)


def _from_package(spec: str, provider: str, body: str, options: Mapping[str, str]) -> Series:
    known_only(options, PACKAGE_OPTIONS, what="option", where=repr(spec))
    column, _, transform = body.partition("/")
    accepted = ("day", *TRANSFORMS) if provider == "ecb" else TRANSFORMS
    if transform not in ("", *accepted):
        words = ", ".join("/" + word for word in accepted)
        raise BadSpec(
            f"unknown transform {'/' + transform!r} in {spec!r}. Known: {words}, or none."
            f"{meant(transform, accepted, template='/{}')}"
        )
    if provider == "ecb":
        series = from_ecb.read(column, daily=transform in ("day", "change", "pct"))
    else:
        readers = {"cpi": from_cpi.read, "iers": from_iers.read}
        series = readers[provider](column) if provider in readers else from_packages.read(provider, column)
    if transform == "day":
        series = dataclasses.replace(series, siblings=tuple(f"{s}/day" for s in series.siblings))
    elif transform:
        series = transformed(series, transform)
    stated = {key: options[key] for key in ("name", "blind", "domain") if key in options}
    return dataclasses.replace(series, **stated) if stated else series  # type: ignore[arg-type]


def _windowed(series: Series, first: str, last: str) -> Series:
    """The stated window; of a daily series at most 600 periods, its latest ones unless stated, and so its siblings."""
    if series.period not in ("day", "weekday"):
        return window(series, first=first, last=last)
    if not first:
        stop = periods.ordinal(last or series.labels[-1], series.period)
        first = periods.label(
            max(stop - LONGEST_DAILY + 1, periods.ordinal(series.first, series.period)), series.period
        )
    elif not last:
        stop = periods.ordinal(first, series.period) + LONGEST_DAILY - 1
        last = min(series.labels[-1], periods.label(stop, series.period))
    cut = window(series, first=first, last=last)
    if len(cut) > LONGEST_DAILY:
        raise BadSpec(
            f"first={first}, last={last} of series {series.id!r} are {len(cut)} "
            f"{periods.PLURALS[series.period]}; at most {LONGEST_DAILY} are accepted: state one of the two"
        )
    same = f"first={cut.first}&last={cut.labels[-1]}"
    return dataclasses.replace(cut, siblings=tuple(s if "?" in s else f"{s}?{same}" for s in cut.siblings))


def real_entries() -> tuple[Entry, ...]:
    """The series that `real` means: near white, slow or seasonal, and one that no text quotes.

    Carbon dioxide enters as its monthly change: a straight line explains most of the level. The daily window ends
    before the training data of any model in use does.
    """
    specs = {
        "mkt": "arch:Mkt-RF",
        "smb": "arch:SMB",
        "hml": "arch:HML",
        "cpi_mom": "cpi:CUSR0000SA0/mom",
        "usd_day": "ecb:USD/change?last=2019-12-31",
        "unemployment": "bokeh:unemployment",
        "cpi_yoy": "cpi:CUUR0000SA0/yoy",
        "usd_month": "ecb:USD",
        "co2": "statsmodels:co2/change",
        "pole_x": "iers:x",
    }
    return tuple(Entry(id=name, spec=spec) for name, spec in specs.items())
