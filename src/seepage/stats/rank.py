"""Whether a lead survives equal training, and whether training moves one model less than the others.

Gates after Dominguez-Olmedo, Dorner and Hardt, Training on the Test Task, arXiv 2407.07890; the tests are ours: a fall
must be certified on both sides, and a head start must stand out of the references' own spread. Equal gains are not the
null, because honest models gain unequally: a test of equal gains accuses up to one in three
(docs/calibration-rank-stability.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from .line import fit
from .multiple import holm
from .stages import Floats, Stages, gains, seed_variance, seed_variance_of_accuracy, slopes, variance

FOUND = 0.8  # share of runs in which a detectable effect is found
LEVEL_OF_PLACEBO = 0.05
DRAWS = 2000
LEAST_FOR_A_LINE = 8  # references: below it gains are compared with their median whatever abilities are


# --- gate 1: a lead that is not kept ---


@dataclass(frozen=True, slots=True)
class Fall:
    """One model's lead over another, before training, and its trail behind it after; both in accuracy."""

    model: str
    over: str
    lead: float
    trail: float
    z_lead: float
    z_trail: float
    pvalue: float
    se_lead: float
    se_trail: float

    @property
    def effect(self) -> float:
        return min(self.lead, self.trail)


@dataclass(frozen=True, slots=True)
class Inversion:
    """pvalue: of the surest fall, times the references.  low, high: .95 interval of its effect.  detectable: a lead and
    trail that is found in 80 % of runs."""

    fall: Fall
    falls: tuple[Fall, ...]
    pvalue: float
    low: float
    high: float
    detectable: float


def inversion(stages: Stages, candidate: int, references: Sequence[int], *, alpha: float) -> Inversion:
    """The candidate leads a reference before and trails it after (4.2). Seeds must be 2 or more.

    Both sides must hold, so p is the larger of the two (intersection-union); references are corrected by Bonferroni.
    """
    falls = tuple(_falls(stages, [(candidate, j) for j in references]))
    surest = min(falls, key=lambda each: each.pvalue)
    wide = float(ndtri(0.975))
    low = min(surest.lead - wide * surest.se_lead, surest.trail - wide * surest.se_trail)
    high = min(surest.lead + wide * surest.se_lead, surest.trail + wide * surest.se_trail)
    reach = float(ndtri(1 - alpha / len(falls)) + ndtri(FOUND))
    return Inversion(
        fall=surest,
        falls=falls,
        pvalue=min(1.0, len(falls) * surest.pvalue),
        low=low,
        high=high,
        detectable=reach * float(np.median([max(f.se_lead, f.se_trail) for f in falls])),
    )


def _falls(stages: Stages, pairs: Sequence[tuple[int, int]]) -> list[Fall]:
    """Of each (model, over)."""
    k = len(stages.models)
    a, b = np.array(pairs).T
    seeds = 2 * seed_variance_of_accuracy(stages) / stages.seeds
    lead, trail = stages.before[a] - stages.before[b], stages.trained[b] - stages.trained[a]
    se_lead = np.sqrt(_of_difference(stages.covariance[:k, :k], a, b))
    se_trail = np.sqrt(_of_difference(stages.covariance[k:, k:], a, b) + seeds)
    z_lead, z_trail = (
        np.divide(value, se, out=np.zeros(len(a)), where=se > 0) for value, se in ((lead, se_lead), (trail, se_trail))
    )
    pvalue = ndtr(-np.minimum(z_lead, z_trail))
    columns = (column.tolist() for column in (lead, trail, z_lead, z_trail, pvalue, se_lead, se_trail))
    names = stages.models
    return [Fall(names[i], names[j], *row) for i, j, row in zip(a, b, zip(*columns, strict=True), strict=True)]


def _of_difference(covariance: Floats, a: NDArray[np.int64], b: NDArray[np.int64]) -> Floats:
    """Variance of a_i - b_i: 0 and not below where rounding has it so."""
    return np.maximum(covariance[a, a] + covariance[b, b] - 2 * covariance[a, b], 0.0)


def all_falls(stages: Stages) -> list[tuple[Fall, float]]:
    """Every direction with its Holm-adjusted p, for the reader: K (K - 1) of them."""
    k = range(len(stages.models))
    falls = _falls(stages, [(a, b) for a in k for b in k if a != b])
    return list(zip(falls, holm([f.pvalue for f in falls]), strict=True))


# --- gate 2: a head start ---


@dataclass(frozen=True, slots=True)
class HeadStart:
    """value: D, how much more training moves the references than the model, logits.  spread: sd of their gains.
    noise: standard error by items and seeds.  degrees: of freedom.  median: of the references' gains, or their line at
    the model's ability.  detectable: D found in 80 % of runs.  outside: how far the model's ability lies outside the
    references', as a share of their range."""

    value: float
    low: float
    high: float
    pvalue: float
    t: float
    se: float
    spread: float
    noise: float
    v_item: float
    w2: float
    degrees: int
    gain: float
    median: float
    detectable: float
    outside: float = 0.0


