"""A series is one finite value a period, in order, as printed: everything else is refused by name."""

from __future__ import annotations

import dataclasses
import datetime
import gzip
import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seepage.errors import BadSpec, NotTestable
from seepage.series import Series, check_series, open_series, periods
from seepage.series.check import Point, place, window
from seepage.series.transform import transformed

UNIT = "?unit=percent"


def months(n: int, *, start: int = 1990 * 12) -> list[str]:
    return [periods.label(start + i, "month") for i in range(n)]


def walk(n: int, *, seed: int = 0) -> list[str]:
    """n printed values with two decimals that no straight line explains."""
    return [f"{v:.2f}" for v in np.random.default_rng(seed).normal(5, 2, n)]


def table(
    folder: Path, labels: list[str], values: list[str], *, name: str = "figures.csv", head: str = "date,x"
) -> str:
    path = folder / name
    path.write_text("\n".join([head, *(f"{d},{v}" for d, v in zip(labels, values, strict=True))]) + "\n")
    return f"csv:{path}#x"


def series(n: int = 144, **changes: object) -> Series:
    made = Series(
        id="q", name="Q", blind="b", domain="d", unit="u", decimals=2, period="month", first="1990-01",
        values=tuple(float(v) for v in walk(n)),
    )  # fmt: skip
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]


# --- periods -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", periods.KINDS)
@given(step=st.integers(0, 2000))
def test_label_and_ordinal_are_inverse(kind: periods.Kind, step: int) -> None:
    start = periods.ordinal(periods.EXAMPLES[kind], kind)
    assert periods.ordinal(periods.label(start + step, kind), kind) == start + step


def test_the_day_after_friday_is_monday_in_weekdays() -> None:
    friday = periods.ordinal("2020-03-06", "weekday")
    assert periods.label(friday + 1, "weekday") == "2020-03-09"


@given(day=st.dates(datetime.date(1900, 1, 1), datetime.date(2100, 1, 1)))
def test_weekdays_count_as_numpy_counts_them(day: datetime.date) -> None:
    if day.weekday() > 4:
        with pytest.raises(BadSpec, match=r"is a S\w+day; a weekday is Monday to Friday"):
            periods.ordinal(day.isoformat(), "weekday")
    else:
        steps = periods.ordinal(day.isoformat(), "weekday") - periods.ordinal("1900-01-01", "weekday")
        assert steps == np.busday_count("1900-01-01", day)


@pytest.mark.parametrize(
    ("label", "kind"),
    [("2020-02-30", "day"), ("2020-13", "month"), ("2020Q5", "quarter"), ("20", "year"), ("2020-3", "month")],
)
def test_a_label_that_is_no_date_is_refused_with_an_example(label: str, kind: periods.Kind) -> None:
    with pytest.raises(BadSpec, match=f"{label}.*write it like.*{periods.EXAMPLES[kind]}"):
        periods.ordinal(label, kind)


# --- faults of a table ---------------------------------------------------------------------------------------------


def test_a_csv_opens_with_what_it_states(tmp_path: Path) -> None:
    spec = table(tmp_path, months(150), walk(150)) + (
        "?unit=points&name=Our+index&blind=an+index&domain=trade&season=12&lag_days=10&licence=ours&siblings=a:b,c:d"
    )
    found = open_series(spec)
    assert (found.name, found.unit, found.domain, found.season, found.lag_days) == (
        "Our index",
        "points",
        "trade",
        12,
        10,
    )
    assert (found.decimals, found.period, found.first, len(found)) == (2, "month", "1990-01", 150)
    assert found.siblings == ("a:b", "c:d")
    assert [found.format(v) for v in found.values if v is not None] == walk(150)


def test_duplicate_dates_are_refused_with_both_rows(tmp_path: Path) -> None:
    labels = months(40)
    labels[7] = labels[3]
    with pytest.raises(BadSpec, match=r"figures\.csv, row 9: duplicate date '1990-04', already in row 5"):
        open_series(table(tmp_path, labels, walk(40)) + UNIT)


