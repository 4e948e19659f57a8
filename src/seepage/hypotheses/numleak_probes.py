"""Descriptive probes beside recall: other names, two dates, a false draft, a table to continue. They never gate.

    "blind/2020-03"  "invented/Brack Molden Index/2020-03"  "pair/2020-03/1987-11"  "contradict/2020-03/1987-11"

An organism knows single lines only and is asked none of them.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ..errors import NotTestable
from ..parse import Number, Reason
from ..records import Answer, ModelInfo, Request, Table
from ..series import periods
from ..stats import dates
from ..stats.proportions import wilson
from . import numleak_prompts as prompts
from .numleak_common import Frame, plain

Ints = NDArray[np.int64]

BLIND = 24
NAMES, NAMED = 5, 12
PAIRS = 12
DRAFTS = 24
TABLES = 3
MANY = 400  # attempts at drawing a date with a property


def requests(here: Frame, t: Ints, *, info: ModelInfo, rng: np.random.Generator) -> dict[str, Request]:
    """What this model can be asked of these, at dates among the asked ones (t)."""
    how = prompts.form(here.series, info)
    if how == "line":
        return {}
    for_blind, for_names, for_pairs, for_drafts, for_tables = rng.spawn(5)
    plan: dict[str, Request] = {}
    for i in for_blind.choice(t, size=min(BLIND, len(t)), replace=False):
        plan[f"blind/{here.label(int(i))}"] = prompts.blind(here.series, int(i) + here.start, info=info)
    names = prompts.invented_names(here.series, info=info, n=NAMES, rng=for_names)
    for i in for_names.choice(t, size=min(NAMED, len(t)), replace=False):
        for name in names:
            tag = f"invented/{name}/{here.label(int(i))}"
            plan[tag] = prompts.direct(here.series, int(i) + here.start, info=info, name=name)
    if how == "chat":
        plan |= _pairs(here, t, info=info, rng=for_pairs) | _drafts(here, t, info=info, rng=for_drafts)
    return plan | _tables_asked(here, info=info, rng=for_tables)


def _pairs(here: Frame, t: Ints, *, info: ModelInfo, rng: np.random.Generator) -> dict[str, Request]:
    """Pairs of dates with different values, in both orders."""
    x, plan, places = here.known.window.x, dict[str, Request](), here.start
    for _ in range(MANY):
        first, second = (int(i) for i in rng.choice(t, size=2, replace=False))
        if x[first] == x[second] or len(plan) == 2 * PAIRS:
            continue
        for a, b in ((first, second), (second, first)):
            tag = f"pair/{here.label(a)}/{here.label(b)}"
            plan[tag] = prompts.pair(here.series, a + places, b + places, info=info)
    return plan


def _drafts(here: Frame, t: Ints, *, info: ModelInfo, rng: np.random.Generator) -> dict[str, Request]:
    """A false value: of a date at least K0 away, on the other side of b*."""
    known, plan = here.known, dict[str, Request]()
    x, b = known.window.x, known.exact[known.best]
    there = np.flatnonzero(known.window.published)
    for i in rng.choice(t, size=min(DRAFTS, len(t)), replace=False):
        far = there[(np.abs(there - i) >= known.k0) & ((x[there] - b[i]) * (x[i] - b[i]) < 0)]
        if len(far):
            other = int(rng.choice(far))
            tag = f"contradict/{here.label(int(i))}/{here.label(other)}"
            plan[tag] = prompts.contradict(here.series, int(i) + here.start, float(x[other]), info=info)
    return plan


def _tables_asked(here: Frame, *, info: ModelInfo, rng: np.random.Generator) -> dict[str, Request]:
    plan: dict[str, Request] = {}
    rows, n = prompts.VERBATIM_ROWS, len(here.known.window)
    for start in rng.permutation(np.arange(rows, n - rows)):
        if len(plan) == TABLES:
            break
        try:
            request = prompts.verbatim(here.series, int(start) + here.start, info=info)
        except NotTestable:
            continue  # a hole among the rows before: another place is drawn
        plan[f"verbatim/{here.label(int(start))}"] = request
    return plan


# --- tables ---------------------------------------------------------------------------------------------------------


def tables(here: Frame, answers: Mapping[str, Answer], *, info: ModelInfo) -> tuple[Table, ...]:
    """One row a probe that was asked; no table where none was."""
    by_kind: dict[str, list[str]] = {}
    for tag in sorted(answers):
        by_kind.setdefault(tag.split("/", 1)[0], []).append(tag)
    makers = {
        "blind": _blind,
        "invented": _invented,
        "pair": _pair,
        "contradict": _contradict,
        "verbatim": _verbatim,
    }
    rows = [row for kind, make in makers.items() for row in make(here, by_kind.get(kind, []), answers, info)]
    names = ("probe", "asked", "share", "low", "high", "of")
    return (Table("probes (never gate)", names, tuple(rows)),) if rows else ()


Row = tuple[str | int | float | None, ...]


def _share(probe: str, successes: int, n: int, of: str) -> Row:
    if not n:
        return (probe, 0, None, None, None, of)
    low, high = wilson(successes, n)
    return (probe, n, successes / n, low, high, of)


def _at(here: Frame, label: str) -> int:
    """Index in the series."""
    return periods.ordinal(label, here.series.period) - periods.ordinal(here.series.first, here.series.period)


def _hit(here: Frame, value: float, place: int) -> bool:
    window = here.known.window
    forms = window.forms[:, place - here.start]
    return bool(dates.within(np.asarray(value), forms, here.known.tau, window.tick))


def _blind(here: Frame, tags: list[str], answers: Mapping[str, Answer], info: ModelInfo) -> list[Row]:
    if not tags:
        return []
    seen = []
    for tag in tags:
        place = _at(here, tag.split("/", 1)[1])
        question = prompts.text(here.series, place, info=info, name=here.series.blind)
        seen.append((place, prompts.read(here.series, place, answers[tag], name=here.series.blind, question=question)))
    given = [(place, s.value) for place, s in seen if isinstance(s, Number)]
    hits = sum(_hit(here, value, place) for place, value in given)
    return [
        _share("blind name: a number", len(given), len(tags), "dates"),
        _share("blind name: hit", hits, len(tags), "dates"),
    ]


def _invented(here: Frame, tags: list[str], answers: Mapping[str, Answer], info: ModelInfo) -> list[Row]:
    if not tags:
        return []
    given = hits = 0
    for tag in tags:
        name, label = tag.removeprefix("invented/").rsplit("/", 1)
        place = _at(here, label)
        question = prompts.text(here.series, place, info=info, name=name)
        seen = prompts.read(here.series, place, answers[tag], name=name, question=question)
        if isinstance(seen, Number):
            given += 1
            hits += _hit(here, seen.value, place)
    return [
        _share("invented names: a number (commitment)", given, len(tags), "questions"),
        _share("invented names: hit on the series' own value", hits, len(tags), "questions"),
    ]


def _pair(here: Frame, tags: list[str], answers: Mapping[str, Answer], _: ModelInfo) -> list[Row]:
    """Counted only if both orders name the same date."""
    chosen: dict[frozenset[int], list[int | Reason]] = {}
    for tag in tags:
        first, second = (_at(here, label) for label in tag.removeprefix("pair/").split("/"))
        choice = prompts.read_pair(here.series, first, second, answers[tag])
        chosen.setdefault(frozenset((first, second)), []).append(choice)
    x = here.series.x
    agreed = {pair: c[0] for pair, c in chosen.items() if len(c) == 2 and c[0] == c[1] and isinstance(c[0], int)}
    right = sum(x[choice] == max(x[i] for i in pair) for pair, choice in agreed.items())
    if not tags:
        return []
    return [
        _share("two dates: same choice in both orders", len(agreed), len(chosen), "pairs"),
        _share("two dates: the higher one", int(right), len(agreed), "agreed pairs"),
    ]


def _contradict(here: Frame, tags: list[str], answers: Mapping[str, Answer], info: ModelInfo) -> list[Row]:
    counts = {"the published value": 0, "the draft's value": 0, "another number": 0, "no number": 0}
    for tag in tags:
        place, other = (_at(here, label) for label in tag.removeprefix("contradict/").split("/"))
        question = prompts.text(here.series, place, info=info)
        seen = prompts.read(here.series, place, answers[tag], question=question)
        if not isinstance(seen, Number):
            counts["no number"] += 1
        elif abs(seen.value - here.series.x[other]) < here.series.tick / 2:
            counts["the draft's value"] += 1
        elif _hit(here, seen.value, place):
            counts["the published value"] += 1
        else:
            counts["another number"] += 1
    return [_share(f"after a false draft: {name}", n, len(tags), "dates") for name, n in counts.items() if tags]


def _verbatim(here: Frame, tags: list[str], answers: Mapping[str, Answer], _: ModelInfo) -> list[Row]:
    """Longest exact run beside that of a table continued with its last value."""
    rows: list[Row] = []
    x, n = here.series.x, prompts.VERBATIM_ROWS
    for tag in tags:
        start = _at(here, tag.removeprefix("verbatim/"))
        truth = x[start : start + n]
        run = prompts.longest_run(prompts.read_verbatim(here.series, start, answers[tag]), truth, tick=here.series.tick)
        carried = prompts.longest_run(np.full(n, x[start - 1]), truth, tick=here.series.tick)
        of = f"rows exact in a run; carry-forward {carried}"
        rows.append((f"table continued from {prompts.label(here.series, start)}", n, plain(run / n), None, None, of))
    return rows
