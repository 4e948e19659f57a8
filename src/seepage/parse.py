"""Read one published figure, or one of two dates, out of a model's short reply.

    "−3.12 %"                     -> Number(-3.12, "-3.12")        "312 bps"            -> Number(3.12, "312")
    "between 3 and 4 percent"     -> Reason("ambiguous", ...)      "I don't know."      -> Reason("refused", ...)

Values are in the unit of the series. What cannot be read is a `Reason`, never a number: a refusal is not 0 and not the
mean, and of two candidates neither the first nor their average is taken. A sign is read from the reply or not at all.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Literal

Word = Literal[
    "empty",  # nothing but blanks
    "refused",  # says that it does not know or will not say
    "ambiguous",  # more than one reading
    "other-unit",  # every number carries a unit that is not the series' own
    "out-of-range",  # beyond ten times the largest value of the series
    "cut-off",  # the reply ended before it was complete
    "no-number",  # words only
    "no-period",  # `parse_pair`: neither of the two dates
]


@dataclass(frozen=True, slots=True)
class Number:
    """value: in the unit of the series.  text: the figure as it stood in the reply, sign made plain."""

    value: float
    text: str


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a reply is not an answer.  detail: what was seen, for the reader of a table."""

    word: Word
    detail: str = ""


MAX_BARE = 30  # characters; a number without its unit counts only in a reply no longer than this
_DASHES = "‐‑‒–—―−﹣-"
_DASH_CLASS = f"[-{_DASHES}]"
_MARKS = {"<super>": "", "<sub>": "", "<circle>": " ", "<fraction>": "\N{FRACTION SLASH}"}
_STRUCK = "\x00"  # stands where an echo was: a sign glued to it is a separator or a minus, and nobody knows which
_BLOB = re.compile(r"(?<![\w.,])(?P<sign>[-+]?)(?P<digits>\d(?:[\d.,]*\d)?|\.\d+)(?P<exp>[eE][-+]?\d{1,3}(?!\d))?")
_RANGE = re.compile(r"\s*(?:-|/|,|to|and|or|through|until)\s*", re.I)
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:t(?:ember)?)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DATES = re.compile(
    r"(?<![\d.,])(?:1\d|2\d)\d\d-(?:0[1-9]|1[0-2])(?:-[0-3]\d)?(?![\d.,]*\d)"
    r"|(?<![\d.,])[12]\d{3}[ -]?Q[1-4]\b|\bQ[1-4][ ,-]*[12]\d{3}(?![.,]?\d)"
    rf"|(?<![\d.,])\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {_MONTH},? [12]\d{{3}}(?![.,]?\d)"
    rf"|\b{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?, ?[12]\d{{3}}(?![.,]?\d)"
    rf"|\b{_MONTH},? [12]\d{{3}}(?![.,]?\d)",
    re.I,
)
_YEAR = re.compile(r"(?<![\w.,+$€£¥-])[12]\d{3}(?![.,]?\d)(?!\s*(?:%|bps))")
_SEPARATOR = (
    r"(?P<separator>\s*(?:[:=|]|-(?=\s)))?"  # what follows a repeated label: "March 2020: 3.12", "March 2020 - 3.12"
)
_REFUSAL = re.compile(
    r"\b(?:sorry|unable|cannot|can not|can['’]?t|could(?: not|n['’]?t)|won['’]?t|will not"
    r"|(?:do|does|did)(?: not|n['’]?t)(?: \w+)? (?:know|have|provide|possess|recall|include|exist)"
    r"|(?:is|are|was|were)(?: not|n['’]?t)(?: \w+)? (?:available|known|published|provided|publicly|able|sure)"
    r"|not (?:available|known|sure|aware|able|possible|applicable|provided|specified)|unavailable|unknown|unsure"
    r"|no (?:data|information|access|record|idea|such|value|published|figure)|as an ai|language model|n/a"
    r"|refuse|decline)\b",
    re.I,
)


