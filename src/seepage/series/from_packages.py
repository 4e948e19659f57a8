"""Columns of the packages arch, linearmodels, statsmodels, bokeh-sampledata and vega-datasets.

arch:Mkt-RF   192607,2.96,-2.3,-2.87,0.22   percent a month, two decimals (the file drops trailing zeros)
"""

from __future__ import annotations

import dataclasses
import importlib.util

from . import periods
from .column import Column, read_column, us_date
from .installed import PACKAGES
from .record import Series

FRENCH = "Kenneth R. French data library"
THIRD_PARTY = "third party, no licence stated with the data: loaded, never redistributed"
PUBLIC = "public domain, as marked by the package"
US_WORK = "public domain (work of the U.S. government)"
_RETURN = "a monthly return on a group of shares"


def _factor(file: tuple[str, ...], value: str, words: str, siblings: tuple[str, ...], *, fractions: bool) -> Column:
    return Column(
        file=file,
        value=value,
        name=f"Fama-French factors, U.S. monthly, {words}",
        blind=_RETURN,
        domain="U.S. shares",
        unit="percent",
        decimals=2,
        source=FRENCH,
        licence=THIRD_PARTY,
        label=(lambda row: row["dates"][:7]) if fractions else (lambda row: f"{row['Date'][:4]}-{row['Date'][4:]}"),
        siblings=siblings,
        scale=100 if fractions else 1,
    )


_ARCH = ("data", "frenchdata", "frenchdata.csv.gz")
_LINEAR = ("datasets", "french", "french.csv.bz2")
_MARKET = "market excess return (Mkt-RF)"
_SMB, _HML = "small minus big (SMB)", "high minus low (HML)"
_RF = "risk-free rate (RF)"


def _bond(rating: str) -> Column:
    return Column(
        file=("data", "default", "default.csv.gz"),
        value=rating.upper(),
        name=f"Moody's seasoned {rating} corporate bond yield, monthly average",
        blind="a monthly interest rate",
        domain="U.S. bonds",
        unit="percent",
        decimals=2,
        source="FRED",
        licence=THIRD_PARTY,
        label=lambda row: us_date(row["Date"])[:7],
        lag_days=5,
    )


def _daily(file: str, value: str, name: str, blind: str, domain: str, unit: str, source: str) -> Column:
    return Column(
        file=("data", file, f"{file}.csv.gz"),
        value=value,
        name=name,
        blind=blind,
        domain=domain,
        unit=unit,
        decimals=2,
        source=source,
        licence=THIRD_PARTY,
        period="weekday",
        label=lambda row: us_date(row["Date"]),
        lag_days=1,
    )


ARCH = {
    "Mkt-RF": _factor(_ARCH, "Mkt-RF", _MARKET, ("arch:SMB", "arch:HML"), fractions=False),
    "SMB": _factor(_ARCH, "SMB", _SMB, ("arch:HML", "arch:Mkt-RF"), fractions=False),
    "HML": _factor(_ARCH, "HML", _HML, ("arch:SMB", "arch:Mkt-RF"), fractions=False),
    "RF": _factor(_ARCH, "RF", _RF, (), fractions=False),
    "core_cpi": Column(
        file=("data", "core_cpi", "core-cpi.csv.gz"),
        value="CPILFESL",
        name="U.S. consumer price index (CPI-U), all items less food and energy, seasonally adjusted",
        blind="a monthly price index of one country",
        domain="consumer prices in the United States",
        unit="index points",
        decimals=3,
        source="U.S. Bureau of Labor Statistics, through FRED",
        licence=THIRD_PARTY,
        label=lambda row: us_date(row["Date"])[:7],
        lag_days=14,
    ),
    "AAA": _bond("Aaa"),
    "BAA": _bond("Baa"),
    "wti": _daily(
        "wti", "DCOILWTICO", "Spot price of West Texas Intermediate crude oil, Cushing, Oklahoma", "a daily price",
        "crude oil", "U.S. dollars a barrel", "U.S. Energy Information Administration, through FRED",
    ),
    "vix": _daily(
        "vix", "vix", "CBOE Volatility Index (VIX), close", "a daily index", "U.S. shares", "index points", "CBOE",
    ),
}  # fmt: skip

LINEARMODELS = {
    "MktRF": _factor(_LINEAR, "MktRF", _MARKET, ("linearmodels:SMB", "linearmodels:HML"), fractions=True),
    "SMB": _factor(_LINEAR, "SMB", _SMB, ("linearmodels:HML", "linearmodels:Mom"), fractions=True),
    "HML": _factor(_LINEAR, "HML", _HML, ("linearmodels:SMB", "linearmodels:MktRF"), fractions=True),
    "Mom": _factor(_LINEAR, "Mom", "momentum (Mom)", ("linearmodels:SMB", "linearmodels:MktRF"), fractions=True),
    "RF": _factor(_LINEAR, "RF", _RF, (), fractions=True),
}


