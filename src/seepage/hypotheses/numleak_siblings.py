"""A sibling's values under the target's prompt: a series of the same library that the question does not name.

What a model knows of Mkt-RF must not make it prefer the values of SMB when asked for Mkt-RF.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import NotTestable, SeepageError
from ..records import Answer, ModelInfo, Placebo, Request
from ..series import open_series, periods
from ..stats.surrogate import UNRELATED
from ..wording import figure as short
from . import numleak_prompts as prompts
from .numleak_common import Frame, asked, matrix

if TYPE_CHECKING:
    from .numleak_binding import Rule

Floats = NDArray[np.float64]

ROWS = 120  # latest dates that a sibling is scored at
COVERED = 0.9  # share of those dates at which the sibling has a value


def requests(here: Frame, *, info: ModelInfo) -> dict[str, Request]:
    """ "S/{label}" with the distinct values of the first sibling that can be read, at the latest 120 dates."""
    there, _ = sibling(here)
    if there is None:
        return {}
    values = there.known.window.x
    columns = np.unique(values[~np.isnan(values)])
    texts = tuple(here.series.format(float(v)) for v in columns)
    return {
        f"S/{there.label(int(t))}": prompts.matrix(here.series, int(t) + there.start, texts, info=info)
        for t in np.flatnonzero(~np.isnan(values))
    }


def placebo(
    here: Frame, answers: Mapping[str, Answer], rule: Rule, *, rng: np.random.Generator
) -> tuple[tuple[Placebo, ...], tuple[str, ...]]:
    """(the placebo where a sibling was asked, a note where it was not)."""
    there, why = sibling(here)
    if there is None or not len(asked(there, answers, "S")):
        return (), (f"no sibling placebo: {why or 'it was not asked'}",)
    logprob, columns = matrix(there, answers, prefix="S")
    try:
        found = rule(there, logprob, columns, rng)
    except NotTestable as error:
        return (), (f"no sibling placebo: {error}",)
    note = (
        f"D = {short(found.shift.observed)} nats; its values under the target's prompt, {len(there.known.window)} dates"
    )
    return (Placebo(f"sibling {why}", rule.passes(found), found.pvalue, found.w, note),), ()


def sibling(here: Frame) -> tuple[Frame | None, str]:
    """(the latest 120 periods of the target with the sibling's values, its spec), or (None, why there is none)."""
    near = here.latest(ROWS)
    reasons = []
    for spec in here.series.siblings:
        try:
            other = open_series(spec)
        except SeepageError as error:
            reasons.append(f"{spec}: {error}")
            continue
        if (other.period, other.decimals) != (here.series.period, here.series.decimals):
            reasons.append(f"{spec}: another period or other decimals")
            continue
        values = _aligned(near, other.x, periods.ordinal(other.first, other.period))
        if reason := _unfit(near.known.window.x, values):
            reasons.append(f"{spec}: {reason}")
            continue
        return Frame(near.series, near.known.revalued(values), near.start), spec
    return None, "; ".join(reasons) or "the series names no sibling"


def _aligned(near: Frame, values: Floats, first: int) -> Floats:
    start = periods.ordinal(near.series.first, near.series.period) + near.start - first
    place = start + np.arange(len(near.known.window))
    inside = (place >= 0) & (place < len(values)) & near.known.window.published
    return np.where(inside, values[np.clip(place, 0, len(values) - 1)], np.nan)


def _unfit(x: Floats, values: Floats) -> str:
    both = ~np.isnan(x) & ~np.isnan(values)
    if both.sum() < COVERED * np.sum(~np.isnan(x)) or np.ptp(values[both]) == 0:
        return "too few values at these dates"
    r = float(np.corrcoef(x[both], values[both])[0, 1])
    return f"correlated with the series, r = {short(r)}" if abs(r) > UNRELATED else ""
