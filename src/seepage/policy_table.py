"""A policy from a table: every key of the policy records, with its type from the record and its range from here.

{"alpha": 0.01, "numleak": {"dates": 240}} -> Policy(alpha=0.01, numleak=NumleakPolicy(dates=240, ...))

A field of a few words accepts those of its Literal type. A list becomes a tuple.
"""

from __future__ import annotations

import dataclasses
import math
import re
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import BadSpec
from .policy import Policy
from .specs import known_only, one_of
from .twins import BITS, METHODS, parse_pattern

SEVERITIES = ("blocker", "critical", "normal", "minor", "trivial")  # Allure's


@dataclass(frozen=True, slots=True)
class Span:
    """A range of numbers; an open end is not itself accepted."""

    low: float
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False

    def holds(self, value: float) -> bool:
        above = value > self.low if self.open_low else value >= self.low
        return above and (value < self.high if self.open_high else value <= self.high)

    def __str__(self) -> str:
        low = f"{'more than ' if self.open_low else ''}{self.low:g}"
        if math.isinf(self.high):
            return low if self.open_low else f"{low} or more"
        return f"{low} to {'less than ' if self.open_high else ''}{self.high:g}"


SHARE = Span(0, 1, open_low=True, open_high=True)
#: dotted key -> accepted numbers. A number without an entry here is refused below 0.
SPANS = {
    "alpha": SHARE,
    "seed": Span(0, 2**63 - 1),
    "numleak.dates": Span(30),
    "numleak.rows": Span(30),
    "numleak.min_parsed": Span(10),
    "numleak.min_post": Span(3),
    "numleak.excess": SHARE,
    "numleak.skill": SHARE,
    "numleak.win": Span(0.5, 1, open_low=True, open_high=True),
    "numleak.delta": Span(0, open_low=True),
    "numleak.hit_cap": SHARE,
    "numleak.acf": SHARE,
    "numleak.matched": Span(5),
    "numleak.margin_months": Span(0, 120),
    "numleak.near_months": Span(0, 120),
    "numleak.phrasings": Span(0, 3),
    "numleak.mde_share": SHARE,
    "numleak.mde_win": Span(0.5, 1, open_low=True, open_high=True),
    "numleak.mde_delta": Span(0, open_low=True),
    "mc_generation.margin": SHARE,
    "mc_generation.net_drop": SHARE,
    "mc_generation.items": Span(100),
    "mc_generation.max_new_tokens": Span(1),
    "mc_generation.samples": Span(1),
    "mc_generation.temperature": Span(0, open_low=True),
    "mc_generation.mde_share": SHARE,
    "mc_generation.mde_drop": SHARE,
    "rank_stability.head_start_margin": Span(0, open_low=True),
    "rank_stability.head_start_mde_max": Span(0, open_low=True),
    "rank_stability.inversion_margin": SHARE,
    "rank_stability.inversion_mde_max": SHARE,
    "rank_stability.inflation_margin": SHARE,
    "rank_stability.inflation_mde_max": SHARE,
    "rank_stability.min_references": Span(3),
    "rank_stability.min_lineages": Span(4),
    "rank_stability.min_seeds": Span(2),
    "rank_stability.items_min": Span(100),
    "rank_stability.items": Span(100),
    "rank_stability.steps": Span(10),
    "rank_stability.batch": Span(1),
    "rank_stability.seeds": Span(1),
    "rank_stability.lr": Span(0, 0.1),
    "rank_stability.tokens": Span(8),
}
NOT_NEGATIVE = Span(0)


def policy_of(table: Mapping[str, Any], *, where: str) -> Policy:
    """The policy that a table states. Raises BadSpec on a key that is unknown or a value that is not accepted."""
    policy: Policy = _record(Policy(), table, prefix="", where=where)
    numleak = policy.numleak
    if numleak.min_parsed > numleak.dates:
        raise BadSpec(
            f"numleak.min_parsed={numleak.min_parsed} in {where} is more than numleak.dates={numleak.dates}: "
            "no run could reach it; accepted: at most the dates asked"
        )
    if numleak.matched >= numleak.rows:
        raise BadSpec(
            f"numleak.matched={numleak.matched} in {where} needs as many other dates, numleak.rows={numleak.rows} has "
            "too few; accepted: fewer than the rows"
        )
    return policy


def _record(defaults: Any, table: Any, *, prefix: str, where: str) -> Any:
    """A copy of a policy record with the table's values."""
    if not isinstance(table, Mapping):
        raise BadSpec(
            f"{prefix.rstrip('.')}={table!r} in {where}; accepted: a table [tool.seepage.{prefix.rstrip('.')}]"
        )
    names = tuple(field.name for field in dataclasses.fields(defaults))
    known_only(table, names, what="key", where=f"{where} {prefix.rstrip('.')}".rstrip())
    types = typing.get_type_hints(type(defaults))
    stated = {
        name: _value(getattr(defaults, name), value, kind=types[name], key=f"{prefix}{name}", where=where)
        for name, value in table.items()
    }
    return dataclasses.replace(defaults, **stated)


