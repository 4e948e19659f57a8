"""Calendar labels by arithmetic: "2020-03" + 1 month, "2020Q4", "2020", "2020-03-05".

A period is an integer count from its kind's origin, so a hole in fresh figures can never shift the calendar. `weekday`
counts Monday to Friday only: the day after Friday 2020-03-06 is Monday 2020-03-09, and a public holiday is a hole.
"""

from __future__ import annotations

import datetime
import re
from typing import Literal

from ..errors import BadSpec

Kind = Literal["day", "weekday", "month", "quarter", "year"]
KINDS: tuple[Kind, ...] = ("day", "weekday", "month", "quarter", "year")
EXAMPLES = {"day": "2020-03-05", "weekday": "2020-03-05", "month": "2020-03", "quarter": "2020Q1", "year": "2020"}
PLURALS = {"day": "days", "weekday": "weekdays", "month": "months", "quarter": "quarters", "year": "years"}
_ORDINALS = ("first", "second", "third", "fourth")
# Not strftime: the label must not depend on the locale.
_FIRST_HALF = ("January", "February", "March", "April", "May", "June")
_MONTHS = (*_FIRST_HALF, "July", "August", "September", "October", "November", "December")


def ordinal(label: str, kind: Kind) -> int:
    """Count of periods since the origin. Raises BadSpec on a label that is not of this kind."""
    try:
        if kind in ("day", "weekday") and re.fullmatch(r"\d{4}-\d\d-\d\d", label):
            day = datetime.date.fromisoformat(label)
            if kind == "day":
                return day.toordinal()
            if day.weekday() < 5:
                return (day.toordinal() - 1) // 7 * 5 + day.weekday()
            raise BadSpec(f"{label!r} is a {('Saturday', 'Sunday')[day.weekday() - 5]}; a weekday is Monday to Friday")
        if kind == "month" and re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", label):
            return int(label[:4]) * 12 + int(label[5:]) - 1
        if kind == "quarter" and re.fullmatch(r"\d{4}-?Q[1-4]", label):
            return int(label[:4]) * 4 + int(label[-1]) - 1
        if kind == "year" and re.fullmatch(r"\d{4}", label):
            return int(label)
    except BadSpec:
        raise
    except ValueError as error:
        raise BadSpec(f"{label!r} is not a {kind}: {error}; write it like {EXAMPLES[kind]!r}") from error
    raise BadSpec(f"{label!r} is not a {kind}; write it like {EXAMPLES.get(kind, EXAMPLES)!r}")


def label(count: int, kind: Kind) -> str:
    """Inverse of `ordinal`."""
    if kind == "day":
        return datetime.date.fromordinal(count).isoformat()
    if kind == "weekday":
        weeks, day = divmod(count, 5)
        return datetime.date.fromordinal(weeks * 7 + day + 1).isoformat()
    if kind == "month":
        return f"{count // 12:04d}-{count % 12 + 1:02d}"
    if kind == "quarter":
        return f"{count // 4:04d}Q{count % 4 + 1}"
    return f"{count:04d}"


def spoken(text: str, kind: Kind) -> str:
    """A label as a person writes it in a question: "March 2020", "5 March 2020", "the first quarter of 2020"."""
    if kind == "year":
        return text
    if kind == "quarter":
        return f"the {_ORDINALS[int(text[-1]) - 1]} quarter of {text[:4]}"
    month = f"{_MONTHS[int(text[5:7]) - 1]} {text[:4]}"
    return f"{int(text[8:10])} {month}" if kind in ("day", "weekday") else month


def last_day(text: str, kind: Kind) -> datetime.date:
    """Last day of the period: figures are published after it."""
    count = ordinal(text, kind)
    if kind in ("day", "weekday"):
        return datetime.date.fromisoformat(text)
    months = {"month": count + 1, "quarter": (count + 1) * 3, "year": (count + 1) * 12}[kind]
    return datetime.date(months // 12, months % 12 + 1, 1) - datetime.timedelta(days=1)