def head_start(
    stages: Stages, model: int, references: Sequence[int], *, alpha: float, ability: Floats | None = None
) -> HeadStart:
    """D = median of the references' gains - the model's own, tested against their spread (4.3). Seeds: 2 or more.

    se^2 = max(s^2 (1 + pi / 2R), items + seeds): honest models gain unequally, so the gain is one more draw from
    theirs.

    ability: [K], measured apart from the benchmark, never its score before training, whose noise the gain shares. The
    references' line of gain on ability then takes the place of their median: s^2 with R - 2 degrees of freedom, times
    1 + leverage.
    """
    references = list(references)
    r = len(references)
    g = gains(stages)
    others = g[references]
    expected, wide, spread, degrees = float(np.median(others)), np.pi / (2 * r), float(others.var(ddof=1)), r - 1
    beyond = 0.0
    if ability is not None:
        line, at = fit(ability[references], others), float(ability[model])
        expected, wide, spread, degrees = line.at(at), line.leverage(at), line.variance, line.degrees
        beyond = line.outside(at)
    value = expected - float(g[model])
    v_item = contrast_variance(stages, model, references)
    w2 = seed_variance(stages)
    noise = v_item + w2 / stages.seeds * (1 + 1 / r)
    return _tested(
        value,
        se=max(spread * (1 + wide), noise) ** 0.5,
        degrees=degrees,
        alpha=alpha,
        spread=spread**0.5,
        noise=noise**0.5,
        v_item=v_item,
        w2=w2,
        gain=float(g[model]),
        median=expected,
        outside=beyond,
    )


def _tested(value: float, *, se: float, degrees: int, alpha: float, **rest: Any) -> HeadStart:
    t = value / se
    half = float(stdtrit(degrees, 0.975)) * se
    reach = float(stdtrit(degrees, 1 - alpha) + stdtrit(degrees, FOUND))
    return HeadStart(
        value=value,
        low=value - half,
        high=value + half,
        pvalue=float(stdtr(degrees, -t)),
        t=t,
        se=se,
        degrees=degrees,
        detectable=reach * se,
        **rest,
    )


def contrast_variance(stages: Stages, model: int, references: Sequence[int]) -> float:
    """Variance by items of the references' mean gain less the model's."""
    weights = np.zeros(len(stages.models))
    weights[list(references)] = 1 / len(references)
    weights[model] -= 1.0
    before, after = slopes(stages)
    return variance(stages, before=-weights * before, after=weights * after)


def prepared_references(stages: Stages, references: Sequence[int]) -> list[int]:
    """References that had a head start over the others themselves, at .05 over all of them: the placebo."""
    references = list(references)
    level = LEVEL_OF_PLACEBO / len(references)
    found = []
    for j in references:
        rest = [each for each in references if each != j]
        if len(rest) >= 2 and head_start(stages, j, rest, alpha=level).pvalue <= level:
            found.append(j)
    return found


@dataclass(frozen=True, slots=True)
class EqualGains:
    """t: [K] (median of the others - own gain) / its noise.  critical: what the largest exceeds in alpha of runs."""

    t: Floats
    critical: float


def equal_gains(stages: Stages, models: Sequence[int], *, alpha: float, rng: np.random.Generator) -> EqualGains:
    """Whether gains differ at all: shown beside the gate, which asks for more (max-T over the models).

    Draws are normal with the items' covariance and the seeds' variance: what a joint bootstrap of the items draws, and
    possible where items are not known.
    """
    models = list(models)
    if len(models) < 3:
        raise ValueError("fewer than three models have no others to compare with")
    before, after = slopes(stages)
    change = np.concatenate([-np.diag(before), np.diag(after)], axis=1)  # [K, 2K]: how item means move the gains
    by_items = (change @ stages.covariance @ change.T)[np.ix_(models, models)]
    total = by_items + np.eye(len(models)) * seed_variance(stages) / stages.seeds
    g = gains(stages)[models]
    se = _noise_against_others(total)
    drawn = rng.multivariate_normal(np.zeros(len(models)), total, size=DRAWS, method="svd")
    largest = (_behind_others(drawn) / se).max(axis=1)
    return EqualGains(t=_behind_others(g[None])[0] / se, critical=float(np.quantile(largest, 1 - alpha)))


def _behind_others(g: Floats) -> Floats:
    """[draws, K] median of the others' gains less a model's own."""
    k = g.shape[1]
    by_size = np.argsort(g, axis=1)
    rank = np.argsort(by_size, axis=1)
    ranked = np.take_along_axis(g, by_size, axis=1)

    def other(place: int) -> Floats:  # what stands there without the model: what is above it moves down by one
        return np.where(rank <= place, ranked[:, place + 1, None], ranked[:, place, None])

    low, high = (k - 2) // 2, (k - 1) // 2
    return np.asarray((other(low) + other(high)) / 2 - g)


def _noise_against_others(total: Floats) -> Floats:
    k = len(total)
    weights = np.full((k, k), 1 / (k - 1)) - np.eye(k) * (1 + 1 / (k - 1))
    return np.asarray(np.sqrt(np.einsum("ij,jk,ik->i", weights, total, weights)))


# --- shown: how far a format carries ---


def format_contrast(forms: Stages, model: int, references: Sequence[int], *, alpha: float) -> HeadStart:
    """D_fmt = the model's multiple-choice score over its cloze score, less the references' median of that (4.4).

    forms: cloze scores as `before`, multiple-choice scores as `after` (one seed). Accuracy above chance, not logits:
    small models sit at chance in multiple choice.
    """
    references = list(references)
    r = len(references)
    f = (forms.trained - forms.before) / (1 - forms.chance)
    weights = np.zeros(len(forms.models))
    weights[references] = -1 / r
    weights[model] += 1.0
    weights /= 1 - forms.chance
    noise = variance(forms, before=-weights, after=weights)
    spread = float(f[references].var(ddof=1))
    median = float(np.median(f[references]))
    return _tested(
        float(f[model]) - median,
        se=max(spread * (1 + np.pi / (2 * r)), noise) ** 0.5,
        degrees=r - 1,
        alpha=alpha,
        spread=spread**0.5,
        noise=noise**0.5,
        v_item=noise,
        w2=0.0,
        gain=float(f[model]),
        median=median,
    )
