"""Tests and intervals that keep a calendar's memory: whole blocks of periods are flipped, permuted or drawn again.

Values next to each other in time are not independent, so a sign, a permutation or a bootstrap draw is given to a block
of 12 periods, never to one date. Dates carry their own block, so a shuffled or thinned set of dates gives the same p.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BLOCK = 12  # periods
LEAST_RESAMPLES = 9_999


def resamples(alpha: float) -> int:
    """Draws at level `alpha`: max(9999, 20 / alpha). Fewer, and a doubled p could not get below a small alpha."""
    return max(LEAST_RESAMPLES, math.ceil(20 / alpha))


def pvalue(null: Floats, observed: float) -> float:
    """(1 + #{null >= observed}) / (1 + len(null)), hence never 0: the observed value is one of its own draws."""
    slack = 1e-9 * max(1.0, abs(observed))  # a draw that repeats the observed one must count, whatever the sum's order
    return float((1 + np.count_nonzero(null >= observed - slack)) / (1 + len(null)))


def block_sums(values: Floats, t: Ints, *, length: int = BLOCK) -> Floats:
    """[n_blocks, ...] sums of `values` ([n, ...]) over calendar blocks; t: [n] period counts, any order."""
    _, block = np.unique(np.asarray(t) // length, return_inverse=True)
    member = block[None, :] == np.arange(int(block.max()) + 1)[:, None]
    return np.asarray(member.astype(np.float64) @ values, dtype=np.float64)


def flip_signs(n_blocks: int, *, n_resamples: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """[n_resamples, n_blocks] of +1 and -1."""
    return (rng.integers(0, 2, size=(n_resamples, n_blocks), dtype=np.int8) * 2 - 1).astype(np.float32)


def block_flip(
    values: Floats, t: Ints, *, length: int = BLOCK, n_resamples: int, rng: np.random.Generator
) -> tuple[float, Floats]:
    """One-sided sign-flip test of mean(values) > 0, one sign a block.

    values: [n], any unit; t: [n] period counts. Returns (p, null [n_resamples] of the mean, same unit).
    """
    sums = block_sums(values, t, length=length)
    null = flip_signs(len(sums), n_resamples=n_resamples, rng=rng).astype(np.float64) @ sums / len(values)
    return pvalue(null, float(np.mean(values))), null


def block_order(n: int, *, length: int, rng: np.random.Generator) -> Ints:
    """[n] indices 0 .. n-1 with whole runs of `length` moved: a permutation that keeps short memory."""
    moved = rng.permutation(np.arange(0, n, length))[:, None] + np.arange(length)
    return moved[moved < n]


def deranged_blocks(n: int, *, length: int, rng: np.random.Generator) -> Ints:
    """[n] period that each period moves to when whole blocks of `length` change places and none stays, so that every
    move is at least `length` long; -1 in the rest after the last whole block, and everywhere if there is one block."""
    n_blocks = n // length
    target = np.full(n, -1)
    if n_blocks < 2:
        return target
    place = np.arange(n_blocks)
    order = rng.permutation(n_blocks)
    while (order == place).any():
        order = rng.permutation(n_blocks)
    inside = np.arange(n_blocks * length)
    target[inside] = order[inside // length] * length + inside % length
    return target


def block_permutation(
    statistic: Callable[[Ints], float], n: int, *, length: int, n_resamples: int, rng: np.random.Generator
) -> tuple[float, Floats]:
    """One-sided permutation test: statistic(order) for orders of n dates, large values count.

    length: 1 permutes dates, 12 whole blocks of 12 dates. Returns (p, null [n_resamples]).
    """
    null = np.array([statistic(block_order(n, length=length, rng=rng)) for _ in range(n_resamples)])
    return pvalue(null, statistic(np.arange(n))), null


def block_bootstrap(
    columns: Floats,
    t: Ints,
    combine: Callable[[Floats], Floats],
    *,
    level: float = 0.95,
    n_resamples: int = 2_000,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Percentile interval of any function of sums over dates, drawn in calendar blocks of 12 periods.

    columns: [n, c] per-date terms.  combine: [B, c] resampled sums -> [B] statistic (NaN draws are left out, and if
    none is left both ends are NaN).
    """
    sums = block_sums(columns, t)
    times = rng.multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=n_resamples)
    with np.errstate(invalid="ignore", divide="ignore"):
        drawn = combine(times.astype(np.float64) @ sums)
    drawn = drawn[np.isfinite(drawn)]
    if not len(drawn):
        return math.nan, math.nan
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