# --- one number -----------------------------------------------------------------------------------------------------


def parse_number(
    reply: str,
    *,
    unit: str,
    decimals: int,
    labels: Iterable[str] = (),
    limit: float,
    stopped: Literal["stop", "end", "length"] = "end",
    decimal_comma: bool = False,
) -> Number | Reason:
    """The one figure that a reply states, or why there is none.

    unit: of the series, in words ("percent", "USD per EUR"); numbers that carry it win over all others.
    decimals: as published; whole-number series of four digits may look like years, others may not.
    labels: texts that are not answers: forms of the period, the name, the question.
    limit: largest believable |value|, ten times the largest of the series, in its unit.
    stopped: how the reply ended; `length` means that its end is missing.
    decimal_comma: the provider writes 3,12 for three and twelve hundredths.
    """
    line = _first_line(_plain(reply))
    if not line.strip():
        return Reason("cut-off" if stopped == "length" else "empty")
    years_are_values = decimals == 0 and limit >= 10_000
    text = _strike(line, labels, keep_years=years_are_values)
    figures = _figures(text, unit=unit, decimal_comma=decimal_comma)
    if isinstance(figures, Reason):
        return figures
    refusal = _REFUSAL.search(text)
    chosen = _choose(figures, text, refusal=refusal is not None, cut=stopped == "length")
    if isinstance(chosen, Number):
        if abs(chosen.value) > limit:
            return Reason("out-of-range", chosen.text)
        return chosen
    if chosen.word == "no-number" and refusal:
        return Reason("refused", refusal.group())
    return chosen


@dataclass(frozen=True, slots=True)
class _Figure:
    """One number in the text. kind: `unit` (its own), `other` (a unit that is not), `bare`."""

    value: Decimal
    text: str
    kind: Literal["unit", "other", "bare"]
    start: int
    end: int  # of number and unit together


def _choose(figures: Sequence[_Figure], text: str, *, refusal: bool, cut: bool) -> Number | Reason:
    """Numbers with the unit win; a bare one needs a short, complete reply that refuses nothing."""
    owned = [f for f in figures if f.kind == "unit"]
    if owned:
        if cut and owned[-1].end == len(text) and text[-1].isdigit():
            return Reason("cut-off", owned[-1].text)
        values = sorted({f.value for f in owned})
        if len(values) > 1:
            return Reason("ambiguous", " / ".join(map(str, values)))
        return Number(float(owned[0].value), owned[0].text)
    bare = [f for f in figures if f.kind == "bare"]
    if not bare:
        if figures:
            return Reason("other-unit", figures[0].text)
        return Reason("cut-off" if cut and not refusal else "no-number", text.replace(_STRUCK, " ").strip()[:60])
    if refusal:
        return Reason("refused", text.replace(_STRUCK, " ").strip()[:60])
    if cut:
        return Reason("cut-off", bare[-1].text)
    if len(bare) > 1 or len(figures) > 1:
        return Reason("ambiguous", " / ".join(f.text for f in figures))
    if len(text.replace(_STRUCK, " ").strip()) > MAX_BARE:
        return Reason("ambiguous", f"{bare[0].text} without its unit in a reply of more than {MAX_BARE} characters")
    return Number(float(bare[0].value), bare[0].text)


def _figures(text: str, *, unit: str, decimal_comma: bool) -> list[_Figure] | Reason:
    """Every number of the text with what it carries, or the reason why one of them cannot be read."""
    own, factor = _unit_forms(unit)
    found: list[_Figure] = []
    for match in _BLOB.finditer(text):
        before, after = text[: match.start()], text[match.end() :]
        if doubt := _doubt(match["sign"], before, after, in_range=bool(found) and found[-1].end == match.start() - 1):
            return Reason("ambiguous", f"{match.group()}: {doubt}")
        value = _value(match["digits"], decimal_comma=decimal_comma)
        if value is None:
            return Reason("ambiguous", f"{match.group()}: which comma or point is the decimal one?")
        if match["exp"]:
            value = value * Decimal(10) ** int(match["exp"][1:])
        value = -value if match["sign"] == "-" else value
        kind, length, scale = _carries(before, after, own, factor)
        if kind is None:
            continue
        if re.search(r"\(\s*[$€£¥]?\s*$", before) and re.match(r"\s*\)", after[length:]):
            value = -value  # accounting form
        shown = f"{match['sign']}{match['digits']}{match['exp'] or ''}"
        found.append(_Figure(value * scale, shown, kind, match.start(), match.end() + length))
    return _share_unit(found, text)


