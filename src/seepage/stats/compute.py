"""Scores against pre-training compute: do newer models beat older ones of equal compute, and where do scores take off.

After Dominguez-Olmedo, Dorner and Hardt, Training on the Test Task, arXiv 2407.07890, sections 2 and 5. Labels are
permuted over lineages, because the models of one are no independent draws, and the take-off is searched anew in every
permutation: with it taken as known the ordinary t-test rejects .19 to .23 of nulls with lineage effects.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .stages import Floats

GRID = 60
MOST_EXACT = 5000
PERMUTATIONS = 1999
RESAMPLES = 999
TINY = 1e-12  # a sum of squares that is nothing but rounding
LEAST_ABOVE = 3  # models of more compute than the latest take-off that is tried


@dataclass(frozen=True, slots=True)
class GroupEffect:
    """theta: how much newer models score above older ones at equal compute, with its .95 interval over lineages.
    takeoff: log10 FLOP, None where the curve has fixed knots.  permutations: that p was taken from."""

    theta: float
    se: float
    low: float
    high: float
    pvalue: float
    takeoff: float | None
    permutations: int


@dataclass(frozen=True, slots=True)
class Emergence:
    """Line and hinge through one panel's scores, with as many parameters.  pvalue: of the line.  r2: the line's,
    centred.
    aic_line, aic_hinge: n ln(SSE/n) + 4."""

    pvalue: float
    takeoff: float
    slope: float
    r2: float
    aic_line: float
    aic_hinge: float


def takeoffs(x: Floats) -> Floats:
    """[60] places that are tried, log10 FLOP: from half a span below the least compute to the third largest."""
    ordered = np.sort(x)
    span = ordered[-1] - ordered[0]
    return np.linspace(ordered[0] - span / 2, ordered[-LEAST_ABOVE], GRID)


# --- newer against older models ---


def group_effect(
    x: Floats, y: Floats, new: NDArray[np.bool_], lineages: Sequence[str], *, chance: float, rng: np.random.Generator
) -> GroupEffect:
    """theta of A = c0 + alpha max(0, log10 C - c_e) + theta New (4.5). x: [n] log10 FLOP, y: [n] scores.

    Raises ValueError where a lineage holds newer and older models.
    """
    numbers, labels = _labels(new, lineages)
    given = y - chance
    ones = np.ones((1, len(x)))
    theta, se, takeoff = (float(v[0]) for v in _searched(x, given, labels[numbers][None].astype(np.float64), ones))
    drawn = permuted(labels, rng)
    others, errors, _ = _searched(x, given, drawn[:, numbers].astype(np.float64), ones)
    low, high = _interval(x, given, labels, numbers, rng)
    return GroupEffect(theta, se, low, high, _share(others / errors, theta / se, labels), takeoff, len(drawn))


def mediation(
    x: Floats,
    y: Floats,
    new: NDArray[np.bool_],
    lineages: Sequence[str],
    *,
    knots: Sequence[float],
    rng: np.random.Generator,
) -> GroupEffect:
    """The label's coefficient beside an intercept and a curve of log10 C that is linear between knots (4.6).

    y: scores after training give psi, the direct effect; scores before less after give phi, the one that training
    takes.
    """
    numbers, labels = _labels(new, lineages)
    curve = np.stack([np.ones_like(x), x, *(np.maximum(x - knot, 0.0) for knot in knots)], axis=1)
    theta, se = (float(v[0]) for v in _beside(curve, y, labels[numbers][None].astype(np.float64)))
    drawn = permuted(labels, rng)
    others, errors = _beside(curve, y, drawn[:, numbers].astype(np.float64))
    half = 1.96 * se
    return GroupEffect(
        theta, se, theta - half, theta + half, _share(others / errors, theta / se, labels), None, len(drawn)
    )


def knots_of(x: Floats, wanted: tuple[float, float] = (22.0, 23.0)) -> tuple[float, float]:
    """10^22 and 10^23 FLOP where the panel spans them, its terciles otherwise."""
    if x.min() < wanted[0] and x.max() > wanted[1]:
        return wanted
    first, second = np.quantile(x, [1 / 3, 2 / 3])
    return float(first), float(second)


def permuted(labels: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.bool_]:
    """[permutations, lineages]: every way to call as many lineages new, or 1,999 draws where there are more than
    5,000."""
    n, k = len(labels), int(labels.sum())
    if math.comb(n, k) <= MOST_EXACT:
        every = np.zeros((math.comb(n, k), n), dtype=bool)
        for row, chosen in enumerate(itertools.combinations(range(n), k)):
            every[row, list(chosen)] = True
        return every
    return np.stack([rng.permutation(labels) for _ in range(PERMUTATIONS)])


def _share(drawn: Floats, observed: float, labels: NDArray[np.bool_]) -> float:
    """p of |t|: all permutations hold the observed one; drawn ones do not."""
    beyond = int((np.abs(drawn) >= abs(observed) - 1e-9).sum())
    exact = math.comb(len(labels), int(labels.sum())) <= MOST_EXACT
    return beyond / len(drawn) if exact else (1 + beyond) / (1 + len(drawn))


def _labels(new: NDArray[np.bool_], lineages: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The lineage of each model, by number, and the label of each lineage."""
    names = sorted(set(lineages))
    numbers = np.array([names.index(name) for name in lineages])
    labels = np.array([new[numbers == i].any() for i in range(len(names))])
    if mixed := [name for i, name in enumerate(names) if labels[i] != new[numbers == i].all()]:
        raise ValueError(f"lineage {mixed[0]!r} holds newer and older models; a label belongs to a whole lineage")
    return numbers, labels


