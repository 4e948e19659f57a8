"""Whether a score exceeds what the model's own score on a reference benchmark predicts.

After Dekoninck, Mueller and Vechev, ConStat, arXiv 2405.16281: contamination is performance that does not carry over to
reworded items, to new items, or to another benchmark of the task. The test is ours: the tested model is no reference of
its own, the interval is one for prediction, and models of one lineage count as one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, stdtr, stdtrit

from .line import fit
from .rank import FOUND
from .stages import Floats, covariance_of_means, logit, slope


@dataclass(frozen=True, slots=True)
class Pair:
    """Scores of K models on a benchmark, u, and on its reference benchmark, v: [K] accuracies.

    n_u, n_v: items.  chance_u, chance_v: of a guess.  lineages: [K] names; models of one are no independent references.
    items: (var u, var v, cov) by model, [K, 3], the sampling (co)variances of the two accuracies.
    """

    models: tuple[str, ...]
    u: Floats
    v: Floats
    n_u: int
    n_v: int
    chance_u: float
    chance_v: float
    lineages: tuple[str, ...]
    items: Floats


@dataclass(frozen=True, slots=True)
class Inflation:
    """delta: score above the predicted one, `expected`.  low, high: its .95 prediction interval.  d: the same in
    logits.
    a, b: the references' line.  spread: their sd about it.  outside: how far beyond their range, as a share of it."""

    delta: float
    low: float
    high: float
    expected: float
    d: float
    se: float
    t: float
    degrees: int
    pvalue: float
    a: float
    b: float
    spread: float
    leverage: float
    outside: float
    detectable: float


def pair_of(
    models: Sequence[str],
    u: Sequence[float],
    v: Sequence[float],
    *,
    n: tuple[int, int],
    chance: tuple[float, float],
    lineages: Sequence[str],
    items: Floats | None = None,
) -> Pair:
    """items: None where only accuracies are known; then both variances are binomial and nothing is paired."""
    first, second = np.asarray(u, dtype=np.float64), np.asarray(v, dtype=np.float64)
    if items is None:
        items = np.stack([first * (1 - first) / n[0], second * (1 - second) / n[1], np.zeros(len(first))], axis=1)
    return Pair(tuple(models), first, second, *n, *chance, tuple(lineages), items)


def item_variances(
    right_u: NDArray[np.bool_],
    right_v: NDArray[np.bool_],
    *,
    paired: bool,
    clusters: tuple[NDArray[np.int64] | None, NDArray[np.int64] | None] = (None, None),
) -> tuple[float, float, float]:
    """(var u, var v, cov) of one model's two accuracies; paired: [n] items of both in the same order. clusters: of the
    items of each."""
    if paired:
        both = covariance_of_means(np.stack([right_u, right_v]).astype(np.float64), clusters[0])
        return float(both[0, 0]), float(both[1, 1]), float(both[0, 1])
    u, v = (
        covariance_of_means(right[None].astype(np.float64), own)[0, 0]
        for right, own in zip((right_u, right_v), clusters, strict=True)
    )
    return float(u), float(v), 0.0


def references_of(pair: Pair, model: int, among: Sequence[int]) -> list[int]:
    """The models that the tested one is measured by: none of its own lineage."""
    return [j for j in among if j != model and pair.lineages[j] != pair.lineages[model]]


def inflation(pair: Pair, model: int, references: Sequence[int], *, alpha: float) -> Inflation:
    """delta of one model (4.8). references: indices without the model itself, of 3 lineages or more.

    Weighted least squares of logit u on logit v, a lineage weighing one; se^2 = max(s^2 (1 + h), items): what an honest
    model's own deviation may be, not how well the line is known.
    """
    references = list(references)
    x, y = logit(pair.v, chance=pair.chance_v, n=pair.n_v), logit(pair.u, chance=pair.chance_u, n=pair.n_u)
    sizes = Counter(pair.lineages[j] for j in references)
    weights = np.array([1 / sizes[pair.lineages[j]] for j in references])
    line = fit(x[references], y[references], weights)
    at, leverage, degrees = float(x[model]), line.leverage(float(x[model])), line.degrees
    d = float(y[model]) - line.at(at)
    se = max(line.variance * (1 + leverage), _by_items(pair, model, line.b)) ** 0.5
    half = float(stdtrit(degrees, 0.975)) * se
    expected = _score(line.at(at), pair.chance_u)
    reach = float(stdtrit(degrees, 1 - alpha) + stdtrit(degrees, FOUND)) * se
    return Inflation(
        delta=float(pair.u[model]) - expected,
        low=_score(line.at(at) + d - half, pair.chance_u) - expected,
        high=_score(line.at(at) + d + half, pair.chance_u) - expected,
        expected=expected,
        d=d,
        se=se,
        t=d / se,
        degrees=degrees,
        pvalue=float(stdtr(degrees, -d / se)),
        a=line.a,
        b=line.b,
        spread=line.variance**0.5,
        leverage=leverage,
        outside=line.outside(at),
        detectable=reach * (expected - pair.chance_u) * (1 - expected) / (1 - pair.chance_u),
    )


def _by_items(pair: Pair, model: int, b: float) -> float:
    """Variance of d by the items of both benchmarks."""
    up = float(slope(pair.u[model], chance=pair.chance_u, n=pair.n_u))
    down = b * float(slope(pair.v[model], chance=pair.chance_v, n=pair.n_v))
    var_u, var_v, cov = pair.items[model]
    return float(up**2 * var_u + down**2 * var_v - 2 * up * down * cov)


def _score(value: float, chance: float) -> float:
    return float(chance + (1 - chance) * expit(value))


def predicted(found: Inflation, x: Floats, *, chance: float) -> Floats:
    """Scores that the references' line predicts at logits x, for a picture."""
    return np.asarray(chance + (1 - chance) * expit(found.a + found.b * x))