def _doubt(sign: str, before: str, after: str, *, in_range: bool) -> str | None:
    """Why the number between `before` and `after` has no single reading, as far as its neighbours tell."""
    if sign and before.endswith(_STRUCK):
        return "a minus, or a dash after the date?"
    if re.search(r"(?:^|[\s:=|\x00])-\s+$", before) or (re.search(r"\w-$", before) and not in_range):
        return "a minus, or a dash before the figure?"
    if re.search(r"(?:[±<>≤≥]|\+/-)\s*$", before):
        return "a bound, not a value"
    if "\N{FRACTION SLASH}" in after[:1]:
        return "a fraction"
    return None


def _share_unit(figures: list[_Figure], text: str) -> list[_Figure]:
    """In "3 to 4 percent" the 3 is a percentage too: a bare number joined to the next takes its unit."""
    shared = list(figures)
    for i in range(len(shared) - 2, -1, -1):
        here, following = shared[i], shared[i + 1]
        joined = _RANGE.fullmatch(text[here.end : following.start])
        glued = text[here.end : following.start + 1] == "-"
        if here.kind == "bare" and following.kind == "unit" and (joined or glued):
            shared[i] = _Figure(here.value, here.text, "unit", here.start, here.end)
        elif here.kind == "unit" and following.kind == "bare" and (joined or glued):
            shared[i + 1] = _Figure(following.value, following.text, "unit", following.start, following.end)
    return shared


def _value(digits: str, *, decimal_comma: bool) -> Decimal | None:
    """The number in a blob of digits, points and commas; None where two readings exist."""
    group, point = (".", ",") if decimal_comma else (",", ".")
    g, p = re.escape(group), re.escape(point)
    if re.fullmatch(rf"\d*(?:{p}\d+)?", digits) or re.fullmatch(rf"\d{{1,3}}(?:{g}\d{{3}})+(?:{p}\d+)?", digits):
        return Decimal(digits.replace(group, "").replace(point, "."))
    if decimal_comma and re.fullmatch(r"\d+\.\d+", digits) and not re.fullmatch(r"\d{1,3}\.\d{3}", digits):
        return Decimal(digits)  # a point that cannot be a thousands mark
    return None


Kind = Literal["unit", "other", "bare"]


def _carries(
    before: str, after: str, own: re.Pattern[str], factor: tuple[tuple[re.Pattern[str], Decimal], ...]
) -> tuple[Kind | None, int, Decimal]:
    """What stands beside a number: (kind, characters after it that belong to it, factor into the series' unit).

    kind None: not a quantity at all ("10-year", "3rd", "2 decimals").
    """
    for pattern, scale in factor:
        if match := pattern.match(after):
            return "unit", match.end(), scale
    if match := own.match(after):
        return "unit", match.end(), Decimal(1)
    if re.search(rf"(?:{own.pattern})\s*[-+]?$", before, re.I):
        return "unit", 0, Decimal(1)
    if match := _OTHER.match(after):
        return "other", match.end(), Decimal(1)
    if re.search(r"[$€£¥]\s*[-+]?$", before):
        return "other", 0, Decimal(1)
    if re.match(rf"-[A-Za-z]|(?:st|nd|rd|th)\b|\s*{_COUNTED}\b", after):
        return None, 0, Decimal(1)
    if match := re.match(r"[A-Za-z]+", after):
        return "other", match.end(), Decimal(1)
    return "bare", 0, Decimal(1)