def test_dates_out_of_order_are_refused_by_row(tmp_path: Path) -> None:
    labels = months(40)
    labels[7], labels[8] = labels[8], labels[7]
    with pytest.raises(BadSpec, match=r"row 10: dates out of order, '1990-08' follows '1990-09'"):
        open_series(table(tmp_path, labels, walk(40)) + UNIT)


def test_a_newest_first_table_is_turned_round(tmp_path: Path) -> None:
    old = open_series(table(tmp_path, months(150), walk(150), name="old.csv") + UNIT)
    new = open_series(table(tmp_path, months(150)[::-1], walk(150)[::-1], name="new.csv") + UNIT)
    assert (new.first, new.values) == (old.first, old.values)


def test_a_gap_is_refused_unless_the_user_says_it_is_a_hole(tmp_path: Path) -> None:
    labels, values = months(150), walk(150)
    del labels[20], values[20]
    spec = table(tmp_path, labels, values) + UNIT
    with pytest.raises(BadSpec, match=r"gap, no row for 1991-09; 1 of 150 months are missing.*gaps=holes"):
        open_series(spec)
    found = open_series(spec + "&gaps=holes")
    assert found.values[20] is None
    assert found.labels[21] == "1991-10"
    assert found.format(found.values[21] or 0) == walk(150)[21]


@pytest.mark.parametrize("empty", ["", "NA", "NaN", "."])
def test_a_written_hole_stays_a_hole(tmp_path: Path, empty: str) -> None:
    values = walk(150)
    values[20] = empty
    assert open_series(table(tmp_path, months(150), values) + UNIT).values[20] is None


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("abc", "'abc' is not a number"),
        ('"1,234"', "'1,234' is not a number .write 1234.5, without thousands"),
        ("inf", "'inf' is not finite"),
        ("1e999", "'1e999' is not finite"),
        ("3.14159", "mixed decimals, 3.14159 in row 9 and .* print all values alike, or state decimals=5"),
        ("True", "'True' is not a number"),
    ],
)
def test_a_cell_that_is_no_number_is_refused_with_its_row_and_value(tmp_path: Path, cell: str, message: str) -> None:
    values = walk(40)
    values[7] = cell
    with pytest.raises(BadSpec, match=rf"figures\.csv, (row 9, )?column 'x': {message}"):
        open_series(table(tmp_path, months(40), values) + UNIT)


def test_more_decimals_than_stated_are_refused_by_row(tmp_path: Path) -> None:
    with pytest.raises(BadSpec, match=r"row \d+, column 'x': .* has more than the stated 1 decimals"):
        open_series(table(tmp_path, months(40), walk(40)) + UNIT + "&decimals=1")


def test_dropped_zeros_are_accepted_where_decimals_are_stated(tmp_path: Path) -> None:
    values = [str(float(v)) for v in walk(150)]
    assert {len(v.partition(".")[2]) for v in values} == {1, 2}
    assert open_series(table(tmp_path, months(150), values) + UNIT + "&decimals=2").decimals == 2


def test_fewer_than_30_points_are_refused_and_fewer_than_120_cannot_be_tested(tmp_path: Path) -> None:
    with pytest.raises(BadSpec, match="has 29 values; at least 30"):
        open_series(table(tmp_path, months(29), walk(29)) + UNIT)
    with pytest.raises(NotTestable, match="has 119 values; at least 120"):
        open_series(table(tmp_path, months(119), walk(119)) + UNIT)
    assert len(open_series(table(tmp_path, months(120), walk(120)) + UNIT)) == 120


def test_a_constant_cannot_be_tested(tmp_path: Path) -> None:
    with pytest.raises(NotTestable, match=r"constant \(2\.5\)"):
        open_series(table(tmp_path, months(130), ["2.5"] * 130) + UNIT)


