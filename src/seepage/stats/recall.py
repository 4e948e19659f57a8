"""The whole rule of recall: answers fit their own dates and beat every forecaster. Also the smallest share it finds.

p = max(p_hit, p_beat): an intersection-union test, it holds its level and is conservative. The margin asks for excess
hits or for skill, because a model that recalls a third and guesses the rest has no skill, and one that is nearly right
everywhere has no excess.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .beat import Beat, beat, gains
from .blocks import BLOCK, block_sums, flip_signs
from .dates import Forecasters, Window, publish, within
from .shifts import ShiftNull, shift_null, shift_set, shifted

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

DRAWS = 200  # simulated models for each share
POWER = 0.8
SHIFTS = 128  # shifts that the power simulation looks at; the verdict looks at all


@dataclass(frozen=True, slots=True)
class Margins:
    """Level and margins of one cell. excess: share.  skill: 1 - MAE ratio."""

    alpha: float
    excess: float
    skill: float


@dataclass(frozen=True, slots=True)
class Recall:
    """Answers at dates t against those dates. shift: hits and their null.  pvalue = max(shift.block, beat.pvalue)."""

    t: Ints
    hits: Bools
    shift: ShiftNull
    beat: Beat

    @property
    def pvalue(self) -> float:
        return max(self.shift.block, self.beat.pvalue)

    def passes(self, margins: Margins) -> bool:
        """The whole rule: significant at the cell's level, with one effect above its margin."""
        met = self.beat.excess >= margins.excess or self.beat.skill >= margins.skill
        return met and self.pvalue <= margins.alpha


def recall(
    known: Forecasters,
    estimate: Floats,
    t: Ints,
    *,
    n_resamples: int,
    rng: np.random.Generator,
    intervals: bool = False,
) -> Recall:
    """estimate: [n] in the series' unit, NaN where no number was given; t: [n] periods of `known`'s window, any order.

    Dates where nothing was published are left out. Raises NotTestable where the window has no shifts.
    """
    there = known.window.published[t]
    estimate, t = estimate[there], t[there]
    order = np.argsort(t, kind="stable")
    estimate, t = estimate[order], t[order]
    hits = known.hit(estimate, t)
    shifts = shift_set(len(known.window), k0=known.k0, season=known.window.season)
    shift = shift_null(
        hits.astype(np.float64),
        shifted_hits(known, estimate, t, shifts),
        t,
        k0=known.k0,
        n_resamples=n_resamples,
        rng=rng,
    )
    return Recall(t, hits, shift, beat(known, estimate, t, n_resamples=n_resamples, rng=rng, intervals=intervals))


def shifted_hits(known: Forecasters, estimate: Floats, t: Ints, shifts: Ints) -> Floats:
    """[n, n_shifts] 1 where the answer for t fits the date t + k, wrapped, NaN where that is a hole."""
    target = shifted(t, shifts, n=len(known.window), season=known.window.season)
    hits = known.hit(estimate[:, None], target).astype(np.float64)
    return np.where(known.window.published[target], hits, np.nan)


def fabricate(window: Window, t: Ints, *, size: int, rng: np.random.Generator) -> Floats:
    """[size, n] answers of a model that knows level and spread and nothing about any date."""
    x = window.x[window.published]
    return publish(rng.normal(x.mean(), x.std(), size=(size, len(t))), window.decimals)


def detectable_share(
    known: Forecasters, t: Ints, *, margins: Margins, fabricated: bool, rng: np.random.Generator
) -> float | None:
    """Smallest share of dates (in steps of .05) whose truth, put among b^h's answers (or among fabricated ones), gives
    a leak in 80 % of 200 draws. None if even all of them do not. Needs no model."""
    t = np.sort(t[known.window.published[t]])
    shares = np.arange(1, 21) / 20
    low, high = 0, len(shares)  # the answer is shares[high]; found power is taken to grow with the share
    while low < high:
        middle = (low + high) // 2
        if power(known, t, shares[middle], margins=margins, fabricated=fabricated, rng=rng) >= POWER:
            high = middle
        else:
            low = middle + 1
    return float(shares[high]) if high < len(shares) else None


def power(
    known: Forecasters, t: Ints, share: float, *, margins: Margins, fabricated: bool, rng: np.random.Generator
) -> float:
    """Share of 200 simulated models with `share` of the dates (t, sorted) recalled that the whole rule finds."""
    base = np.tile(known.rounded[known.hitter][t], (DRAWS, 1))
    filler = fabricate(known.window, t, size=DRAWS, rng=rng) if fabricated else base
    recalled = rng.permuted(np.tile(np.arange(len(t)) < round(share * len(t)), (DRAWS, 1)), axis=1)
    gain = [gains(known, row, t) for row in np.where(recalled, known.window.x[t], filler)]
    met = np.array([g.excess >= margins.excess or g.skill >= margins.skill for g in gain])
    draws = max(999, math.ceil(10 / margins.alpha))
    above = [_flips([g.hits - g.hits_base for g in gain], t, draws, rng)]
    above += [_flips([g.error_base - g.error for g in gain], t, draws, rng)]
    p_beat = np.minimum(1.0, 2 * np.minimum(*above))
    p_hit = _shifted(known, np.where(recalled, known.window.x[t], filler), t)
    return float(np.mean(met & (np.maximum(p_hit, p_beat) <= margins.alpha)))


def _flips(values: list[Floats], t: Ints, draws: int, rng: np.random.Generator) -> Floats:
    sums = block_sums(np.stack(values, axis=1), t)  # [n_blocks, n_models]
    null = flip_signs(len(sums), n_resamples=draws, rng=rng) @ sums.astype(np.float32)
    slack = 1e-4 * max(1.0, float(np.abs(sums).sum(axis=0).max()))
    return np.asarray((1 + (null >= sums.sum(axis=0) - slack).sum(axis=0)) / (1 + draws), dtype=np.float64)


def _shifted(known: Forecasters, answers: Floats, t: Ints) -> Floats:
    """[n_models] p of the block-shift null without drawing: hits of a block are whole numbers, so the distribution of
    their sum is a product of characteristic functions. At most 128 evenly spread shifts; a hole counts as a miss."""
    shifts = shift_set(len(known.window), k0=known.k0, season=known.window.season)
    shifts = shifts[np.unique(np.linspace(0, len(shifts) - 1, SHIFTS).round().astype(int))]
    target = shifted(t, shifts, n=len(known.window), season=known.window.season)
    _, block = np.unique(t // max(BLOCK, known.k0), return_inverse=True)
    member = (block[None, :] == np.arange(int(block.max()) + 1)[:, None]).astype(np.float32)
    turns = np.exp(2j * np.pi * np.arange(len(t) + 1)[:, None] * np.arange(len(t) + 1)[None, :] / (len(t) + 1))
    found = np.empty(len(answers))
    for i, answer in enumerate(answers):
        hits = within(answer[:, None], known.window.forms[:, target], known.tau, known.window.tick)
        sums = (member @ hits.astype(np.float32)).round().astype(np.int64)  # [n_blocks, n_shifts]
        width = int(sums.max()) + 1
        offsets = sums + width * np.arange(len(sums))[:, None]
        share = np.bincount(offsets.ravel(), minlength=width * len(sums)).reshape(len(sums), width) / len(shifts)
        chances = np.fft.fft((share @ turns[:width]).prod(axis=0)).real / (len(t) + 1)
        found[i] = max(0.0, float(chances[int(known.hit(answer, t).sum()) :].sum()))
    return found
