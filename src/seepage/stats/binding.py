"""Is a value bound to its date in a model's log-probabilities? The date x value matrix and its whole rule.

L[t, v] is the log-probability (nats, summed over tokens) of the published value v under the question for date t, v
running over all values of the window. Centring each column takes away the prior, the length, the sign and the digit
habits of a value. What is left at (t, x_t) is knowledge of the date: of its level (p_bind fires on that too) or of this
very value (the mirror test).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

from ..errors import NotTestable
from .blocks import pvalue
from .dates import Forecasters, Window
from .mirror import Mirror, mirror
from .shifts import ShiftNull, shift_null, shift_set, shifted

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Binding:
    """shift: D(0), nats, and its null.  pvalue = max(shift.block, mirror.pvalue).  share: effect w."""

    shift: ShiftNull
    mirror: Mirror

    @property
    def pvalue(self) -> float:
        return max(self.shift.block, self.mirror.pvalue)

    @property
    def w(self) -> float:
        return self.mirror.w

    def passes(self, *, alpha: float, win: float) -> bool:
        """The whole rule: significant at the cell's level, and w at its margin or above."""
        return self.w >= win and self.pvalue <= alpha


def value_columns(window: Window) -> Floats:
    """[V] distinct published values of a window, ascending: the columns of its matrix, always in this order."""
    return np.unique(window.x[window.published])


def own_columns(window: Window, columns: Floats) -> Ints:
    """[N] column of each date's own value; -1 at a hole. Raises ValueError where a value has no column."""
    place = np.clip(np.searchsorted(columns, window.x - window.tick / 4), 0, len(columns) - 1)
    missed = window.published & ~(np.abs(columns[place] - window.x) < window.tick / 4)
    if missed.any():
        raise ValueError(f"no column holds the value {window.x[missed][0]}")
    return np.where(window.published, place, -1)


def bound(window: Window, logprob: Floats, columns: Floats) -> Floats:
    """[N, N] column-centred log-probability, nats, of the value of date j (column) under the question for date i (row);
    NaN where i was not asked or j is a hole."""
    own = own_columns(window, columns)
    centred = logprob - np.nanmean(logprob, axis=0)
    return np.where(own[None, :] >= 0, centred[:, own], np.nan)


def binding(
    known: Forecasters,
    logprob: Floats,
    columns: Floats,
    *,
    matched: int,
    n_resamples: int,
    rng: np.random.Generator,
    among: Ints | None = None,
) -> Binding:
    """p_bind (block-shift null of D(0)) and the mirror test. logprob: [N, V], NaN rows where a date was not asked.

    among: dates to judge, all by default; columns are centred and neighbours found over every asked date.
    Raises NotTestable where the window has no shifts or too few dates with a mirror.
    """
    window = known.window
    table = bound(window, logprob, columns)
    t = np.flatnonzero(~np.isnan(np.diagonal(table)))
    if among is not None:
        t = np.intersect1d(t, among)
    if not len(t):
        raise NotTestable("no date of the window was asked.")
    shifts = shift_set(len(window), k0=known.k0, season=window.season)
    at_shift = table[t[:, None], shifted(t, shifts, n=len(window), season=window.season)]
    shift = shift_null(np.diagonal(table)[t], at_shift, t, k0=known.k0, n_resamples=n_resamples, rng=rng)
    own = own_columns(window, columns)
    lean = mirror(known, logprob, own, columns, matched=matched, n_resamples=n_resamples, rng=rng, among=t)
    if lean is None:
        raise NotTestable(
            f"too few of {len(t)} dates have a mirror value, or {matched} neighbours by forecast. Give more rows."
        )
    return Binding(shift, lean)


def shift_curve(table: Floats, reach: int) -> tuple[Ints, Floats]:
    """(shifts -reach .. reach, mean of `table`[t, t + k] over the dates that have one), nats. table: see `bound`."""
    shifts = np.arange(-reach, reach + 1)
    return shifts, np.array([np.nanmean(np.diagonal(table, int(k))) for k in shifts])


def detectable_win(n: int, *, alpha: float, power: float = 0.8) -> float:
    """w* = .5 + (z_{1 - alpha} + z_power) / (2 sqrt n): smallest w found with that power."""
    return float(0.5 + (norm.ppf(1 - alpha) + norm.ppf(power)) / (2 * math.sqrt(n)))


def column_ranks(known: Forecasters, logprob: Floats, columns: Floats) -> Floats:
    """[N] share of far dates (>= k0 periods away, another value, the same month of a seasonal series) whose question
    makes x_t likelier than its own date's does; ties a half, NaN where there is none. 0 is best, .5 is chance."""
    window = known.window
    own = own_columns(window, columns)
    asked = ~np.isnan(logprob[:, 0])
    here = logprob[:, own]  # [d, t]
    at_own = np.diagonal(here)[None, :]
    count = np.arange(len(window))
    far = np.abs(count[:, None] - count[None, :]) >= known.k0
    far &= (own[:, None] != own[None, :]) & asked[:, None] & (asked & (own >= 0))[None, :]
    if window.season:
        far &= window.phase[:, None] == window.phase[None, :]
    with np.errstate(invalid="ignore"):
        above = np.where(far, (here > at_own) + 0.5 * (here == at_own), 0.0).sum(axis=0)
    return np.where(far.any(axis=0), above / np.maximum(far.sum(axis=0), 1), np.nan)


def top_of_five(known: Forecasters, table: Floats, *, rng: np.random.Generator) -> float:
    """Share of dates whose own value scores above those of 4 dates at least k0 away with other values; chance .20.

    table: see `bound`; column-centred, so a value that is likely everywhere is no strong rival.
    """
    x, wins = known.window.x, []
    count = np.arange(len(x))
    for t in np.flatnonzero(~np.isnan(np.diagonal(table))):
        far = (np.abs(count - t) >= known.k0) & ~np.isnan(x) & (x != x[t])
        values, first = np.unique(x[far], return_index=True)
        if len(values) >= 4:
            rivals = rng.choice(count[far][first], size=4, replace=False)
            wins.append(float(np.all(table[t, t] > table[t, rivals])))
    return float(np.mean(wins)) if wins else math.nan


def dose_trend(dose: Ints, score: Floats, *, n_resamples: int, rng: np.random.Generator) -> tuple[float, float, Floats]:
    """(Spearman's rho of dose and score, one-sided p by permuting doses over dates, null [B]); exact, since doses were
    randomized. score: [n], larger = better known."""
    a, b = rankdata(dose), rankdata(score)
    a, b = (a - a.mean()) / a.std(), (b - b.mean()) / b.std()
    observed = float(a @ b / len(a))
    null = np.array([rng.permutation(a) @ b / len(a) for _ in range(n_resamples)])
    return observed, pvalue(null, observed), null