def test_a_straight_line_cannot_be_tested_but_its_change_can(tmp_path: Path) -> None:
    values = [f"{100 + i + float(v):.2f}" for i, v in enumerate(walk(150))]
    spec = table(tmp_path, months(150), values)
    with pytest.raises(NotTestable, match=r"a straight line explains \d+% .* add /change to its spec"):
        open_series(spec + UNIT)
    change = open_series(spec + "/change" + UNIT)
    assert change.first == "1990-02"
    assert change.format(change.values[0] or 0) == str(Decimal(values[1]) - Decimal(values[0]))


def test_mostly_holes_cannot_be_tested(tmp_path: Path) -> None:
    values = [v if i % 2 else "" for i, v in enumerate(walk(400))]
    with pytest.raises(NotTestable, match="no value in 200 of 400 months; at most 20% may be holes"):
        open_series(table(tmp_path, months(400), values) + UNIT)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("?unt=percent", "unknown option 'unt'.*Known: name, .*Did you mean unit"),
        ("", "states no unit"),
        ("?unit=percent&date=dat", "no column 'dat'.*Columns: date, x.*Did you mean date"),
        ("?unit=percent&period=months", "period='months'.*Known: .*Did you mean month"),
        ("?unit=percent&decimals=two", "decimals='two' .* is not a whole number"),
        ("?unit=percent&season=-1", "season=-1 .*accepted: 0 to 366"),
        ("?unit=percent&unit=points", "states unit twice"),
        ("?unit=percent&gaps=fill", "gaps='fill'.*Known: refuse, holes"),
        ("?unit", "after . write key=value"),
        ("?unit=percent&last=1980-01", "last=1980-01 do not lie in order within"),
        ("?unit=percent&first=1980", "'1980' is not a month; write it like '2020-03'"),
    ],
)
def test_wrong_options_are_refused_by_name(tmp_path: Path, change: str, message: str) -> None:
    with pytest.raises(BadSpec, match=message):
        open_series(table(tmp_path, months(150), walk(150)) + change)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("arc:Mkt-RF", r"unknown series provider 'arc:'.*Known: embedded, csv.*Did you mean arch:Mkt-RF\?"),
        ("prices.csv", "has no scheme; write scheme:what"),
        ("csv:no/such.csv#x?unit=u", r"'no/such\.csv' does not exist"),
        ("file:no/such.xlsx#x?unit=u", "does not exist"),
    ],
)
def test_a_wrong_spec_is_refused_with_what_is_accepted(spec: str, message: str) -> None:
    with pytest.raises(BadSpec, match=message):
        open_series(spec)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("date,x\n", "has no rows"),
        ("date,x,x\n1990-01,1,2\n", "two columns named 'x'"),
        ("date,x\n1990-01,1,2\n", "row 2 has 3 fields, the header has 2"),
        ("date,x\nJanuary,1\n", "row 2, column 'date': 'January' is not a date; accepted: 2020-03-05"),
        ("date,x\n1990-02-30,1\n", "'1990-02-30' is not a date"),
        ("date,x\n1990-01,1\n1990,2\n", "dates of several forms: month, year"),
        ('date,x\n"1990-01,1\n', "row 2: unexpected end of data"),
    ],
)
def test_a_malformed_csv_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "f.csv").write_text(text)
    with pytest.raises(BadSpec, match=message):
        open_series(f"csv:{tmp_path / 'f.csv'}#x{UNIT}")


def test_weekly_dates_ask_for_the_period(tmp_path: Path) -> None:
    start = datetime.date(2000, 1, 3)
    days = [(start + datetime.timedelta(weeks=i)).isoformat() for i in range(150)]
    spec = table(tmp_path, days, walk(150)) + UNIT
    with pytest.raises(BadSpec, match="dates 7 days apart; state period="):
        open_series(spec)
    with pytest.raises(BadSpec, match="row 3: duplicate date '2000-01', already in row 2; one value a month"):
        open_series(spec + "&period=month")


