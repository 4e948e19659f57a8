"""How often does each arm of a numleak rule reject where there is nothing to find, and how often where there is?

    recall_null(known, t, ...)     answers with the target's marginal and memory and no knowledge  -> p of every arm
    binding_null(known, L, ...)    the same matrix with the values dealt to other dates            -> p of every arm

One call is one seed. `tools/calibrate.py` calls them a few hundred times a series and writes the rates down; the tests
hold the rates below the upper 99 % binomial bound.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from .binding import Binding, binding
from .dates import Forecasters, publish
from .recall import Margins, Recall, fabricate, recall
from .surrogate import surrogate

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NULL_DRAWS = 999  # p = .05 is then 50 of 1000


@dataclass(frozen=True, slots=True)
class RecallArms:
    """p of each arm of one seed, and whether an effect reached its margin."""

    p_hit: float
    p_excess: float
    p_skill: float
    p_beat: float
    pvalue: float
    met: bool


@dataclass(frozen=True, slots=True)
class BindingArms:
    """p of each arm of one seed, and the effect."""

    p_bind: float
    p_mir: float
    pvalue: float
    w: float


def bounds(n: int, *, alpha: float = 0.05, level: float = 0.99) -> tuple[int, int]:
    """(lowest, highest) number of rejections in n seeds inside the two-sided `level` binomial band around alpha."""
    low, high = binom.ppf([(1 - level) / 2, (1 + level) / 2], n, alpha)
    return int(low), int(high)


def recall_null(known: Forecasters, t: Ints, *, rng: np.random.Generator) -> RecallArms:
    """Answers that share the target's values and memory but not its dates, judged by the whole rule."""
    other = surrogate(known.window.x, rng=rng)
    if other is None:
        raise ValueError("no unrelated rearrangement of this series was found")
    return _recall_arms(recall(known, other[t], t, n_resamples=NULL_DRAWS, rng=rng))


def skill_boundary(known: Forecasters, t: Ints, *, rng: np.random.Generator) -> RecallArms:
    """Answers with errors drawn from those of b* over the window, on other dates: the edge of the skill arm's null.

    Only `p_skill` is at its null here; such answers do know their dates.
    """
    there = known.window.published
    errors = (known.rounded[known.best] - known.window.x)[there]
    answers = publish(known.window.x[t] + rng.choice(errors, size=len(t)), known.window.decimals)
    return _recall_arms(recall(known, answers, t, n_resamples=NULL_DRAWS, rng=rng))


def binding_null(
    known: Forecasters, logprob: Floats, columns: Floats, *, matched: int = 40, rng: np.random.Generator
) -> BindingArms:
    """The values dealt to other dates, the matrix left as it is: no date can be bound to what it now carries.

    A near-white series is permuted; a slow or seasonal one is turned by at least k0 periods (whole seasons), half of
    the time backwards, so that it keeps its memory.
    """
    window = known.window
    x, n = window.x, len(window)
    if known.k0 <= 12 and not window.season:
        there = np.flatnonzero(window.published)
        dealt = x.copy()
        dealt[there] = x[rng.permutation(there)]
    else:
        dealt = np.roll(x, int(rng.choice(np.arange(known.k0, n - known.k0 + 1, window.season or 1))))
        dealt = dealt[::-1] if rng.random() < 0.5 else dealt
    found = binding(known.revalued(dealt), logprob, columns, matched=matched, n_resamples=NULL_DRAWS, rng=rng)
    return _binding_arms(found)


def recalled(
    known: Forecasters, t: Ints, share: float, *, margins: Margins, fabricated: bool, rng: np.random.Generator
) -> bool:
    """Does the whole rule find a model that gives `share` of the dates and b^h's (or fabricated) answers elsewhere?"""
    filler = fabricate(known.window, t, size=1, rng=rng)[0] if fabricated else known.rounded[known.hitter][t]
    knows = rng.permutation(len(t)) < round(share * len(t))
    answers = np.where(knows, known.window.x[t], filler)
    return recall(known, answers, t, n_resamples=4 * NULL_DRAWS + 3, rng=rng).passes(margins)


def oracle_matrix(known: Forecasters, estimate: Floats, columns: Floats, *, rng: np.random.Generator) -> Floats:
    """[N, V] log-probs, nats, of a model that believes in `estimate` with the spread of b*'s errors: -(v - x̂_t)^2 /
    (2 MAE(b*)^2) + .5 N(0, 1)."""
    distance = columns[None, :] - estimate[:, None]
    noise = rng.normal(size=distance.shape)
    return np.asarray(-(distance**2) / (2 * known.mae[known.best] ** 2) + 0.5 * noise, dtype=np.float64)


def _recall_arms(found: Recall) -> RecallArms:
    beat = found.beat
    met = beat.excess >= 0.10 or beat.skill >= 0.25
    return RecallArms(found.shift.block, beat.p_excess, beat.p_skill, beat.pvalue, found.pvalue, met)


def _binding_arms(found: Binding) -> BindingArms:
    return BindingArms(found.shift.block, found.mirror.pvalue, found.pvalue, found.w)
