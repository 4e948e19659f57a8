"""How a thing is named on a command line or in a table: `scheme:body?key=value&key=value`.

csv:prices.csv#close/change?name=Closing+price&unit=dollars&decimals=2&period=month

Values are URL-encoded: `+` or %20 is a blank, %26 is &. Nothing here opens anything.
"""

from __future__ import annotations

import difflib
import functools
import re
import urllib.parse
from collections.abc import Iterable, Mapping

from .errors import BadSpec

ID = re.compile(r"[A-Za-z0-9._]+")


def split(spec: str) -> tuple[str, str, dict[str, str]]:
    """(scheme, body, options) of one spec. Raises BadSpec where there is no scheme, or an option is not key=value."""
    scheme, body, pairs = _split(spec)
    return scheme, body, dict(pairs)


@functools.lru_cache(maxsize=4096)  # a panel of sixty models is looked through once a cell
def _split(spec: str) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    scheme, colon, rest = spec.partition(":")
    if not colon or not rest or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", scheme):
        raise BadSpec(f"{spec!r} has no scheme; write scheme:what, for instance csv:prices.csv#close")
    body, _, query = rest.partition("?")
    try:
        pairs = urllib.parse.parse_qsl(query, keep_blank_values=True, strict_parsing=True) if query else []
    except ValueError as error:
        raise BadSpec(f"{spec!r}: {error}; after ? write key=value, several joined by &") from error
    if len(dict(pairs)) < len(pairs):
        twice = sorted({key for key, _ in pairs if [k for k, _ in pairs].count(key) > 1})
        raise BadSpec(f"{spec!r} states {', '.join(twice)} twice; state each option once")
    return scheme, body, tuple(pairs)


def with_options(spec: str, options: Mapping[str, object]) -> str:
    """The spec with further options. Raises BadSpec where the spec states one of them differently."""
    _, _, stated = split(spec)
    new = {key: _written(value) for key, value in options.items()}
    for key in stated.keys() & new.keys():
        if stated[key] != new[key]:
            raise BadSpec(f"{key} is {stated[key]!r} in {spec!r} and {new[key]!r} beside it; state it once")
    added = {key: value for key, value in new.items() if key not in stated}
    return spec + (("&" if stated else "?") + urllib.parse.urlencode(added, safe="/:,;") if added else "")


def known_only(given: Iterable[str], accepted: Iterable[str], *, what: str, where: str) -> None:
    """Raise BadSpec for the first of `given` that is not accepted, with the accepted ones and the likely meaning."""
    accepted = tuple(accepted)
    for key in given:
        if key not in accepted:
            raise BadSpec(f"unknown {what} {key!r} in {where}. Known: {', '.join(accepted)}.{meant(key, accepted)}")


def meant(given: str, accepted: Iterable[str], *, template: str = "{}") -> str:
    """' Did you mean x?', or nothing."""
    lowered = {word.lower(): word for word in accepted}
    close = difflib.get_close_matches(given.lower(), lowered, n=1)
    return f" Did you mean {template.format(lowered[close[0]])}?" if close else ""


def slug(text: str) -> str:
    """A short id of letters, digits, dots and underscores."""
    return re.sub(r"[^A-Za-z0-9.]+", "_", text).strip("_.")


def whole(text: str, *, key: str, where: str, low: int | None = None, high: int | None = None) -> int:
    """An option that is a whole number in low..high."""
    if not re.fullmatch(r"-?\d{1,9}", text):
        raise BadSpec(f"{key}={text!r} in {where} is not a whole number")
    number = int(text)
    if (low is not None and number < low) or (high is not None and number > high):
        raise BadSpec(f"{key}={number} in {where}; accepted: {_span(low, high)}")
    return number


def one_of(text: str, accepted: Iterable[str], *, key: str, where: str) -> str:
    """An option that is one of a few words."""
    accepted = tuple(accepted)
    if text not in accepted:
        raise BadSpec(f"{key}={text!r} in {where}. Known: {', '.join(accepted)}.{meant(text, accepted)}")
    return text


def _span(low: int | None, high: int | None) -> str:
    return (
        f"{low} to {high}"
        if low is not None and high is not None
        else f"{low} or more"
        if high is None
        else f"at most {high}"
    )


def _written(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
