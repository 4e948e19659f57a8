"""Do gains fall at a boundary in time? A permutation test of two adjacent stretches of dates that minds their memory.

    contrast(g, 60, ...)      g: [74] gains in time order, 60 before the boundary and 14 after

Dates are permuted one by one, or in runs where neighbouring gains are related. The autocorrelation is taken within each
side: a step at the boundary, which is the effect, must not lengthen the runs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .blocks import BLOCK, pvalue

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Boundary = Literal["refuses", "guesses", "none"]

_CHUNK = 2_000  # permutations held in memory at once


@dataclass(frozen=True, slots=True)
class Contrast:
    """delta: mean before minus mean after.  pvalue: one-sided.  se: standard error of delta, by batch means.
    run: dates moved together.  floor: smallest p that this number of runs can give.  null: [B] permuted differences."""

    delta: float
    pvalue: float
    se: float
    run: int
    floor: float
    null: Floats

    def detectable(self, *, alpha: float, power: float = 0.8) -> float:
        """Smallest difference found with this power at level alpha: (z_{1-alpha} + z_power) * se."""
        from scipy.stats import norm

        return float((norm.ppf(1 - alpha) + norm.ppf(power)) * self.se)


def contrast(g: Floats, n_before: int, *, acf: float, n_resamples: int, rng: np.random.Generator) -> Contrast:
    """Permutation test of mean g before - mean g after > 0.

    g: [n] gains in time order, the first n_before of them before. Dates are permuted one by one, or in runs where their
    neighbours are related: a run is as long as the first lag at which the autocorrelation of g within its side falls
    below `acf`, at most 12 dates. Runs are cut outward from the boundary, so that none lies across it.
    Raises ValueError where a side has fewer than 2 dates.
    """
    rest = _within(g, n_before)
    length = run_length(rest, n_before, acf=acf)
    delta = float(g[:n_before].mean() - g[n_before:].mean())
    null = np.empty(n_resamples)
    for start in range(0, n_resamples, _CHUNK):
        order = _orders(n_before, len(g) - n_before, length, min(_CHUNK, n_resamples - start), rng)
        moved = g[order]
        null[start : start + len(order)] = moved[:, :n_before].mean(axis=1) - moved[:, n_before:].mean(axis=1)
    spread = [_mean_variance(side, length) for side in (rest[:n_before], rest[n_before:])]
    runs = [-(-side // length) for side in (n_before, len(g) - n_before)]
    floor = 1 / math.comb(sum(runs), runs[1])  # the rarest arrangement
    return Contrast(delta, max(floor, pvalue(null, delta)), math.sqrt(sum(spread)), length, floor, null)


def run_length(rest: Floats, n_before: int, *, acf: float) -> int:
    """Dates that are moved together: first lag (1 .. 12) whose pooled within-side autocorrelation is below `acf`."""
    total = float(rest @ rest)
    if total == 0:
        return 1
    for lag in range(1, BLOCK):
        pairs = sum(float(side[:-lag] @ side[lag:]) for side in (rest[:n_before], rest[n_before:]) if len(side) > lag)
        if pairs / total < acf:
            return lag
    return BLOCK


def boundary(answered: Bools, g: Floats, n_before: int, *, p_delta: float, alpha: float) -> tuple[Boundary, float]:
    """What happens at the cutoff, and Fisher's exact p (one-sided) for fewer answers after it.

    `refuses`: fewer replies hold a figure after it.  `guesses`: gains fall there and are no better than the best
    forecaster's.  `none`: neither, at level alpha.
    """
    from scipy.stats import fisher_exact

    counts = [[int(side.sum()), int((~side).sum())] for side in (answered[:n_before], answered[n_before:])]
    p_fisher = float(fisher_exact(counts, alternative="greater").pvalue)
    if p_fisher <= alpha:
        return "refuses", p_fisher
    if p_delta <= alpha and float(g[n_before:].mean()) <= 0:
        return "guesses", p_fisher
    return "none", p_fisher


def _within(g: Floats, n_before: int) -> Floats:
    """g minus the mean of its own side: a step at the boundary is no autocorrelation."""
    if n_before < 2 or len(g) - n_before < 2:
        raise ValueError(f"a contrast needs 2 dates on either side, not {n_before} and {len(g) - n_before}")
    return np.concatenate([side - side.mean() for side in (g[:n_before], g[n_before:])])


def _orders(n_before: int, n_after: int, length: int, size: int, rng: np.random.Generator) -> Ints:
    """[size, n] orders of the dates with runs of `length` kept together."""
    n = n_before + n_after
    if length == 1:
        return np.argsort(rng.random((size, n)), axis=1)
    first = n_before % length or length  # runs are cut outward from the boundary
    starts = np.unique(np.concatenate([[0], np.arange(first, n_before, length), np.arange(n_before, n, length)]))
    ends = np.append(starts[1:], n)
    padded = np.full((len(starts), length), -1)
    for row, (start, end) in enumerate(zip(starts, ends, strict=True)):
        padded[row, : end - start] = np.arange(start, end)
    drawn = padded[np.argsort(rng.random((size, len(starts))), axis=1)].reshape(size, -1)
    return drawn[drawn >= 0].reshape(size, n)


def _mean_variance(rest: Floats, length: int) -> float:
    """Variance of the mean of one side from sums over its runs (batch means); 0 where nothing varies."""
    sums = np.add.reduceat(rest, np.arange(0, len(rest), length))
    return float(np.sum(sums**2) / len(rest) ** 2 * len(sums) / max(1, len(sums) - 1))