def _macro(value: str, name: str, unit: str, decimals: int, skip: tuple[str, ...] = ()) -> Column:
    return Column(
        file=("datasets", "macrodata", "macrodata.csv"),
        value=value,
        name=name,
        blind="a quarterly rate of one country",
        domain="the U.S. economy",
        unit=unit,
        decimals=decimals,
        source="FRED and U.S. Bureau of Labor Statistics, accessed 2009-12-15",
        licence=PUBLIC,
        vendored=True,
        period="quarter",
        label=lambda row: f"{row['year']}Q{row['quarter']}",
        skip=skip,
    )


STATSMODELS = {
    "unemp": _macro("unemp", "U.S. unemployment rate, seasonally adjusted, quarterly", "percent", 1),
    "infl": _macro(  # the file prints 0 where the first change could not be computed
        "infl", "U.S. consumer price inflation, quarterly, annual rate, 400 times the change of the logarithm",
        "percent a year", 2, skip=("1959Q1",),
    ),
    "tbilrate": _macro("tbilrate", "U.S. 3-month Treasury bill, secondary market rate, quarterly", "percent", 2),
    "co2": Column(
        file=("datasets", "co2", "co2.csv"),
        value="co2",
        name="Atmospheric carbon dioxide at Mauna Loa, monthly mean of the weekly averages",
        blind="a monthly mean concentration of a gas in the air",
        domain="the atmosphere",
        unit="parts per million",
        decimals=1,
        source="Keeling and Whorf 2004, flask and continuous samples at Mauna Loa, weekly averages; monthly means ours",
        licence=PUBLIC,
        vendored=True,
        label=lambda row: f"{row['date'][:4]}-{row['date'][4:6]}",
        season=12,
        weekly=True,
    ),
    "sunspots": Column(
        file=("datasets", "sunspots", "sunspots.csv"),
        value="SUNACTIVITY",
        name="Yearly mean sunspot number (version 1)",
        blind="a yearly count of an astronomical phenomenon",
        domain="the Sun",
        unit="sunspots",
        decimals=1,
        source="U.S. National Geophysical Data Center",
        licence=PUBLIC,
        vendored=True,
        period="year",
        label=lambda row: row["YEAR"],
    ),
    "elnino": Column(
        file=("datasets", "elnino", "elnino.csv"),
        value="",
        name="Sea surface temperature, Nino 1+2 region (ERSST.v3b), monthly mean",
        blind="a monthly mean temperature of a part of the sea",
        domain="the Pacific Ocean",
        unit="degrees Celsius",
        decimals=3,
        source="U.S. National Weather Service, Climate Prediction Center",
        licence=PUBLIC,
        vendored=True,
        season=12,
    ),
    "nile": Column(
        file=("datasets", "nile", "nile.csv"),
        value="volume",
        name="Yearly flow of the Nile at Aswan",
        blind="a yearly flow of a river",
        domain="the Nile",
        unit="hundred million cubic metres",
        decimals=0,
        source="Cobb 1978, Biometrika 65",
        licence=PUBLIC,
        vendored=True,
        period="year",
        label=lambda row: row["year"],
    ),
}  # fmt: skip

BOKEH = {
    "unemployment": Column(
        file=("_data", "unemployment1948.csv"),
        value="",
        name="U.S. unemployment rate, not seasonally adjusted",
        blind="a monthly rate of one country",
        domain="the U.S. labour market",
        unit="percent",
        decimals=1,
        source="U.S. Bureau of Labor Statistics, Current Population Survey",
        licence=US_WORK,
        vendored=True,
        season=12,
        lag_days=7,
    )
}

VEGA = {
    "nonfarm_change": Column(
        file=("_data", "us-employment.csv"),
        value="nonfarm_change",
        name="U.S. nonfarm payroll employment, seasonally adjusted, change from the month before",
        blind="a monthly change of a count of persons in one country",
        domain="the U.S. labour market",
        unit="thousands of jobs",
        decimals=0,
        source="U.S. Bureau of Labor Statistics, Current Employment Statistics, downloaded 2018-11-11",
        licence=US_WORK,
        vendored=True,
        label=lambda row: row["month"][:7],
        lag_days=7,
    )
}
COLUMNS = {"arch": ARCH, "linearmodels": LINEARMODELS, "statsmodels": STATSMODELS, "bokeh": BOKEH, "vega": VEGA}
#: The library recomputes its factors: SMB and HML differ in most months between the two packages.
OTHER_PRINTS = {"Mkt-RF": "MktRF", "SMB": "SMB", "HML": "HML"}


def read(provider: str, name: str) -> Series:
    """One column of one package. For arch's factors the print of linearmodels, where installed, is right as well."""
    series = read_column(provider, name, COLUMNS[provider])
    if provider == "arch" and name in OTHER_PRINTS and importlib.util.find_spec(PACKAGES["linearmodels"][0]):
        other = read_column("linearmodels", OTHER_PRINTS[name], LINEARMODELS)
        return dataclasses.replace(
            series, vintages=(_aligned(other, series),), vintage=f"{series.vintage}; also right: {other.vintage}"
        )
    return series


def _aligned(other: Series, series: Series) -> tuple[float | None, ...]:
    """The values of `other` on the calendar of `series`; None outside."""
    shift = periods.ordinal(other.first, other.period) - periods.ordinal(series.first, series.period)
    inside = range(len(other))
    return tuple(other.values[i - shift] if i - shift in inside else None for i in range(len(series)))