_COUNTED = r"(?:years?|months?|weeks?|days?|quarters?|decimals?|digits?|places?)"  # "2 decimals" states no figure
_PERCENT = r"\s*(?:%|per ?cent\b|percentage(?: points?)?\b|pct\b|p\.?p\.?(?![A-Za-z]))"
_BPS = r"\s*(?:bps?\b|basis points?\b)"
_SCALES = r"thousands?|millions?|billions?|trillions?|mn|bn|tn|[kKmM](?![A-Za-z])"
_OTHER = re.compile(rf"{_PERCENT}|{_BPS}|\s*(?:{_SCALES})\b|\s*[$€£¥]", re.I)
_ALIASES: dict[str, tuple[str, ...]] = {
    "usd": ("USD", "US dollars", "U.S. dollars", "dollars", "dollar", "US$", "$"),
    "dollars": ("USD", "US dollars", "U.S. dollars", "dollars", "dollar", "US$", "$"),
    "eur": ("EUR", "euros", "euro", "€"),
    "euros": ("EUR", "euros", "euro", "€"),
    "gbp": ("GBP", "pounds", "pounds sterling", "£"),
    "jpy": ("JPY", "yen", "¥"),
    "ppm": ("ppm", "parts per million"),
    "parts": ("ppm", "parts per million"),
    "index points": ("index points", "points", "index"),
    "milliarcseconds": ("milliarcseconds", "mas"),
    "arcseconds": ("arcseconds", "arcsec", '"', "as"),
    "seconds": ("seconds", "s", "sec"),
    "degrees celsius": ("degrees Celsius", "°C", "C", "degrees"),
    "degrees fahrenheit": ("degrees Fahrenheit", "°F", "F", "degrees"),
}


@lru_cache(maxsize=64)
def _unit_forms(unit: str) -> tuple[re.Pattern[str], tuple[tuple[re.Pattern[str], Decimal], ...]]:
    """(what marks a number as in this unit, what marks it as in another one with a known factor)."""
    head = re.split(r"\s+(?:per|an?|/)\s+|/", unit.strip())[0] if unit.strip() else ""
    if re.search(r"per ?cent|%|percentage", unit, re.I):
        return re.compile(_PERCENT, re.I), ((re.compile(_BPS, re.I), Decimal("0.01")),)
    forms = {unit.strip(), head, *_ALIASES.get(head.lower(), ())} - {""}
    if scale := re.search(rf"\b(?:{_SCALES})\b", unit, re.I):
        forms = {unit.strip(), scale.group(), scale.group().rstrip("s")} - {""}
    if not forms:
        return re.compile(r"(?!)"), ()
    spelled = sorted((_plain(f) for f in forms), key=len, reverse=True)
    body = "|".join(re.escape(f) + (r"(?!\w)" if f[-1].isalnum() else "") for f in spelled)
    return re.compile(rf"(?:\s*(?<![^\W\d])(?:{body}))", re.I), ()


# --- one of two dates -----------------------------------------------------------------------------------------------


def parse_pair(
    reply: str,
    *,
    first: Iterable[str],
    second: Iterable[str],
    echo: Iterable[str] = (),
    stopped: Literal["stop", "end", "length"] = "end",
) -> Literal[0, 1] | Reason:
    """Which of two dates a reply names: 0 for `first`, 1 for `second`.

    first, second: all accepted forms of each date.  echo: the question; it names both dates, so it is struck before
    anything is looked for (to take the first mention would turn answers round).
    """
    line = _first_line(_plain(reply))
    if not line.strip():
        return Reason("cut-off" if stopped == "length" else "empty")
    text = line
    for phrase in sorted((_plain(e).strip() for e in echo), key=len, reverse=True):
        if phrase:
            text = re.sub(re.escape(phrase), _STRUCK, text, flags=re.I)
    forms = [[re.escape(_plain(f).strip()) for f in group] for group in (first, second)]
    one, two = (rf"(?<!\w)(?:{'|'.join(sorted(g, key=len, reverse=True))})(?!\w)" for g in forms)
    for left, right in ((one, two), (two, one)):
        text = re.sub(rf"{left},?\s+or\s+(?:in\s+)?{right}", _STRUCK, text, flags=re.I)
    named = [re.search(pattern, text, re.I) is not None for pattern in (one, two)]
    if all(named):
        return Reason("ambiguous", "names both dates")
    if any(named):
        return 0 if named[0] else 1
    if refusal := _REFUSAL.search(text):
        return Reason("refused", refusal.group())
    return Reason("cut-off" if stopped == "length" else "no-period", text.replace(_STRUCK, " ").strip()[:60])