def _searched(x: Floats, y: Floats, new: Floats, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """(theta, its standard error, take-off) of each row of new [draws, n], weights [draws or 1, n]: least squares at
    every take-off, the best one kept."""
    draws = max(len(new), len(weights))
    weighted = new * weights
    total, best = weights @ y**2, np.full(draws, np.inf)
    theta, se, place = (np.zeros(draws) for _ in range(3))
    degrees = weights.sum(axis=1) - 3
    for takeoff in takeoffs(x):
        h = np.maximum(x - takeoff, 0.0)
        hh, hy = np.maximum(weights @ h**2, TINY), weights @ (h * y)
        hn = weighted @ h
        left = np.maximum(weighted.sum(axis=1) - hn**2 / hh, TINY)
        found = (weighted @ y - hn * hy / hh) / left
        sse = np.maximum(total - hy**2 / hh - found**2 * left, TINY)
        better = sse < best
        best = np.where(better, sse, best)
        theta = np.where(better, found, theta)
        se = np.where(better, np.sqrt(sse / degrees / left), se)
        place = np.where(better, takeoff, place)
    return theta, se, place


def _beside(curve: Floats, y: Floats, new: Floats) -> tuple[Floats, Floats]:
    """(coefficient, standard error) of each row of new [draws, n] beside the columns of curve [n, m]."""
    basis, _ = np.linalg.qr(curve)
    rest = new - (new @ basis) @ basis.T
    left = np.maximum((rest**2).sum(axis=1), TINY)
    residual = y - basis @ (basis.T @ y)
    theta = rest @ residual / left
    sse = np.maximum(residual @ residual - theta**2 * left, TINY)
    return theta, np.sqrt(sse / (len(y) - curve.shape[1] - 1) / left)


def _interval(
    x: Floats, y: Floats, labels: NDArray[np.bool_], numbers: NDArray[np.int64], rng: np.random.Generator
) -> tuple[float, float]:
    """.95 bootstrap over lineages, newer and older ones drawn apart, the take-off searched in each."""
    counts = np.zeros((RESAMPLES, len(labels)))
    for side in (labels, ~labels):
        places = np.flatnonzero(side)
        counts[:, places] = rng.multinomial(len(places), np.full(len(places), 1 / len(places)), size=RESAMPLES)
    theta, _, _ = _searched(x, y, labels[numbers][None].astype(np.float64), counts[:, numbers])
    low, high = np.quantile(theta, [0.025, 0.975])
    return float(low), float(high)


# --- where scores take off ---


def emergence(x: Floats, y: Floats, *, chance: float, rng: np.random.Generator) -> Emergence:
    """Line A = a + b x against hinge A = c0 + b max(0, x - c_e) (4.7), p by 999 parametric bootstraps under the
    line."""
    line = np.polynomial.Polynomial.fit(x, y, 1)
    sse_line = float(_line(x, y[None])[0])
    sse_hinge, takeoff, slope = (float(v[0]) for v in _hinge(x, y[None] - chance))
    n = len(x)
    drawn = line(x) + rng.normal(size=(RESAMPLES, n)) * math.sqrt(sse_line / (n - 2))
    ratios = _line(x, drawn) / _hinge(x, drawn - chance)[0]
    beyond = int((ratios >= sse_line / sse_hinge).sum())
    return Emergence(
        pvalue=(1 + beyond) / (1 + RESAMPLES),
        takeoff=takeoff,
        slope=slope,
        r2=1 - sse_line / float(((y - y.mean()) ** 2).sum()),
        aic_line=n * math.log(sse_line / n) + 4,
        aic_hinge=n * math.log(sse_hinge / n) + 4,
    )


def moved(
    x: Floats, before: Floats, after: Floats, *, chance: float, noise: Floats, rng: np.random.Generator
) -> tuple[float, float]:
    """.95 interval of take-off before - take-off after, log10 FLOP: models drawn again, items by noise [2n, 2n]."""
    n = len(x)
    drawn = rng.multivariate_normal(np.concatenate([before, after]) - chance, noise, size=RESAMPLES, method="svd")
    counts = rng.multinomial(n, np.full(n, 1 / n), size=RESAMPLES).astype(np.float64)
    apart = _hinge(x, drawn[:, :n], counts)[1] - _hinge(x, drawn[:, n:], counts)[1]
    low, high = np.quantile(apart, [0.025, 0.975])
    return float(low), float(high)


def _line(x: Floats, y: Floats) -> Floats:
    """SSE of a straight line through each row of y [draws, n]."""
    centred, level = x - x.mean(), y - y.mean(axis=1, keepdims=True)
    return np.asarray(np.maximum((level**2).sum(axis=1) - (level @ centred) ** 2 / (centred @ centred), TINY))


def _hinge(x: Floats, above: Floats, weights: Floats | None = None) -> tuple[Floats, Floats, Floats]:
    """(SSE, take-off, slope) of the best b max(0, x - c_e) through each row of above [draws, n], scores above
    chance."""
    weights = np.ones_like(above) if weights is None else weights
    weighted = weights * above
    total, best = (weighted * above).sum(axis=1), np.full(len(above), np.inf)
    place, slope = np.zeros(len(above)), np.zeros(len(above))
    for takeoff in takeoffs(x):
        h = np.maximum(x - takeoff, 0.0)
        hh = np.maximum(weights @ h**2, TINY)
        found = weighted @ h / hh
        sse = total - found**2 * hh
        better = sse < best
        best = np.where(better, sse, best)
        place, slope = np.where(better, takeoff, place), np.where(better, found, slope)
    return np.maximum(best, TINY), place, slope
