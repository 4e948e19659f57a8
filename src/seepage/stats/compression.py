"""What did compression cost: answers given, options picked, and the first beyond the second?

    net drop = mean(y_g of the dense model - y_g of its twin)              share of items, generation
    k(model) = (mean c - e) / (1 - e)                                      knowledge as multiple choice sees it
    I        = net drop - (k(dense) - k(twin))                             share of items

c and e are those of `recognition`, e of each model by itself; where both guess alike that is the specification's
I = (drop of y_g) - (drop of y_m) / (1 - g). Without a correction multiple choice falls only (K-1)/K as fast by
construction. Chosen by simulation (docs/calibration-mc-generation.md): an equal loss of knowledge keeps I at 0 with
each model's own e, also where the twin lost its shortcuts; with one e for both it does not. As e is never set
below 0, noise in it pulls I a little below 0 where there are no shortcuts: the interval then misses on the safe side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from .clusters import Statistic, bca, cluster_sums, draw, standard_error, studentised
from .recognition import (
    Marks,
    above_chance,
    class_of,
    excess,
    own_shortcut,
    refuse_answers_in_options,
)

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DENSE, TWIN = (0, 2, 3, 4, 5), (0, 6, 7, 8, 9)  # places of n, w, c, x, w x of either model in `_pair_columns`


@dataclass(frozen=True, slots=True)
class Paired:
    """Items right before and wrong after (lost), the reverse (gained), and McNemar's exact one-sided p of a loss."""

    lost: int
    gained: int
    pvalue: float


@dataclass(frozen=True, slots=True)
class Interaction:
    """value: I with its BCa interval (95 %), p of I > 0 and standard error.  net_drop: of generation, with its own.

    mc_drop: loss of knowledge as multiple choice sees it.  table: [4][4] items, dense classes by row and the twin's by
    column, both in the order of `recognition.CLASSES`.
    """

    value: float
    low: float
    high: float
    pvalue: float
    se: float
    net_drop: float
    net_drop_low: float
    net_drop_high: float
    mc_drop: float
    table: tuple[tuple[int, ...], ...]


def mcnemar(before: Bools, after: Bools) -> Paired:
    """McNemar (1947), exact: p = sum_{i >= lost} C(lost + gained, i) / 2^(lost + gained); 1 where nothing changed.

    before, after: [n] right or wrong, the same items in the same order.
    """
    _same_length(before, after)
    lost = int(np.count_nonzero(before & ~after))
    gained = int(np.count_nonzero(~before & after))
    return Paired(lost, gained, float(binom.sf(lost - 1, lost + gained, 0.5)))


def cluster_flip(before: Bools, after: Bools, clusters: Ints) -> float:
    """One-sided p of a loss when whole clusters change sign: share of all 2^n_clusters sign patterns whose sum of
    (before - after) reaches the observed one. Exact, by convolution, so it needs no draws; with one item a cluster it
    is `mcnemar`. clusters: [n] labels.
    """
    _same_length(before, after, clusters)
    _, place = np.unique(clusters, return_inverse=True)
    sums = np.bincount(place, weights=before.astype(np.float64) - after).round().astype(np.int64)
    sizes, counts = np.unique(np.abs(sums[sums != 0]), return_counts=True)
    chances = np.ones(1)  # chances[i]: the flipped sum is 2 i - the largest one
    for size, count in zip(sizes, counts, strict=True):
        step = np.zeros(size * count + 1)
        step[::size] = binom.pmf(np.arange(count + 1), count, 0.5)
        chances = np.convolve(chances, step)
    reached = int(sums.sum() + np.abs(sums).sum()) // 2
    return min(1.0, float(chances[reached:].sum()))


def interaction(
    dense: Marks, twin: Marks, *, level: float = 0.95, n_resamples: int, rng: np.random.Generator
) -> Interaction:
    """Did the twin lose more answers than knowledge? Both models on the same items, drawn together by cluster.

    p is one-sided for I > 0 (studentised); e of both models is estimated anew in each of the n_resamples draws.
    A twin that answers as the dense model does has I = 0 and p = 1.
    Raises ValueError where items, options or clusters differ, or one of the two has no stem arm; NotTestable under 2
    clusters, and where every stem of a model is right.
    """
    _same_items(dense, twin)
    refuse_answers_in_options(dense)
    refuse_answers_in_options(twin)
    table = cluster_sums(_pair_columns(dense, twin), dense.clusters)
    draws = draw(table, n_resamples=n_resamples, rng=rng)
    mc_drop = _mc_drop(own_shortcut(dense), own_shortcut(twin))

    def value(sums: Floats) -> Floats:
        return _net_drop(sums) - mc_drop(sums)

    low, high = bca(value, table, draws, level=level)
    net_low, net_high = bca(_net_drop, table, draws, level=level)
    return Interaction(
        value=float(value(table.total)),
        low=low,
        high=high,
        pvalue=studentised(value, table, draws, null=0.0),
        se=standard_error(value, table),
        net_drop=float(_net_drop(table.total)),
        net_drop_low=net_low,
        net_drop_high=net_high,
        mc_drop=float(mc_drop(table.total)),
        table=transitions(dense, twin),
    )


def transitions(dense: Marks, twin: Marks) -> tuple[tuple[int, ...], ...]:
    """[4][4] items by class in the dense model (row) and in the twin (column); they sum to n."""
    _same_items(dense, twin)
    found = np.bincount(4 * class_of(dense) + class_of(twin), minlength=16).reshape(4, 4)
    if int(found.sum()) != len(dense):
        raise ValueError(f"the transition table holds {int(found.sum())} of {len(dense)} items")
    return tuple(tuple(map(int, row)) for row in found)


def _net_drop(sums: Floats) -> Floats:
    return np.asarray(sums[..., 1] / sums[..., 0], dtype=np.float64)


def _mc_drop(own_dense: bool, own_twin: bool) -> Statistic:
    def knowledge(sums: Floats, own: bool) -> Floats:
        e = excess(sums, own=own)
        return (sums[..., 2] / sums[..., 0] - e) / (1 - e)

    def drop(sums: Floats) -> Floats:
        return knowledge(sums[..., DENSE], own_dense) - knowledge(sums[..., TWIN], own_twin)

    return drop


def _pair_columns(dense: Marks, twin: Marks) -> Floats:
    """[n, 10] of 1, drop of y_g, then w, c, x, w x of the dense model and of the twin."""
    pair = [np.ones(len(dense)), dense.generated.astype(np.float64) - twin.generated]
    for marks in (dense, twin):
        wrong = (~marks.generated).astype(np.float64)
        stem = np.zeros(len(marks)) if marks.stem is None else above_chance(marks.stem, marks.options)
        pair += [wrong, above_chance(marks.picked, marks.options), stem, wrong * stem]
    return np.stack(pair, axis=1)


def _same_items(dense: Marks, twin: Marks) -> None:
    same = (
        len(dense) == len(twin)
        and np.array_equal(dense.options, twin.options)
        and np.array_equal(dense.clusters, twin.clusters)
    )
    if not same:
        raise ValueError(f"a pair is compared on the same items; got {len(dense)} and {len(twin)} items or other ones")
    if (dense.stem is None) != (twin.stem is None):
        raise ValueError("one model of the pair has a stem arm and the other has none; give both or neither")


def _same_length(*arrays: NDArray[np.generic]) -> None:
    if len({array.shape for array in arrays}) != 1:
        raise ValueError(f"arrays of one length are compared, got shapes {[array.shape for array in arrays]}")