# --- text -----------------------------------------------------------------------------------------------------------


def _plain(text: str) -> str:
    """NFKC with plain minus signs. Raised and lowered digits go first: NFKC would turn a footnote mark into a digit."""
    kept = "".join(_MARKS.get(unicodedata.decomposition(c).split(" ")[0], c) if c.isnumeric() else c for c in text)
    plain = unicodedata.normalize("NFKC", kept).replace(_STRUCK, " ")
    plain = re.sub("\u2212(?=\\s*[$€£¥]?\\s*[.\\d])\\s*", "-", plain)  # the real minus sign, even with a blank after it
    plain = re.sub(rf"{_DASH_CLASS}(?=[$€£¥]?[.\d])", "-", plain)
    plain = re.sub(rf"(?<=\s){_DASH_CLASS}(?=\s)|^{_DASH_CLASS}(?=\s)", "-", plain)
    plain = re.sub(r"\b(?:minus|negative)\s+(?=[$€£¥]?\s*[.\d])", "-", plain, flags=re.I)
    return re.sub(r"([-+])\s*([$€£¥])\s*(?=[.\d])", r"\2\1", plain)


def _first_line(text: str) -> str:
    return next((line for line in text.splitlines() if line.strip()), "")


def _strike(line: str, labels: Iterable[str], *, keep_years: bool) -> str:
    """The line with echoes of the question, dates and bare years replaced by a mark."""
    texts = sorted({_plain(entry).strip() for entry in labels} - {""}, key=len, reverse=True)
    whole_years = [t for t in texts if re.fullmatch(r"\d{4}", t)]
    dates = [t for t in texts if _DATES.fullmatch(t)]
    text = _strike_all(line, [t for t in texts if t not in whole_years and t not in dates])
    text = re.sub(rf"(?:{_DATES.pattern}){_SEPARATOR}", _mark, text, flags=re.I)  # "5 March 2020" before "March 2020"
    text = _strike_all(text, dates)
    text = re.sub(r"_{2,}", _STRUCK + " ", text)
    for year in whole_years:
        struck = re.sub(rf"(?<![\w.,+$€£¥-]){year}(?![.,]?\d){_SEPARATOR}", _mark, text)
        if not keep_years or re.search(r"\d", struck):  # "1998" alone may be the value of 1998
            text = struck
    if not keep_years:
        text = re.sub(rf"{_YEAR.pattern}{_SEPARATOR}", _mark, text)
    return text


def _strike_all(text: str, phrases: Iterable[str]) -> str:
    for phrase in phrases:
        if phrase.casefold() not in text.casefold():
            continue  # most labels are not repeated, and a pattern of its own costs more than this look
        start = r"(?<![\w.])" if phrase[0].isalnum() else ""
        end = r"(?!\w)" if phrase[-1].isalnum() else ""
        text = re.sub(rf"{start}{re.escape(phrase)}{end}{_SEPARATOR}", _mark, text, flags=re.I)
    return text


def _mark(match: re.Match[str]) -> str:
    """The mark of an echo; after a separator a sign is no longer glued to the echo."""
    return _STRUCK + (" " if match["separator"] else "")