def test_business_days_are_weekdays_with_holidays_as_holes_and_one_window(tmp_path: Path) -> None:
    count = periods.ordinal("2015-01-01", "weekday")
    days = [periods.label(count + i, "weekday") for i in range(1000) if i != 700]
    spec = table(tmp_path, days, walk(999)) + UNIT
    found = open_series(spec)
    assert (found.period, len(found), found.labels[-1]) == ("weekday", 600, days[-1])
    assert found.values[300] is None
    early = open_series(spec + f"&first={days[0]}")
    assert (early.first, len(early)) == (days[0], 600)
    with pytest.raises(BadSpec, match="are 1000 weekdays; at most 600 are accepted"):
        open_series(spec + f"&first={days[0]}&last={days[-1]}")


def test_jsonl_and_gzip_keep_the_written_digits(tmp_path: Path) -> None:
    lines = [f'{{"date": "{d}", "x": {v}}}' for d, v in zip(months(150), walk(150), strict=True)]
    path = tmp_path / "f.jsonl.gz"
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    found = open_series(f"file:{path}#x{UNIT}")
    assert found.decimals == 2
    assert [found.format(v or 0) for v in found.values] == walk(150)
    (tmp_path / "g.jsonl").write_text("\n".join([*lines[:3], "{"]))
    with pytest.raises(BadSpec, match=r"g\.jsonl, row 4 is not JSON"):
        open_series(f"file:{tmp_path / 'g.jsonl'}#x{UNIT}")


def test_jsonl_infinity_is_refused_and_nan_is_a_hole(tmp_path: Path) -> None:
    lines = [f'{{"date": "{d}", "x": {v}}}' for d, v in zip(months(150), walk(150), strict=True)]
    lines[7] = '{"date": "1990-08", "x": NaN}'
    (tmp_path / "f.jsonl").write_text("\n".join(lines))
    assert open_series(f"jsonl:{tmp_path / 'f.jsonl'}#x{UNIT}").values[7] is None
    (tmp_path / "f.jsonl").write_text("\n".join(lines).replace("NaN", "-Infinity"))
    with pytest.raises(BadSpec, match=r"f\.jsonl, row 8, column 'x': '-Infinity' is not finite"):
        open_series(f"jsonl:{tmp_path / 'f.jsonl'}#x{UNIT}")


def test_embedded_series_come_from_the_organisms_and_are_checked_too(monkeypatch: pytest.MonkeyPatch) -> None:
    from seepage import organisms

    shipped = {"qo": series(), "bad": series(decimals=1)}
    monkeypatch.setattr(organisms, "open_series", shipped.__getitem__, raising=False)
    assert open_series("embedded:qo") == shipped["qo"]
    with pytest.raises(BadSpec, match="more than 1 decimals"):
        open_series("embedded:bad")
    with pytest.raises(BadSpec, match="unknown option 'last'"):
        open_series("embedded:qo?last=1990-01")


