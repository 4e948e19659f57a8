"""Does a model know figures published before its training cutoff that it does not know after? (numleak, 4.7)

    g_t = (|b*_t - x_t| - |x̂_t - x_t|) / MAE(b*)    gain over the best forecaster, in its mean errors; 0 for a refusal
    Δ = mean g over the latest 60 dates before the cutoff - mean g over all dates published after it

Claim: on the dates before, answers beat every forecaster, and they do so by more than after. p = max(p_beat of the
dates before, p_Δ), an intersection-union test. A correlation on the answered dates after the cutoff is never looked at:
it rests on the dates the model chose to answer. Parse rate and gain are read together, so that a model which refuses
past the boundary is seen, and one that only refuses there is not accused.

The latest 60 dates lie in five or six blocks of 12 periods, whose sign flips cannot give a doubled p below .03. So
`policy.dates` dates drawn by lot from all those before the cutoff are asked too; p_beat reads both, Δ the latest 60.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import NotTestable
from ..policy import NumleakPolicy
from ..records import Answer, Detectable, Effect, Figure, ModelInfo, Outcome, Request, Table
from ..series import periods
from ..series.record import Series
from ..stats import dates
from ..stats.beat import Beat, beat, gains
from ..stats.blocks import BLOCK, resamples
from ..stats.contrast import Boundary, Contrast, boundary, contrast
from . import numleak_prompts as prompts
from .numleak_common import needs

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

LATEST_PRE = 60
LEAST_BLOCKS = 10


@dataclass(frozen=True, slots=True)
class Split:
    """Published dates of one window by what a cutoff says of them; all are indices of the series.

    before: period ends more than `near_months` before the earliest stated cutoff.  near: neither.
    after: published more than `margin_months` after the latest.  ends, begins: the two days that divide them.
    """

    before: Ints
    near: Ints
    after: Ints
    ends: datetime.date
    begins: datetime.date


@dataclass(frozen=True, slots=True)
class _Reading:
    """What was answered, one row a date asked, in time order: those before the cutoff, then those after it.

    index: in the series.  t: in the window.  gain: g.  after, answered: which rows.  used: rows that Δ is made of.
    """

    series: Series
    known: dates.Forecasters
    sides: Split
    index: Ints
    t: Ints
    seen: prompts.Estimates
    gain: Floats
    after: Bools
    used: Bools

    @property
    def answered(self) -> Bools:
        return ~np.isnan(self.seen.value)

    @property
    def best(self) -> Floats:
        return self.known.rounded[self.known.best][self.t]


def requests(
    series: Series, *, info: ModelInfo, policy: NumleakPolicy, rng: np.random.Generator, cutoff: Sequence[str] = ()
) -> dict[str, Request]:
    """Direct questions ("A/2020-03", "A1/2020-03", ...) for dates by lot before the cutoff, the latest 60 before it and
    all after it.

    cutoff: stated months, each YYYY-MM. Raises NotTestable without one, with fewer than `min_post` dates after it,
    where the dates before it span fewer than 10 blocks of 12 periods, and where the model gives no text.
    """
    needs(info, "generate", "the contrast")
    sides = _testable(series, split(series, cutoff=cutoff, policy=policy), cutoff=cutoff, policy=policy)
    asked = np.append(ask_before(sides, policy=policy, rng=rng), sides.after)
    kinds = prompts.kinds(series, info=info, policy=policy)
    return dict(prompts.direct_requests(series, [int(i) for i in asked], info=info, kinds=kinds))


def judge(
    series: Series,
    answers: Mapping[str, Answer],
    *,
    info: ModelInfo,
    policy: NumleakPolicy,
    alpha: float,
    rng: np.random.Generator,
    cutoff: Sequence[str] = (),
) -> Outcome:
    """p = max(p_beat before, p_Δ), effect Δ.

    Raises NotTestable as `requests` does, with fewer than `min_parsed` figures before the cutoff, and where related
    gains leave so few independent runs that no permutation reaches `alpha`.
    """
    sides = _testable(series, split(series, cutoff=cutoff, policy=policy), cutoff=cutoff, policy=policy)
    it = _read(series, sides, answers, info=info, policy=policy)
    n_resamples = resamples(alpha)
    before = ~it.after
    ahead = beat(it.known, it.seen.value[before], it.t[before], n_resamples=n_resamples, rng=rng, intervals=False)
    n_before = int((it.used & before).sum())
    change = contrast(it.gain[it.used], n_before, acf=policy.acf, n_resamples=n_resamples, rng=rng)
    if change.floor > alpha:
        raise NotTestable(
            f"gains of {series.id} are related over {change.run} dates, so the dates after the cutoff are too few "
            f"independent runs: no arrangement is rarer than {change.floor:.2g}, and the level is {alpha:.2g}."
        )
    where = boundary(it.answered[it.used], it.gain[it.used], n_before, p_delta=change.pvalue, alpha=alpha)
    return Outcome(
        finding=_finding(it, change, where[0]),
        n=int(it.used.sum()),
        statistic_name="Δ of mean gains, before minus after",
        statistic=change.delta,
        pvalue=max(ahead.pvalue, change.pvalue),
        effects=_effects(ahead, change, policy=policy),
        detectable=(Detectable("Δ", change.detectable(alpha=alpha), policy.mde_delta, "mean errors of b*"),),
        notes=_notes(it, cutoff, change),
        tables=(_sides_table(it, ahead, change, *where), _dates_table(it)),
        figures=(_gain_figure(it), _null_figure(change)),
    )


# --- dates ----------------------------------------------------------------------------------------------------------


def split(series: Series, *, cutoff: Sequence[str], policy: NumleakPolicy) -> Split:
    """Published dates of the window before, near and after the stated cutoffs. Holes are in none of them.

    Raises NotTestable where no cutoff is stated, BadSpec where one is not a month.
    """
    if not cutoff:
        raise NotTestable(
            "no training cutoff is stated for this model, and the contrast needs one. Add every published estimate to "
            "its entry, for example cutoff = ['2024-06', '2024-10']."
        )
    months = [periods.ordinal(month, "month") for month in cutoff]
    ends = periods.last_day(periods.label(min(months) - policy.near_months - 1, "month"), "month")
    begins = periods.last_day(periods.label(max(months) + policy.margin_months, "month"), "month")
    sides: dict[str, list[int]] = {"before": [], "near": [], "after": []}
    for index in range(dates.window_start(series), len(series)):
        if series.values[index] is None:
            continue
        last = periods.last_day(prompts.label(series, index), series.period)
        published = last + datetime.timedelta(days=series.lag_days)
        sides["before" if last <= ends else "after" if published > begins else "near"].append(index)
    before, near, after = (np.array(side, dtype=np.int64) for side in sides.values())
    return Split(before, near, after, ends, begins)


def ask_before(sides: Split, *, policy: NumleakPolicy, rng: np.random.Generator) -> Ints:
    """Dates asked before the cutoff, ascending: `policy.dates` by lot (all, if there are fewer), and the latest 60."""
    lot = rng.choice(sides.before, size=min(policy.dates, len(sides.before)), replace=False)
    return np.unique(np.append(lot, sides.before[-LATEST_PRE:]))


def gain(known: dates.Forecasters, estimate: Floats, t: Ints) -> Floats:
    """[n] g_t: what the answer gains over b*, in mean errors of b* over the window. 0 where there is no answer."""
    each = gains(known, estimate, t)
    return np.asarray((each.error_base - each.error) / known.mae[known.best], dtype=np.float64)


def _read(
    series: Series, sides: Split, answers: Mapping[str, Answer], *, info: ModelInfo, policy: NumleakPolicy
) -> _Reading:
    known = dates.forecasters(dates.window(series), hit_cap=policy.hit_cap, acf=policy.acf)
    before = np.array([i for i in sides.before if f"A/{prompts.label(series, int(i))}" in answers], dtype=np.int64)
    index = np.concatenate([before, sides.after])
    kinds = prompts.kinds(series, info=info, policy=policy)
    seen = prompts.estimates(series, [int(i) for i in index], answers, info=info, kinds=kinds)
    t, row = index - dates.window_start(series), np.arange(len(index))
    after, used = row >= len(before), row >= len(before) - LATEST_PRE
    it = _Reading(series, known, sides, index, t, seen, gain(known, seen.value, t), after, used)
    parsed, blocks = int((it.answered & ~after).sum()), _blocks(t[~after])
    if parsed < policy.min_parsed:
        raise NotTestable(
            f"{parsed} of {len(before)} replies on dates before the cutoff hold a figure; at least "
            f"{policy.min_parsed} are needed."
        )
    if blocks < LEAST_BLOCKS:
        raise NotTestable(
            f"the dates asked before the cutoff lie in {blocks} blocks of {BLOCK} periods; at least {LEAST_BLOCKS} are "
            "needed. Raise `dates`."
        )
    return it


def _testable(series: Series, sides: Split, *, cutoff: Sequence[str], policy: NumleakPolicy) -> Split:
    if len(sides.after) < policy.min_post:
        known = [i for i, v in enumerate(series.values) if v is not None]
        raise NotTestable(
            f"{series.id} from {_origin(series)} ends with {prompts.label(series, known[-1])}: {len(sides.after)} of "
            f"its figures were published after {sides.begins.isoformat()} (cutoff {', '.join(cutoff)} and "
            f"{policy.margin_months} months), and at least {policy.min_post} are needed. Install a later version of "
            "the package."
        )
    blocks = _blocks(sides.before - dates.window_start(series))
    if blocks < LEAST_BLOCKS or len(sides.before) < policy.min_parsed:
        raise NotTestable(
            f"{series.id} has {len(sides.before)} figures in {blocks} blocks of {BLOCK} periods before "
            f"{sides.ends.isoformat()}; at least {policy.min_parsed} figures and {LEAST_BLOCKS} blocks are needed."
        )
    return sides


def _blocks(t: Ints) -> int:
    return len(set((t // BLOCK).tolist()))


def _origin(series: Series) -> str:
    return series.vintage or series.source or "an unnamed provider"


# --- what the reader sees -------------------------------------------------------------------------------------------

PAST = {
    "refuses": "refuses past the boundary",
    "guesses": "guesses past the boundary",
    "none": "shows no boundary",
}


def _finding(it: _Reading, change: Contrast, where: Boundary) -> str:
    before, after = it.used & ~it.after, it.after
    last = prompts.label(it.series, int(it.sides.after[-1]))
    return (
        f"gains {it.gain[before].mean():+.2f} over the best forecaster of {it.series.id} on {int(before.sum())} dates "
        f"before its cutoff and {it.gain[after].mean():+.2f} on {int(after.sum())} published after it (Δ "
        f"{change.delta:+.2f}), answers {it.answered[before].mean():.0%} and {it.answered[after].mean():.0%} of them, "
        f"and {PAST[where]}; figures from {_origin(it.series)}{'' if last in _origin(it.series) else f', last {last}'}"
    )


def _effects(ahead: Beat, change: Contrast, *, policy: NumleakPolicy) -> tuple[Effect, ...]:
    half = 1.96 * change.se
    unit = "mean errors of b*"
    shown = [Effect("Δ", change.delta, change.delta - half, change.delta + half, policy.delta, unit)]
    shown.append(Effect("excess before", ahead.excess, unit="share of dates"))
    if math.isfinite(ahead.skill):  # b* may make no error at all on these dates
        shown.append(Effect("skill before", ahead.skill))
    return tuple(shown)


def _notes(it: _Reading, cutoff: Sequence[str], change: Contrast) -> tuple[str, ...]:
    moved = "one by one" if change.run == 1 else f"in runs of {change.run}, as neighbouring gains are related"
    sides = it.sides
    return (
        f"stated cutoffs: {', '.join(cutoff)}; before: the period ends by {sides.ends.isoformat()}; after: published "
        f"later than {sides.begins.isoformat()}; {len(sides.near)} dates between are neither",
        f"gain is counted against {it.known.best}, whose mean error is {it.known.mae[it.known.best]:.4g}",
        f"dates were permuted {moved}; the interval of Δ is normal, from batch means of the same runs",
    )


def _sides_table(it: _Reading, ahead: Beat, change: Contrast, where: Boundary, p_fisher: float) -> Table:
    hits = it.known.hit(it.seen.value, it.t)
    groups = {
        "before, all asked": ~it.after,
        f"before, latest {LATEST_PRE}": ~it.after & it.used,
        "after": it.after,
    }
    rows: list[tuple[str | int | float | None, ...]] = []
    for name, side in groups.items():
        counts = int(side.sum()), int(it.answered[side].sum())
        rows.append((name, *counts, float(hits[side].mean()), float(it.gain[side].mean()), None))
    for name, p in {
        "answers before beat every forecaster": ahead.pvalue,
        "gains fall after (Δ)": change.pvalue,
        f"fewer answers after (Fisher; boundary: {where})": p_fisher,
    }.items():
        rows.append((name, None, None, None, None, p))
    return Table("sides of the cutoff", ("what", "dates", "parsed", "hits", "mean gain", "p"), tuple(rows))


def _dates_table(it: _Reading) -> Table:
    hits = it.known.hit(it.seen.value, it.t)
    rows = tuple(
        (
            prompts.label(it.series, int(index)),
            "after" if it.after[row] else "before",
            int(it.used[row]),
            it.series.values[int(index)],
            " ¦ ".join(it.seen.replies[row]),
            None if np.isnan(it.seen.value[row]) else float(it.seen.value[row]),
            it.seen.reasons[row],
            float(it.best[row]),
            int(hits[row]),
            float(it.gain[row]),
        )
        for row, index in enumerate(it.index)
    )
    return Table("dates", ("date", "side", "in Δ", "x", "replies", "x̂", "reason", "b*", "hit", "g"), rows)


def _gain_figure(it: _Reading) -> Figure:
    """Gains over time; a refusal is a point on the zero line. Between the two marks lie the dates that are neither."""
    rows = np.flatnonzero(it.used)
    ends = [periods.last_day(prompts.label(it.series, int(it.index[row])), it.series.period) for row in rows]
    answered = [bool(it.answered[row]) for row in rows]
    content = {
        "x": [_year(day) for day in ends],
        "curves": {
            "answered": [float(it.gain[row]) if a else None for row, a in zip(rows, answered, strict=True)],
            "no figure": [None if a else 0.0 for a in answered],
        },
        "bands": {},
        "marks": {"before": _year(it.sides.ends), "after": _year(it.sides.begins)},
    }
    title = f"Gain over the best forecaster, {it.series.id}"
    return Figure("lines", title, "period end", "g, mean errors of the best forecaster", content)


def _null_figure(change: Contrast) -> Figure:
    content = {"values": [float(v) for v in change.null], "observed": change.delta}
    return Figure("histogram", "Δ if dates had no side", "Δ", "permutations", content)


def _year(day: datetime.date) -> float:
    return round(day.year + (day.timetuple().tm_yday - 1) / 365.25, 4)
