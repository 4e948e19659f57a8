"""Are the answers better than the best forecaster? Excess hits and skill, by flipping the signs of calendar blocks.

Hits alone accuse anyone who carries last month's value forward on a slow series; skill alone misses a model that knows
a third of the dates and guesses wildly on the rest. A model beats the forecasters if either holds, at a doubled p.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import NotTestable
from .blocks import block_bootstrap, block_flip
from .dates import Forecasters

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Gains:
    """Per date, [n], in the order asked: what the answer gains over b^h (hits: -1, 0, 1) and over b* (error, unit)."""

    hits: Floats
    hits_base: Floats
    error: Floats
    error_base: Floats

    @property
    def excess(self) -> float:
        return float(np.mean(self.hits - self.hits_base))

    @property
    def skill(self) -> float:
        """1 - MAE / MAE(b*). Raises NotTestable where b* makes no error on these dates: nothing can beat it."""
        base = float(np.mean(self.error_base))
        if base == 0:
            raise NotTestable("the best forecaster makes no error on these dates, so no answer can beat it.")
        return 1 - float(np.mean(self.error)) / base


@dataclass(frozen=True, slots=True)
class Beat:
    """excess: mean extra hits over b^h, share.  skill: 1 - MAE / MAE(b*).  p = min(1, 2 min(p_excess, p_skill)).
    Intervals are 95 % block bootstrap."""

    excess: float
    skill: float
    p_excess: float
    p_skill: float
    pvalue: float
    excess_interval: tuple[float, float] = (np.nan, np.nan)
    skill_interval: tuple[float, float] = (np.nan, np.nan)


def gains(known: Forecasters, estimate: Floats, t: Ints) -> Gains:
    """estimate: [n] in the series' unit, NaN where no number was given (a miss, and b* for the error); t: [n]."""
    best, hitter = known.rounded[known.best][t], known.rounded[known.hitter][t]
    return Gains(
        hits=known.hit(estimate, t).astype(np.float64),
        hits_base=known.hit(hitter, t).astype(np.float64),
        error=known.error(np.where(np.isnan(estimate), best, estimate), t),
        error_base=known.error(best, t),
    )


def beat(
    known: Forecasters, estimate: Floats, t: Ints, *, n_resamples: int, rng: np.random.Generator, intervals: bool = True
) -> Beat:
    """p_beat of answers at dates t: excess over b^h and skill over b*, both by sign flips of blocks of 12 periods."""
    gain = gains(known, estimate, t)
    p_excess, _ = block_flip(gain.hits - gain.hits_base, t, n_resamples=n_resamples, rng=rng)
    p_skill, _ = block_flip(gain.error_base - gain.error, t, n_resamples=n_resamples, rng=rng)
    shown = {}
    if intervals:
        columns = np.stack([gain.hits - gain.hits_base, np.ones(len(t)), gain.error, gain.error_base], axis=1)
        shown = {
            "excess_interval": block_bootstrap(columns, t, lambda s: s[:, 0] / s[:, 1], rng=rng),
            "skill_interval": block_bootstrap(columns, t, lambda s: 1 - s[:, 2] / s[:, 3], rng=rng),
        }
    return Beat(gain.excess, gain.skill, p_excess, p_skill, min(1.0, 2 * min(p_excess, p_skill)), **shown)
