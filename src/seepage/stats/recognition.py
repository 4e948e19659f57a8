"""On what share of items does a model pick the gold option though its own answer is wrong, beyond guessing?

    c_i  = (y_m,i - 1/K_i) / (1 - 1/K_i)              picked right, corrected for chance: mean 0 for a guesser
    e    = max(0, mean of the same of "right after the stem alone")      share of items that a shortcut picks
    RO*  = mean_i w_i (c_i - e) / (1 - e)             w_i = generation wrong; share of all items, 0..1
    r*   = RO* / mean(w)                              share of the generation-wrong items

The terms are (y_m,i - g_i) / (1 - g_i) with the guess rate g_i = 1/K_i + e (1 - 1/K_i), which is max(1/K, share right
after the stem) where all items have K options. Nothing is clipped before averaging.

Two choices were made by simulation (docs/calibration-mc-generation.md). e is the mean over the *generation-wrong* items
(from 30 on, else over all): taken over all items, a shortcut that works where generation fails is accused in most runs,
and one that works where generation succeeds hides a recogniser. And e is corrected for chance item by item: a plain
max(1/K_i, share) over items of different K takes too much from those with many options, so that a guesser ends below 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import NotTestable
from .clusters import Clustered, Draws, Statistic, bca, cluster_sums, draw, power_quantiles, standard_error, studentised
from .proportions import wilson

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEAST_WRONG = 30  # generation-wrong items from which r* is given, and a shortcut's share is taken among them
CLASSES = ("BB", "RO", "GO", "NN")


@dataclass(frozen=True, slots=True)
class Marks:
    """One model on one bench, one score; arrays [n_items].

    generated: generation right.  picked: multiple choice right (a tie is wrong).  options: K of each item, at least 2.
    stem: right after the stem alone, None where there is no such arm.  clusters: number of each item's passage.
    Raises ValueError where lengths differ, there is no item, or an item has fewer than 2 options.
    """

    generated: Bools
    picked: Bools
    options: Ints
    stem: Bools | None
    clusters: Ints

    def __post_init__(self) -> None:
        arrays = [self.generated, self.picked, self.options, self.clusters]
        arrays += [] if self.stem is None else [self.stem]
        shapes = {array.shape for array in arrays}
        if len(shapes) != 1 or len(self.generated.shape) != 1 or not len(self.generated):
            raise ValueError(f"marks are arrays of one length, at least 1; got {sorted(shapes)}")
        if int(self.options.min()) < 2:
            raise ValueError(f"an item needs at least 2 options, the fewest here are {int(self.options.min())}")

    def __len__(self) -> int:
        return len(self.generated)


@dataclass(frozen=True, slots=True)
class Recognition:
    """ro: RO*, share of all items, with its BCa interval (95 %), p of RO* > margin and linearised standard error.

    r: r*, with its interval; all three None under 30 generation-wrong items.  guess: mean guess rate.
    """

    ro: float
    low: float
    high: float
    pvalue: float
    se: float
    r: float | None
    r_low: float | None
    r_high: float | None
    guess: float
    n: int
    n_clusters: int
    n_wrong: int
    classes: dict[str, int]


def classes(marks: Marks) -> dict[str, int]:
    """Items by what was right: BB both, RO recognition only, GO generation only, NN neither. They sum to n."""
    found = np.bincount(class_of(marks), minlength=4)
    if int(found.sum()) != len(marks):
        raise ValueError(f"the four classes hold {int(found.sum())} of {len(marks)} items")
    return dict(zip(CLASSES, map(int, found), strict=True))


def class_of(marks: Marks) -> Ints:
    """[n] place in `CLASSES`."""
    return np.where(marks.generated, np.where(marks.picked, 0, 2), np.where(marks.picked, 1, 3)).astype(np.int64)


def above_chance(right: Bools, options: Ints) -> Floats:
    """[n] (right - 1/K) / (1 - 1/K): 1 where right, -1/(K-1) where wrong; mean 0 for a uniform guesser."""
    return np.where(right, 1.0, -1.0 / (options - 1))


def shortcut(marks: Marks) -> float:
    """e: share of items that need no question, 0..1."""
    return float(excess(columns(marks).sum(axis=0), own=own_shortcut(marks)))


def guess_rates(marks: Marks) -> Floats:
    """[n] chance of picking the gold option without knowing it: 1/K + e (1 - 1/K)."""
    chance = 1.0 / marks.options
    return np.asarray(chance + shortcut(marks) * (1 - chance), dtype=np.float64)


def excess(sums: Floats, *, own: bool) -> Floats:
    """e from [..., 5] sums of n, w, w c, x, w x (x: the stem's correction).  own: over the generation-wrong items.

    Held half an item below 1, so that a draw in which every stem is right still has a value.
    """
    n, wrong, _, stem, wrong_stem = np.moveaxis(sums, -1, 0)
    share = stem / n
    if own:
        share = np.where(wrong > 0, wrong_stem / np.where(wrong > 0, wrong, 1.0), share)
    return np.asarray(np.clip(share, 0.0, 1 - 0.5 / n), dtype=np.float64)


def recognition(
    marks: Marks, *, margin: float, level: float = 0.95, n_resamples: int, rng: np.random.Generator
) -> Recognition:
    """RO* with its interval and the one-sided p of RO* > margin (studentised bootstrap of whole clusters).

    e is estimated anew in each of the n_resamples draws; take `blocks.resamples(alpha)` of them.
    Degenerate: nothing wrong gives RO* = 0 and p = 1; without any spread RO* > margin has the smallest p there is,
    RO* <= margin p = 1, and the interval is the point.
    Raises NotTestable under 2 clusters, and where every stem is right: the options alone tell the answer.
    """
    refuse_answers_in_options(marks)
    own = own_shortcut(marks)
    table = cluster_sums(columns(marks), marks.clusters)
    draws = draw(table, n_resamples=n_resamples, rng=rng)
    share = share_of_all(own)
    low, high = bca(share, table, draws, level=level)
    n_wrong = int(np.count_nonzero(~marks.generated))
    r = float(share_of_wrong(own)(table.total)) if n_wrong >= LEAST_WRONG else None
    r_low, r_high = (None, None) if r is None else _r_interval(marks, table, draws, own=own, level=level)
    return Recognition(
        ro=float(share(table.total)),
        low=low,
        high=high,
        pvalue=studentised(share, table, draws, null=margin),
        se=standard_error(share, table),
        r=r,
        r_low=r_low,
        r_high=r_high,
        guess=float(guess_rates(marks).mean()),
        n=len(marks),
        n_clusters=table.n_clusters,
        n_wrong=n_wrong,
        classes=classes(marks),
    )


def detectable_share(se: float, *, margin: float, alpha: float) -> float:
    """Smallest effect found in 80 % of runs at `alpha`: margin + (z(1-alpha) + z(.8)) se, in the unit of se."""
    return margin + power_quantiles(alpha) * se


def refuse_answers_in_options(marks: Marks) -> None:
    """Raises NotTestable where every item is picked right without its question."""
    if marks.stem is not None and marks.stem.all():
        raise NotTestable(
            f"all {len(marks)} items are picked right without the question; multiple choice says nothing here. "
            "Use options that do not give the answer away."
        )


def own_shortcut(marks: Marks) -> bool:
    """Are there enough generation-wrong items to measure a shortcut's share among them?"""
    return int(np.count_nonzero(~marks.generated)) >= LEAST_WRONG


def columns(marks: Marks) -> Floats:
    """[n, 5] of 1, w, w c, x, w x."""
    wrong = (~marks.generated).astype(np.float64)
    stem = np.zeros(len(marks)) if marks.stem is None else above_chance(marks.stem, marks.options)
    picked = above_chance(marks.picked, marks.options)
    return np.stack([np.ones(len(marks)), wrong, wrong * picked, stem, wrong * stem], axis=1)


def share_of_all(own: bool) -> Statistic:
    """RO* of the sums of `columns`."""

    def ro(sums: Floats) -> Floats:
        e = excess(sums, own=own)
        return np.asarray((sums[..., 2] - e * sums[..., 1]) / sums[..., 0] / (1 - e), dtype=np.float64)

    return ro


def share_of_wrong(own: bool) -> Statistic:
    """r* of the sums of `columns`, NaN where no item is generation-wrong."""

    def r(sums: Floats) -> Floats:
        e = excess(sums, own=own)
        wrong = np.where(sums[..., 1] > 0, sums[..., 1], np.nan)
        return np.asarray((sums[..., 2] / wrong - e) / (1 - e), dtype=np.float64)

    return r


def _r_interval(marks: Marks, table: Clustered, draws: Draws, *, own: bool, level: float) -> tuple[float, float]:
    """Wilson's interval of the accuracy a among the generation-wrong, mapped by (a - 1/K) / (1 - 1/K), where items are
    single, K is one number and no shortcut was estimated (its error is not in Wilson's); else BCa."""
    wrong = ~marks.generated
    several = len(np.unique(marks.options[wrong])) > 1 or table.n_clusters < len(marks)
    if several or float(excess(table.total, own=own)) > 0:
        return bca(share_of_wrong(own), table, draws, level=level)
    chance = 1.0 / float(marks.options[wrong][0])
    ends = wilson(int(marks.picked[wrong].sum()), int(wrong.sum()), level=level)
    low, high = ((end - chance) / (1 - chance) for end in ends)
    return low, high