def _value(default: Any, value: Any, *, kind: Any, key: str, where: str) -> Any:
    """kind: the type of the field."""
    if dataclasses.is_dataclass(default):
        return _record(default, value, prefix=f"{key}.", where=where)
    if typing.get_origin(kind) is typing.Literal:
        return one_of(_word(value, key, where), typing.get_args(kind), key=key, where=where)
    if key == "alpha_share":
        return _shares(value, where=where)
    if key == "severity":
        return _severities(value, where=where)
    if isinstance(default, tuple):
        return _each(value, ELEMENTS[key], key=key, where=where)
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise BadSpec(f"{key}={value!r} in {where}; accepted: true, false")
        return value
    if isinstance(default, (int, float)):
        return _number(value, whole=isinstance(default, int), span=SPANS.get(key, NOT_NEGATIVE), key=key, where=where)
    return _word(value, key, where)


def _number(value: Any, *, whole: bool, span: Span, key: str, where: str) -> int | float:
    kind = "a whole number" if whole else "a number"
    right = isinstance(value, int) or (isinstance(value, float) and not whole)
    if isinstance(value, bool) or not right or not math.isfinite(value) or not span.holds(value):
        raise BadSpec(f"{key}={value!r} in {where}; accepted: {kind}, {span}")
    return int(value) if whole else float(value)


def _word(value: Any, key: str, where: str) -> str:
    if not isinstance(value, str):
        raise BadSpec(f"{key}={value!r} in {where}; accepted: a text")
    return value


# --- lists -----------------------------------------------------------------------------------------------------------

Read = Callable[[Any, str, str], Any]


def _each(value: Any, read: Read, *, key: str, where: str) -> tuple[Any, ...]:
    """A list, one element after the other; an empty one asks for nothing of the kind."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise BadSpec(f"{key}={value!r} in {where}; accepted: a list, such as [{_shown(value)}]")
    found = tuple(read(one, f"{key}[{i}]", where) for i, one in enumerate(value))
    twice = next((one for i, one in enumerate(found) if one in found[:i]), None)
    if twice is not None:
        raise BadSpec(f"{key} in {where} states {twice!r} twice; state each once")
    return found


def _shown(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def _width(value: Any, key: str, where: str) -> int:
    return int(_number(value, whole=True, span=Span(2), key=key, where=where))


def _sparsity(value: Any, key: str, where: str) -> float:
    return float(_number(value, whole=False, span=Span(0, 1, open_high=True), key=key, where=where))


def _method(value: Any, key: str, where: str) -> str:
    return one_of(_word(value, key, where), METHODS, key=key, where=where)


def _pattern(value: Any, key: str, where: str) -> str:
    text = _word(value, key, where)
    try:
        parse_pattern(text)
    except BadSpec as error:
        raise BadSpec(f"{key} in {where}: {error}") from error
    return text


def _bits(value: Any, key: str, where: str) -> int:
    if isinstance(value, bool) or value not in BITS:
        raise BadSpec(f"{key}={value!r} in {where}; accepted: {', '.join(map(str, BITS))}")
    return int(value)


ELEMENTS: Mapping[str, Read] = {
    "mc_generation.beams": _width,
    "mc_generation.methods": _method,
    "mc_generation.sparsities": _sparsity,
    "mc_generation.patterns": _pattern,
    "mc_generation.bits": _bits,
}


# --- tables ----------------------------------------------------------------------------------------------------------


def _shares(value: Any, *, where: str) -> dict[str, float]:
    """family -> share of alpha."""
    if not isinstance(value, Mapping):
        raise BadSpec(f"alpha_share={value!r} in {where}; accepted: a table of shares by family, {{leakage = 0.8}}")
    span = Span(0, 1, open_low=True)
    shares = {
        _name(key, "alpha_share", where): float(
            _number(share, whole=False, span=span, key=f"alpha_share.{key}", where=where)
        )
        for key, share in value.items()
    }
    if sum(shares.values()) > 1 + 1e-9:
        raise BadSpec(f"alpha_share in {where} adds up to {sum(shares.values()):g}; accepted: at most 1 together")
    return shares


def _severities(value: Any, *, where: str) -> dict[str, str]:
    """hypothesis -> severity; `numleak.recall` may come nested, as TOML reads an unquoted dot."""
    if not isinstance(value, Mapping):
        raise BadSpec(
            f"severity={value!r} in {where}; accepted: a table by hypothesis, {{'numleak.recall' = 'blocker'}}"
        )
    flat: dict[str, Any] = {}
    for key, below in value.items():
        flat.update({f"{key}.{k}": v for k, v in below.items()} if isinstance(below, Mapping) else {key: below})
    return {
        _name(key, "severity", where): one_of(
            _word(word, f"severity.{key}", where), SEVERITIES, key=f"severity.{key}", where=where
        )
        for key, word in flat.items()
    }


def _name(text: str, key: str, where: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?", text):
        raise BadSpec(f"{key}.{text} in {where}: {text!r} is no name of a family or hypothesis, such as leakage")
    return text
