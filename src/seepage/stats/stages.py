"""Scores of a panel on one benchmark before and after equal training, and how well the items fix them.

Section 4 of the design after Dominguez-Olmedo, Dorner and Hardt, Training on the Test Task, arXiv 2407.07890. A panel
of
K models is summed up by its accuracies and by one covariance matrix of their item means [2K, 2K], before in front of
after: the variance of every contrast is w' C w, and items that all models share are paired by construction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

Floats = NDArray[np.float64]

FLOOR, CEILING = 0.05, 0.97  # above chance, and of all: nearer to either end a gain in logits says little


@dataclass(frozen=True, slots=True)
class Stages:
    """models: [K] names.  before: [K] accuracies.  after: [K, S] accuracies by seed.  chance: accuracy of a guess.
    n: items.  units: independent ones, clusters of items.  covariance: [2K, 2K] of the item means.
    """

    models: tuple[str, ...]
    before: Floats
    after: Floats
    covariance: Floats
    n: int
    units: int
    chance: float

    @property
    def seeds(self) -> int:
        return int(self.after.shape[1])

    @property
    def trained(self) -> Floats:
        """[K] accuracy after training, the mean of the seeds."""
        return np.asarray(self.after.mean(axis=1))

    def at(self, model: str) -> int:
        return self.models.index(model)


def from_items(
    models: Sequence[str],
    before: NDArray[np.bool_],
    after: NDArray[np.bool_],
    *,
    chance: float,
    clusters: NDArray[np.int64] | None = None,
) -> Stages:
    """before: [K, n], after: [K, n, S], whether a model was right.  clusters: [n] numbers, None where items stand
    alone."""
    right = after.mean(axis=2)
    columns = np.concatenate([before.astype(np.float64), right])
    units = columns.shape[1] if clusters is None else len(np.unique(clusters))
    return Stages(
        models=tuple(models),
        before=columns[: len(before)].mean(axis=1),
        after=after.mean(axis=1),
        covariance=covariance_of_means(columns, clusters),
        n=columns.shape[1],
        units=units,
        chance=chance,
    )


def from_accuracies(models: Sequence[str], before: Floats, after: Floats, *, n: int, chance: float) -> Stages:
    """before: [K], after: [K, S] accuracies on n items. Without items nothing is paired: every variance is binomial."""
    means = np.concatenate([before, after.mean(axis=1)])
    return Stages(tuple(models), before, after, np.diag(means * (1 - means) / n), n, n, chance)


def covariance_of_means(columns: Floats, clusters: NDArray[np.int64] | None = None) -> Floats:
    """[m, m] covariance of the means of columns [m, n] over items, ddof 1; items of a cluster are summed first."""
    n = columns.shape[1]
    centred = columns - columns.mean(axis=1, keepdims=True)
    if clusters is not None:
        _, numbers = np.unique(clusters, return_inverse=True)
        sums = np.zeros((len(columns), numbers.max() + 1))
        np.add.at(sums.T, numbers, centred.T)
        centred = sums
    units = centred.shape[1]
    return np.asarray(centred @ centred.T * (units / (units - 1)) / n**2)


def without(stages: Stages, dropped: Sequence[int]) -> Stages:
    """The panel without some of its models."""
    kept = [i for i in range(len(stages.models)) if i not in set(dropped)]
    both = [*kept, *(len(stages.models) + i for i in kept)]
    return replace(
        stages,
        models=tuple(stages.models[i] for i in kept),
        before=stages.before[kept],
        after=stages.after[kept],
        covariance=stages.covariance[np.ix_(both, both)],
    )


# --- the scale of gains ---


def above_chance(p: Floats | float, *, chance: float, n: int) -> Floats:
    """(p - c0) / (1 - c0), kept half an item away from 0 and 1."""
    return np.clip((np.asarray(p) - chance) / (1 - chance), 0.5 / n, 1 - 0.5 / n)


def logit(p: Floats | float, *, chance: float, n: int) -> Floats:
    """ln((p - c0) / (1 - p)): the log-odds of a right answer that is no guess."""
    q = above_chance(p, chance=chance, n=n)
    return np.asarray(np.log(q / (1 - q)))


def slope(p: Floats | float, *, chance: float, n: int) -> Floats:
    """Derivative of `logit`: (1 - c0) / ((p - c0) (1 - p))."""
    q = above_chance(p, chance=chance, n=n)
    return np.asarray(1 / (q * (1 - q) * (1 - chance)))


def gains(stages: Stages) -> Floats:
    """[K] g, what training moved each model by, in logits above chance."""
    return np.asarray(_logits(stages, stages.trained) - _logits(stages, stages.before))


def slopes(stages: Stages) -> tuple[Floats, Floats]:
    """Slope of the logit at each model's score before and after training, both [K]."""
    before, after = (slope(p, chance=stages.chance, n=stages.n) for p in (stages.before, stages.trained))
    return before, after


def _logits(stages: Stages, p: Floats) -> Floats:
    return logit(p, chance=stages.chance, n=stages.n)


def seed_variance(stages: Stages) -> float:
    """w^2, the variance of a gain over seeds, mean over models (it holds some item noise: conservative). S >= 2."""
    by_seed = _logits(stages, stages.after) - _logits(stages, stages.before)[:, None]
    return float(by_seed.var(axis=1, ddof=1).mean())


def seed_variance_of_accuracy(stages: Stages) -> float:
    """w_A^2, the same on the scale of accuracies."""
    return float(stages.after.var(axis=1, ddof=1).mean())


def variance(stages: Stages, *, before: Floats, after: Floats) -> float:
    """Variance by items of the sum over models of before[k] B_k + after[k] A_k; both weights are [K]."""
    weights = np.concatenate([before, after])
    return float(weights @ stages.covariance @ weights)


def off_scale(stages: Stages, at: int) -> str:
    """Why a model's gain in logits says nothing, or ""."""
    k = len(stages.models)
    for name, value, place in (("before", stages.before[at], at), ("after", stages.trained[at], k + at)):
        if end := near_an_end(float(value), float(stages.covariance[place, place]), chance=stages.chance):
            return f"scores {value:.3f} {name} training, too near to {end}"
    return ""


def near_an_end(score: float, variance: float, *, chance: float) -> str:
    """The end of the scale that the .95 limits of a score pass, or "" where they keep off both."""
    half = float(ndtri(0.975)) * variance**0.5
    if score - half < chance + FLOOR:
        return f"chance ({chance:g})"
    return f"the ceiling ({CEILING:g})" if score + half > CEILING else ""


# --- whether training was over ---

FLAT_T, FLAT_RISE = 1.645, 0.005


@dataclass(frozen=True, slots=True)
class Saturation:
    """Change of validation accuracy over the last part of training, mean over models and seeds, and its t by items."""

    rise: float
    t: float

    @property
    def flat(self) -> bool:
        return self.t <= FLAT_T or self.rise <= FLAT_RISE


def saturation(rights: Sequence[Sequence[tuple[Sequence[bool], Sequence[bool]]]]) -> Saturation:
    """rights: of every model and seed, which validation items were right late and at the end, [n] each."""
    changes = np.array([np.subtract(end, late, dtype=np.float64) for seeds in rights for late, end in seeds])
    by_item = changes.mean(axis=0)
    error = float(by_item.std(ddof=1)) / len(by_item) ** 0.5
    rise = float(by_item.mean())
    return Saturation(rise, rise / error if error > 0 else (np.inf if rise > 0 else 0.0))
