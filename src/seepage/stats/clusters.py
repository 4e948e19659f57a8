"""Bootstrap by whole clusters of any smooth function of sums: intervals (BCa) and one-sided tests (studentised).

Items of one passage are not independent, so a draw takes a cluster or leaves it. A statistic here is a function of the
column sums over all items that does not change when all sums are doubled (a mean, a ratio), which makes one pass over
the draws enough for every statistic of a table.

BCa after Efron, "Better bootstrap confidence intervals", JASA 82 (1987) 171-185, acceleration from the jackknife over
clusters; the test is the bootstrap-t of Hall, "The bootstrap and Edgeworth expansion" (1992), section 3.10, with the
linearised cluster-robust standard error of every draw.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from ..errors import NotTestable
from .blocks import pvalue

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Statistic = Callable[[Floats], Floats]  # [..., p] sums -> [...] values

FLAT = 1e-7  # a difference or standard error below this is the rounding of none
ROWS = 2_000_000  # drawn clusters held at once
ALIKE = 3  # clusters a type; from there on the multinomial is faster than counting drawn numbers (measured)


@dataclass(frozen=True, slots=True)
class Clustered:
    """Sums of p columns over clusters. types: [n_types, p], each distinct row once; counts: [n_types] clusters of it.

    Most clusters look like another one (a bench of single items has a handful of types), and drawing how many of each
    type is drawing clusters.
    """

    types: Floats
    counts: Ints

    @property
    def n_clusters(self) -> int:
        return int(self.counts.sum())

    @property
    def total(self) -> Floats:
        """[p] sums over all items."""
        return np.asarray(self.counts @ self.types, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Draws:
    """Resamples of one `Clustered`. sums: [B, p]; squares: [B, p, p] sums of outer products of the drawn clusters."""

    sums: Floats
    squares: Floats


def cluster_sums(columns: Floats, clusters: Ints) -> Clustered:
    """columns: [n, p], any unit; clusters: [n] labels.

    Raises ValueError on other shapes, NotTestable under 2 clusters.
    """
    if columns.ndim != 2 or clusters.shape != (len(columns),):
        raise ValueError(f"columns are [n, p] and clusters [n], got {columns.shape} and {clusters.shape}")
    labels, place = np.unique(clusters, return_inverse=True)
    if len(labels) < 2:
        raise NotTestable(
            f"{len(columns)} items lie in {len(labels)} cluster(s); a bootstrap over clusters needs at least 2. "
            "Give items of further passages."
        )
    sums = np.stack([np.bincount(place, weights=column) for column in columns.T], axis=1)
    types, counts = np.unique(sums.round(12), axis=0, return_counts=True)
    return Clustered(np.asarray(types, dtype=np.float64), counts.astype(np.int64))


def draw(table: Clustered, *, n_resamples: int, rng: np.random.Generator) -> Draws:
    """n_resamples draws of as many clusters as there are, with replacement."""
    types, p = table.types, table.types.shape[1]
    products = (types[:, :, None] * types[:, None, :]).reshape(len(types), p * p)
    both = np.concatenate([types, products], axis=1)
    step = max(1, ROWS // table.n_clusters)
    drawn = np.empty((n_resamples, both.shape[1]))
    for start in range(0, n_resamples, step):
        size = min(step, n_resamples - start)
        drawn[start : start + size] = _times(table, size, rng) @ both
    return Draws(drawn[:, :p], drawn[:, p:].reshape(n_resamples, p, p))


def _times(table: Clustered, size: int, rng: np.random.Generator) -> Floats:
    """[size, n_types] how often each type is drawn. Two ways to the same distribution: few types, or many."""
    n_types, n_clusters = len(table.types), table.n_clusters
    if n_clusters >= ALIKE * n_types:
        return rng.multinomial(n_clusters, table.counts / n_clusters, size=size).astype(np.float64)
    kind = np.repeat(np.arange(n_types), table.counts)
    drawn = kind[rng.integers(0, n_clusters, size=(size, n_clusters))] + n_types * np.arange(size)[:, None]
    return np.bincount(drawn.ravel(), minlength=size * n_types).reshape(size, n_types).astype(np.float64)


def gradient(statistic: Statistic, sums: Floats) -> Floats:
    """[..., p] derivative of the statistic by each sum, by central differences.

    The step is a hundred-thousandth of an item's weight in the first column's sum, which must be the number of items.
    """
    step = 1e-5 * np.maximum(sums[..., :1], 1.0)
    p = sums.shape[-1]
    shifts = step * np.eye(p).reshape(p, *[1] * (sums.ndim - 1), p)  # [p, ..., p]
    rise = statistic(sums + shifts) - statistic(sums - shifts)
    return np.moveaxis(rise, 0, -1) / (2 * step)


def standard_errors(statistic: Statistic, sums: Floats, squares: Floats, *, n_clusters: int) -> Floats:
    """[...] linearised standard error: each cluster's influence is gradient . its sums, and those add up to nothing."""
    slope = gradient(statistic, sums)
    spread = np.einsum("...i,...ij,...j->...", slope, squares, slope)
    error = np.sqrt(np.maximum(spread, 0.0) * n_clusters / (n_clusters - 1))
    return np.where(error < FLAT, 0.0, error)