def test_a_parquet_float_must_state_its_decimals(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install 'seepage[datasets]'")
    from pyarrow import parquet

    columns = {
        "date": [datetime.date(1990 + i // 12, i % 12 + 1, 1) for i in range(150)],
        "x": [*map(float, walk(150))],
    }
    parquet.write_table(pyarrow.table(columns), tmp_path / "f.parquet")
    spec = f"parquet:{tmp_path / 'f.parquet'}#x{UNIT}"
    with pytest.raises(BadSpec, match=r"binary floats.*state decimals="):
        open_series(spec)
    found = open_series(spec + "&decimals=2")
    assert (found.first, found.period, [found.format(v or 0) for v in found.values]) == ("1990-01", "month", walk(150))


def test_quarters_and_years_are_read_from_their_labels(tmp_path: Path) -> None:
    quarters = [periods.label(1970 * 4 + i, "quarter") for i in range(130)]
    assert open_series(table(tmp_path, quarters, walk(130)) + UNIT).period == "quarter"
    years = [str(1800 + i) for i in range(130)]
    assert open_series(table(tmp_path, years, walk(130)) + UNIT).period == "year"


# --- the record ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": " "}, "empty name"),
        ({"decimals": 1}, "has more than 1 decimals .mixed decimals"),
        ({"decimals": 13}, "accepted: 0 to 12"),
        ({"season": 1}, "season=1"),
        ({"first": "1990"}, "'1990' is not a month"),
        ({"values": (*series().values[:-1], float("inf"))}, "inf in values is not finite"),
        ({"values": (*series().values[:-1], float("nan"))}, "nan in values is not finite; None is a hole"),
        ({"vintages": ((1.0,),)}, "a vintage has 1 periods, values 144"),
        ({"doses": (1,)}, "1 doses for 144 periods"),
        ({"period": "week"}, "unknown period 'week'"),
    ],
)
def test_a_malformed_record_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(BadSpec, match=message):
        check_series(series(**changes))


def test_a_window_cuts_values_vintages_and_doses_alike() -> None:
    whole = series(vintages=(series().values,), doses=tuple(range(144)))
    cut = window(whole, first="1991-01", last="1991-12")
    assert (cut.labels[0], cut.labels[-1], cut.doses) == ("1991-01", "1991-12", tuple(range(12, 24)))
    assert cut.values == cut.vintages[0] == whole.values[12:24]


def test_the_digest_changes_with_what_decides_and_not_with_where_it_was_read() -> None:
    plain = series()
    assert dataclasses.replace(plain, source="elsewhere", licence="other").digest == plain.digest
    assert dataclasses.replace(plain, vintages=(plain.values,)).digest != plain.digest
    assert dataclasses.replace(plain, unit="v").digest != plain.digest


@given(rows=st.lists(st.integers(0, 300), min_size=1, max_size=60, unique=True))
def test_every_number_stays_on_its_own_date(rows: list[int]) -> None:
    points = [Point("row", periods.label(24000 + i, "month"), Decimal(i)) for i in sorted(rows)]
    first, numbers = place(points, period="month", source="s")
    start = periods.ordinal(first, "month") - 24000
    assert {start + i: int(n) for i, n in enumerate(numbers) if n is not None} == {i: i for i in rows}


# --- changes -------------------------------------------------------------------------------------------------------


def test_percent_changes_are_rounded_half_up_from_the_printed_figures() -> None:
    level = series(values=(100.0, 100.25, 100.5, None, 101.0), decimals=2)
    change = transformed(level, "mom")
    assert change.values == (0.3, 0.2, None, None)  # 0.25 is printed as 0.3, and nothing leaps over a hole
    assert (change.first, change.unit, change.decimals) == ("1990-02", "percent", 1)
    assert change.name == "Q, percent change from the month before"


def test_a_change_after_a_holiday_is_from_the_last_published_value() -> None:
    level = series(period="weekday", first="2020-03-02", values=(1.1, None, 1.13, 1.12))
    change = transformed(level, "change")
    assert change.values == (None, 0.03, -0.01)
    assert change.first == "2020-03-03"
    assert change.name == "Q, change from the last business day"


def test_a_change_over_a_year_has_no_season_left() -> None:
    level = series(values=tuple(float(100 + i) for i in range(14)), season=12, siblings=("cpi:X",))
    change = transformed(level, "yoy")
    assert (change.values, change.season, change.siblings) == ((12.0, 11.9), 0, ("cpi:X/yoy",))
    assert transformed(level, "mom").season == 12


@pytest.mark.parametrize(
    ("changes", "transform", "message"),
    [
        ({"values": (0.0, 1.0)}, "pct", "not positive, which have no percent change. Use change"),
        ({"period": "year", "first": "1990"}, "mom", "mom needs months"),
        ({"period": "day", "first": "1990-01-01"}, "yoy", "yoy needs months"),
        ({}, "qoq", "transform='qoq'.*Known: mom, yoy, change, pct"),
    ],
)
def test_a_change_that_does_not_fit_is_refused(changes: dict[str, object], transform: str, message: str) -> None:
    with pytest.raises(BadSpec, match=message):
        transformed(series(**changes), transform)


def test_no_change_is_minus_zero() -> None:
    change = transformed(series(values=(1.0, 0.9999, 1.0), decimals=4), "pct")
    assert [json.dumps(v) for v in change.values] == ["-0.01", "0.01"]
    small = transformed(series(values=(100.0, 99.999), decimals=3), "pct")
    assert json.dumps(small.values[0]) == "0.0"
