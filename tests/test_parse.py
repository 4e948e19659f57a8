"""Replies as models write them, and what may be read from them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seepage.parse import Number, Reason, parse_number, parse_pair
from seepage.series.record import Series

LABELS = ("2020-03", "March 2020", "Mkt-RF")

NUMBERS = [  # reply, unit, decimals, value
    ("3.12", "percent", 2, 3.12),
    ("  -3.12 ", "percent", 2, -3.12),
    ("+3.12", "percent", 2, 3.12),
    ("−3.12", "percent", 2, -3.12),  # U+2212
    ("− 3.12", "percent", 2, -3.12),  # the real minus sign with a blank
    ("–3.12%", "percent", 2, -3.12),  # en dash
    ("-3.12", "percent", 2, -3.12),  # full width
    ("３.１２", "percent", 2, 3.12),
    ("minus 3.12", "percent", 2, -3.12),
    ("negative 3.12 percent", "percent", 2, -3.12),
    ("(3.12)", "percent", 2, -3.12),
    ("(3.12%)", "percent", 2, -3.12),
    ("a loss of 3.12 %", "percent", 2, 3.12),  # no sign from words
    ("It fell 3.12 percent", "percent", 2, 3.12),
    ("The return was -13.39 % in March 2020, in line with the market", "percent", 2, -13.39),
    ("312 bps", "percent", 2, 3.12),
    ("-25 basis points", "percent", 2, -0.25),
    ("3.12 pct", "percent", 2, 3.12),
    ("3.12 percentage points", "percent", 2, 3.12),
    ("March 2020: 3.12", "percent", 2, 3.12),
    ("2020-03: -3.12", "percent", 2, -3.12),
    ("2020-03=-3.12", "percent", 2, -3.12),
    ("Mkt-RF, March 2020: 3.12 percent", "percent", 2, 3.12),
    ("March 2020 – 3.12", "percent", 2, 3.12),  # a dash with blanks after the date is a separator
    ("In March 2020 it was 3.12%", "percent", 2, 3.12),
    ("For 2020: 3.12", "percent", 2, 3.12),
    ("**3.12**", "percent", 2, 3.12),
    ("\n\n3.12\nand more text 4.4", "percent", 2, 3.12),
    ("3.12%, that is 3.12 %", "percent", 2, 3.12),
    ("4.4 (April 2020)", "percent", 1, 4.4),
    (".5", "percent", 1, 0.5),
    ("3.12.", "percent", 2, 3.12),
    ("3.12¹", "percent", 2, 3.12),  # a footnote mark is no digit
    ("the 10-year rate was 3.12", "percent", 2, 3.12),
    ("1,234", "index points", 0, 1234.0),
    ("1,234,567.8 points", "index points", 1, 1234567.8),
    ("1.1234", "USD per EUR", 4, 1.1234),
    ("$1.1234", "USD per EUR", 4, 1.1234),
    ("-$1.12", "USD per EUR", 4, -1.12),
    ("1 EUR = 1.1234 USD", "USD per EUR", 4, 1.1234),
    ("USD 1.1234 per EUR", "USD per EUR", 4, 1.1234),
    ("414.7 ppm", "ppm", 1, 414.7),
    ("414.7 parts per million", "ppm", 1, 414.7),
    ("up 5 % to 414.7 ppm", "ppm", 1, 414.7),
    ("150.2 thousand", "thousands of persons", 1, 150.2),
    ("2020", "index points", 0, 2020.0),  # values of this series look like years
    ("3.1e-1", "percent", 2, 0.31),
]

REASONS = [  # reply, unit, decimals, word
    ("", "percent", 2, "empty"),
    (" \n ", "percent", 2, "empty"),
    ("I don't know.", "percent", 2, "refused"),
    ("I'm sorry, I cannot provide that figure.", "percent", 2, "refused"),
    ("N/A", "percent", 2, "refused"),
    ("Not available", "percent", 2, "refused"),
    ("I can't give 2 figures", "percent", 2, "refused"),
    ("No data for March 2020", "percent", 2, "refused"),
    ("3.1 or 3.2 percent", "percent", 1, "ambiguous"),
    ("between 3 and 4 percent", "percent", 1, "ambiguous"),
    ("3–4 %", "percent", 1, "ambiguous"),
    ("3.1% to 3.2%", "percent", 1, "ambiguous"),
    ("3.1 3.2", "percent", 1, "ambiguous"),
    ("3,12", "percent", 2, "ambiguous"),  # decimal comma not declared
    ("1.234.567", "index points", 0, "ambiguous"),
    ("3½", "percent", 2, "ambiguous"),
    ("- 3.12", "percent", 2, "ambiguous"),  # a bullet or a minus
    ("March 2020-3.12", "percent", 2, "ambiguous"),
    ("rate-3.12", "percent", 2, "ambiguous"),
    ("±3.12", "percent", 2, "ambiguous"),
    ("< 3.12", "percent", 2, "ambiguous"),
    ("the figure that was printed at the time, as I recall, is 3.12", "percent", 2, "ambiguous"),
    ("5 %", "USD per EUR", 4, "other-unit"),
    ("3.12 million", "percent", 2, "other-unit"),
    ("€1.12", "USD per EUR", 4, "other-unit"),
    ("31.2 ", "percent", 2, "out-of-range"),
    ("2020", "percent", 2, "no-number"),  # a bare year
    ("March 2020", "percent", 2, "no-number"),
    ("2020-03", "percent", 2, "no-number"),
    ("5 March 2020", "percent", 2, "no-number"),
    ("2020Q1", "percent", 2, "no-number"),
    ("2 decimals", "percent", 2, "no-number"),
    ("the usual", "percent", 2, "no-number"),
]


@pytest.mark.parametrize(("reply", "unit", "decimals", "value"), NUMBERS)
def test_a_figure_is_read_as_it_stands(reply: str, unit: str, decimals: int, value: float) -> None:
    limit = 30 if unit == "percent" else 20_000 if decimals == 0 else 1e8
    answer = parse_number(reply, unit=unit, decimals=decimals, labels=LABELS, limit=limit)
    assert isinstance(answer, Number), answer
    assert answer.value == value


@pytest.mark.parametrize(("reply", "unit", "decimals", "word"), REASONS)
def test_what_cannot_be_read_has_its_reason_and_is_never_a_number(
    reply: str, unit: str, decimals: int, word: str
) -> None:
    answer = parse_number(reply, unit=unit, decimals=decimals, labels=LABELS, limit=30)
    assert isinstance(answer, Reason), answer
    assert answer.word == word, answer


@pytest.mark.parametrize(
    ("reply", "word"),
    [
        ("3.1", "cut-off"),  # of 3.12?
        ("The published value for", "cut-off"),
        ("", "cut-off"),
        ("I'm sorry, but I do not have", "refused"),
        ("between 12 and", "cut-off"),
    ],
)
def test_a_reply_that_was_cut_off_is_not_completed_by_guessing(reply: str, word: str) -> None:
    answer = parse_number(reply, unit="percent", decimals=2, labels=LABELS, limit=30, stopped="length")
    assert isinstance(answer, Reason)
    assert answer.word == word


def test_a_cut_reply_whose_figure_is_complete_counts() -> None:
    answer = parse_number(
        "3.12% in March 2020, after", unit="percent", decimals=2, labels=LABELS, limit=30, stopped="length"
    )
    assert answer == Number(3.12, "3.12")


def test_a_figure_behind_its_unit_may_be_cut_in_the_middle() -> None:
    cut = {"unit": "USD per EUR", "decimals": 4, "labels": LABELS, "limit": 30}
    assert isinstance(parse_number("USD 1.12", stopped="length", **cut), Reason)  # type: ignore[arg-type]
    assert parse_number("USD 1.12", **cut) == Number(1.12, "1.12")  # type: ignore[arg-type]


def test_a_decimal_comma_counts_only_where_the_provider_says_so() -> None:
    def read(reply: str) -> Number | Reason:
        return parse_number(reply, unit="percent", decimals=2, limit=30_000, decimal_comma=True)

    assert read("3,12") == Number(3.12, "3,12")
    assert read("1.234,5") == Number(1234.5, "1.234,5")
    assert read("3.12") == Number(3.12, "3.12")


def test_the_year_of_a_yearly_whole_number_series_is_struck_only_beside_another_number() -> None:
    def read(reply: str) -> Number | Reason:
        return parse_number(reply, unit="index points", decimals=0, labels=("1998",), limit=20_000)

    assert read("1998: 1120") == Number(1120, "1120")
    assert read("In 1998 it was 1120") == Number(1120, "1120")
    assert read("1998") == Number(1998, "1998")


UNITS = ["percent", "USD per EUR", "index points", "ppm", "thousands of persons", "milliarcseconds", "sunspots", "°C"]


@st.composite
def printed(draw: st.DrawFn) -> tuple[Series, int]:
    decimals = draw(st.integers(0, 4))
    top = draw(st.sampled_from([1, 50, 999, 2500, 40_000]))
    ticks = draw(st.lists(st.integers(-top * 10**decimals, top * 10**decimals), min_size=1, max_size=20))
    series = Series(
        id="s", name="Index of 12 things", blind="an index", domain="things", unit=draw(st.sampled_from(UNITS)),
        decimals=decimals, period=draw(st.sampled_from(["month", "quarter", "year"])), first="",
        values=tuple(round(t / 10**decimals, decimals) for t in ticks), signed=draw(st.booleans()),
    )  # fmt: skip
    return series, draw(st.integers(0, len(ticks) - 1))


@settings(max_examples=400, deadline=None)
@given(
    printed(),
    st.sampled_from(["{v}", "{v} {u}", "2020-03: {v}", "March 2020 = {v} {u}", "Index of 12 things: {v}", "2021|{v}"]),
)
def test_every_value_of_a_series_survives_being_printed_and_read(case: tuple[Series, int], form: str) -> None:
    series, index = case
    limit = 10 * float(np.max(np.abs(series.x)))
    value = series.values[index]
    assert value is not None
    reply = form.format(v=series.format(value), u=series.unit)
    if form.startswith("2021") and series.decimals == 0 and limit >= 10_000:
        return  # a bare year beside a value that looks like one: rightly ambiguous
    answer = parse_number(
        reply, unit=series.unit, decimals=series.decimals, labels=("2020-03", "March 2020", series.name), limit=limit
    )
    assert isinstance(answer, Number), (reply, answer)
    assert answer.value == value


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=40), st.sampled_from(UNITS), st.integers(0, 4), st.sampled_from(["stop", "end", "length"]))
def test_any_text_gives_a_finite_number_within_the_limit_or_a_reason(
    reply: str, unit: str, decimals: int, stopped: str
) -> None:
    answer = parse_number(reply, unit=unit, decimals=decimals, labels=LABELS, limit=50, stopped=stopped)  # type: ignore[arg-type]
    if isinstance(answer, Number):
        assert math.isfinite(answer.value)
        assert abs(answer.value) <= 50
        assert any(c.isnumeric() for c in reply)


FIRST, SECOND = ("March 2020", "2020-03"), ("July 2019", "2019-07")
QUESTION = "Mkt-RF: was the published value higher in March 2020 or in July 2019? Reply with the period only."


@pytest.mark.parametrize(
    ("reply", "choice"),
    [
        ("March 2020", 0),
        ("July 2019.", 1),
        ("2019-07", 1),
        (f"{QUESTION} July 2019", 1),
        ("higher in March 2020 or in July 2019? July 2019", 1),  # part of the question
        ("July 2019 or March 2020: March 2020", 0),
        ("It was higher in MARCH 2020", 0),
    ],
)
def test_a_pair_is_read_after_the_echo_is_struck(reply: str, choice: int) -> None:
    assert parse_pair(reply, first=FIRST, second=SECOND, echo=(QUESTION,)) == choice


@pytest.mark.parametrize(
    ("reply", "word"),
    [
        ("", "empty"),
        (QUESTION, "no-period"),
        ("March 2020 was higher than July 2019", "ambiguous"),
        ("I do not know", "refused"),
        ("April 2020", "no-period"),
    ],
)
def test_a_pair_that_names_no_single_date_has_its_reason(reply: str, word: str) -> None:
    answer = parse_pair(reply, first=FIRST, second=SECOND, echo=(QUESTION,))
    assert isinstance(answer, Reason)
    assert answer.word == word
