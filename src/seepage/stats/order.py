"""How far the order of a panel before training agrees with the order after it, beside what noise alone allows.

Described, never gated: in simulation "tau >= .9" fails .21 to .99 of the panels in which nothing happened (4.1 of the
design after Training on the Test Task, arXiv 2407.07890).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression
from scipy.special import ndtr

from .multiple import holm
from .rank import Fall, all_falls
from .stages import Floats, Stages, seed_variance_of_accuracy

DRAWS = 1000
CERTIFIED = 0.05


@dataclass(frozen=True, slots=True)
class Agreement:
    """tau: Kendall's tau-b of the scores before and after.  ceilings: the tau that two measurements of one order would
    have, before and after.  band: 5 to 95 % of tau where one order holds for both.  intervals: [K, 2] of the ranks, 1
    the best, before and after.  falls: every certified one, adjusted over all directions."""

    tau: float
    ceilings: tuple[float, float]
    band: tuple[float, float]
    before: NDArray[np.int64]
    after: NDArray[np.int64]
    falls: tuple[tuple[Fall, float], ...]


def agreement(stages: Stages, *, rng: np.random.Generator) -> Agreement:
    k = len(stages.models)
    item = stages.covariance
    seeds = seed_variance_of_accuracy(stages) / stages.seeds if stages.seeds > 1 else 0.0
    first, second = item[:k, :k], item[k:, k:] + np.eye(k) * seeds
    return Agreement(
        tau=tau_b(stages.before, stages.trained),
        ceilings=(_ceiling(stages.before, first, rng), _ceiling(stages.trained, second, rng)),
        band=_band(stages, seeds, rng),
        before=rank_intervals(stages.before, first),
        after=rank_intervals(stages.trained, second),
        falls=tuple((fall, p) for fall, p in all_falls(stages) if p <= CERTIFIED),
    )


def tau_b(x: Floats, y: Floats) -> float:
    """Kendall's tau-b. Raises ValueError where one of the two is constant: then there is no order."""
    return float(_taus(x[None], y[None])[0])


def _taus(x: Floats, y: Floats) -> Floats:
    """tau-b of each row of x [draws, K] with the same row of y."""
    above = np.triu_indices(x.shape[1], 1)
    a, b = (np.sign(z[:, above[0]] - z[:, above[1]]) for z in (x, y))
    size = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    if not size.all():
        raise ValueError("all models have the same score: there is no order to compare")
    return np.asarray((a * b).sum(axis=1) / size)


def _ceiling(scores: Floats, noise: Floats, rng: np.random.Generator) -> float:
    """Mean tau of two noisy copies of scores that were shrunk to what is not noise."""
    spread = float(scores.var(ddof=1))
    reliable = max(0.0, 1 - float(np.diag(noise).mean()) / spread) if spread > 0 else 0.0
    true = scores.mean() + (scores - scores.mean()) * reliable**0.5
    one, other = (rng.multivariate_normal(true, noise, size=DRAWS, method="svd") for _ in range(2))
    return float(_taus(one, other).mean())


def _band(stages: Stages, seeds: float, rng: np.random.Generator) -> tuple[float, float]:
    """5 and 95 % of tau where both stages hold one order: that of the sum of the standardized scores."""
    k = len(stages.models)
    standard = [(z - z.mean()) / (z.std() or 1.0) for z in (stages.before, stages.trained)]
    order = np.argsort(standard[0] + standard[1], kind="stable")
    means = np.concatenate([_isotonic(stages.before, order), _isotonic(stages.trained, order)])
    noise = stages.covariance + np.diag(np.r_[np.zeros(k), np.full(k, seeds)])
    drawn = rng.multivariate_normal(means, noise, size=DRAWS, method="svd")
    low, high = np.quantile(_taus(drawn[:, :k], drawn[:, k:]), [0.05, 0.95])
    return float(low), float(high)


def _isotonic(scores: Floats, order: NDArray[np.int64]) -> Floats:
    """The scores moved as little as it takes to rise along the order."""
    fitted = np.empty(len(scores))
    fitted[order] = isotonic_regression(scores[order]).x
    return fitted


def rank_intervals(scores: Floats, noise: Floats) -> NDArray[np.int64]:
    """[K, 2] first and last rank: 1 + models certified better, K - models certified worse; Holm over K (K - 1)
    tests."""
    k = len(scores)
    variances = np.diag(noise)
    se = np.sqrt(np.maximum(variances[:, None] + variances[None] - 2 * noise, 0.0))
    z = np.divide(scores[:, None] - scores[None], se, out=np.zeros((k, k)), where=se > 0)
    apart = ~np.eye(k, dtype=bool)
    better = np.zeros((k, k), dtype=bool)
    better[apart] = np.array(holm(ndtr(-z[apart]).tolist())) <= CERTIFIED
    return np.stack([1 + better.sum(axis=0), k - better.sum(axis=1)], axis=1)