def standard_error(statistic: Statistic, table: Clustered) -> float:
    """Of the statistic on the data themselves."""
    squares = (table.types * table.counts[:, None]).T @ table.types
    return float(standard_errors(statistic, table.total, squares, n_clusters=table.n_clusters))


def studentised(statistic: Statistic, table: Clustered, draws: Draws, *, null: float) -> float:
    """One-sided p of statistic > null: share of draws whose (drawn - observed) / se(drawn) reaches the observed t.

    No standard error counts as less than one cluster's weight, 1 / n_clusters (a statistic that is a share of items):
    a draw that happens to hold no failure would else have an infinite t, and a recogniser that fails on five of 240
    items would have p = .002 at best, the chance of such a draw. Without any spread a value above the null has the
    smallest p there is, one at or below it p = 1.
    """
    observed = float(statistic(table.total))
    se = standard_error(statistic, table)
    if se == 0.0 and observed <= null + FLAT:
        return 1.0
    least = 1.0 / table.n_clusters
    errors = standard_errors(statistic, draws.sums, draws.squares, n_clusters=table.n_clusters)
    values = statistic(draws.sums)
    return pvalue((values - observed) / np.maximum(errors, least), (observed - null) / max(se, least))


def bca(statistic: Statistic, table: Clustered, draws: Draws, *, level: float = 0.95) -> tuple[float, float]:
    """Bias-corrected and accelerated interval of the statistic; draws where it is not defined (NaN) are left out.

    Where no draw differs from the observed value, both ends are that value: the data show no spread to work with.
    """
    observed = float(statistic(table.total))
    drawn = statistic(draws.sums)
    drawn = drawn[np.isfinite(drawn)]
    same = np.abs(drawn - observed) < FLAT
    if same.all():
        return observed, observed
    below = float(np.mean((drawn < observed) & ~same) + np.mean(same) / 2)
    z0 = ndtri(np.clip(below, 1 / (1 + len(drawn)), len(drawn) / (1 + len(drawn))))
    acceleration = _acceleration(statistic, table)
    ends = []
    for z in ndtri([(1 - level) / 2, (1 + level) / 2]):
        bent = 1 - acceleration * (z0 + z)
        ends.append(float(ndtr(z0 + (z0 + z) / bent)) if bent > 0 else (0.0 if z < 0 else 1.0))
    low, high = np.quantile(drawn, ends)
    return float(low), float(high)


def _acceleration(statistic: Statistic, table: Clustered) -> float:
    """Skewness of the jackknife over clusters, / 6."""
    left = statistic(table.total - table.types)
    known = np.isfinite(left)
    left, counts = left[known], table.counts[known]
    gap = np.average(left, weights=counts) - left
    spread = float(counts @ gap**2)
    return float(counts @ gap**3) / (6 * spread**1.5) if spread > FLAT**2 else 0.0


def power_quantiles(alpha: float, *, power: float = 0.8) -> float:
    """z(1 - alpha) + z(power): standard errors that a one-sided test at `alpha` needs to find in `power` of runs."""
    if not (0 < alpha < 1 and 0 < power < 1):
        raise ValueError(f"alpha and power lie in (0, 1), got {alpha} and {power}")
    return math.fsum(float(z) for z in ndtri([1 - alpha, power]))
