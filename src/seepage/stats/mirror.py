"""Does a model prefer the value of a date to its mirror image about the best forecast?

A forecaster who knows all but x_t finds x_t and the value as far on the other side of b*_t equally likely. Only who
has seen this very date leans to x_t. The lean is taken against dates with the same forecast, since a model may well
prefer low values, round values or short ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .blocks import block_flip
from .dates import Forecasters
from .proportions import wilson

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Mirror:
    """t: [n] dates that have a mirror.  lean: [n] e_t, nats.  w: share of e_t > 0, ties a half.  null: [B] of the mean
    lean, nats.  kept: share of the asked dates that have a mirror."""

    t: Ints
    lean: Floats
    w: float
    interval: tuple[float, float]
    pvalue: float
    null: Floats
    kept: float


def mirror_columns(known: Forecasters, columns: Floats) -> Ints:
    """[N] column of the published value nearest to 2 b*_t - x_t, other than x_t's own; -1 where none serves.

    columns: [V] values, ascending. None serves if it lies farther from the mirror point than max(q, |x_t - b*_t| / 10),
    or if |x_t - b*_t| < q / 4.
    """
    x, b, tick = known.window.x, known.exact[known.best], known.window.tick
    gap = np.abs(columns[None, :] - (2 * b - x)[:, None])
    gap[np.abs(columns[None, :] - x[:, None]) < tick / 4] = np.inf
    gap = np.where(np.isnan(gap), np.inf, gap)
    nearest = gap.argmin(axis=1)
    with np.errstate(invalid="ignore"):
        away = np.abs(x - b)
        serves = (gap.min(axis=1) <= np.maximum(tick, 0.1 * away) + 1e-9 * tick) & (away >= tick / 4)
    return np.where(serves, nearest, -1)


def mirror(
    known: Forecasters,
    logprob: Floats,
    own: Ints,
    columns: Floats,
    *,
    matched: int,
    n_resamples: int,
    rng: np.random.Generator,
    among: Ints | None = None,
) -> Mirror | None:
    """logprob: [N, V] nats, NaN rows where a date was not asked; own: [N] column of x_t, -1 at holes; columns: [V].

    e_t = delta_t - mean of delta_d over the `matched` other dates whose forecast is nearest, with delta_d =
    logprob[d, x_t] - logprob[d, mirror of x_t]. among: dates to judge (the neighbours are still all others).
    None where fewer than `matched` + 1 dates can be used.
    """
    asked = ~np.isnan(logprob[:, 0])
    image = mirror_columns(known, columns)
    rows = np.flatnonzero(asked)
    judged = asked & (own >= 0)
    if among is not None:
        judged &= np.isin(np.arange(len(own)), among)
    t = np.flatnonzero(judged & (image >= 0))
    if len(rows) <= matched or not len(t):
        return None
    delta = logprob[np.ix_(rows, own[t])] - logprob[np.ix_(rows, image[t])]  # [rows, dates]
    forecast = known.fitted[known.best]
    spread = known.window.tick * 1e-6
    # equal forecasts (a mean is the same for every date) are told apart by chance, not by their place in the file
    apart = np.abs(forecast[rows][:, None] - forecast[t][None, :]) + spread * rng.random((len(rows), len(t)))
    apart[rows[:, None] == t[None, :]] = np.inf
    alike = np.argpartition(apart, matched - 1, axis=0)[:matched]
    own_row = np.searchsorted(rows, t)
    lean = delta[own_row, np.arange(len(t))] - np.take_along_axis(delta, alike, axis=0).mean(axis=0)
    wins = float(np.sum(lean > 0) + np.sum(lean == 0) / 2)
    p, null = block_flip(lean, t, n_resamples=n_resamples, rng=rng)
    return Mirror(t, lean, wins / len(t), wilson(wins, len(t)), p, null, len(t) / int(judged.sum()))
