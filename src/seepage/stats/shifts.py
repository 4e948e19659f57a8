"""Do the answers fit their own dates better than shifted ones? Plain and block-shift nulls.

A series scored against itself k periods later keeps level, spread and memory and loses only the date. One shift for
all dates (plain) has few draws; the gate draws a shift for each block of the calendar.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import NotTestable
from .blocks import BLOCK, pvalue

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ShiftNull:
    """observed: mean at the true dates.  plain: p over whole shifts.  block: p of the gate.  null: [B] block draws.
    profile: [n_shifts] means at each whole shift."""

    observed: float
    plain: float
    block: float
    null: Floats
    profile: Floats


def shift_set(n: int, *, k0: int, season: int) -> Ints:
    """Shifts k0 .. span - k0, whole seasons only where there is a season; span is n cut to whole seasons.

    Raises NotTestable where the calendar is too short for any.
    """
    shifts = np.arange(k0, n - n % (season or 1) - k0 + 1, season or 1)
    if not len(shifts):
        raise NotTestable(
            f"{n} periods are too few for shifts of at least {k0} periods on either side. Give more rows or dates."
        )
    return shifts


def shifted(t: Ints, shifts: Ints, *, n: int, season: int) -> Ints:
    """[n_dates, n_shifts] the period whose label date t gets at each shift, wrapped at the end of the calendar.

    The wrap goes back by whole seasons: by n itself, January would meet November wherever n is no multiple of the
    season, and anyone who knows the months would look as if he knew the dates.
    """
    later = t[:, None] + shifts[None, :]
    return np.where(later < n, later, later - (n - n % (season or 1)))


def shift_null(
    at_zero: Floats, at_shift: Floats, t: Ints, *, k0: int, n_resamples: int, rng: np.random.Generator
) -> ShiftNull:
    """Mean over dates at shift 0 against shifted labels, one shift drawn for each block of max(12, k0) periods.

    at_zero: [n] score of each date with its own label.  at_shift: [n, n_shifts] with the label of each shift; NaN where
    no value was published there.  t: [n] period counts.
    p is never below 1 / (1 + n_shifts ** n_blocks): more draws cannot make a short calendar say more.
    """
    observed = float(np.mean(at_zero))
    there = ~np.isnan(at_shift)
    scores = np.where(there, at_shift, 0.0)
    profile = scores.sum(axis=0) / np.maximum(there.sum(axis=0), 1)
    _, block = np.unique(np.asarray(t) // max(BLOCK, k0), return_inverse=True)
    n_blocks, n_shifts = int(block.max()) + 1, at_shift.shape[1]
    member = (block[None, :] == np.arange(n_blocks)[:, None]).astype(np.float64)
    sums, counts = member @ scores, member @ there
    null = np.empty(n_resamples)
    rows = np.arange(n_blocks)
    for start in range(0, n_resamples, 4096):  # bounds memory, not the draws
        drawn = rng.integers(0, n_shifts, size=(min(4096, n_resamples - start), n_blocks))
        null[start : start + len(drawn)] = sums[rows, drawn].sum(axis=1) / np.maximum(
            counts[rows, drawn].sum(axis=1), 1
        )
    return ShiftNull(
        observed=observed,
        plain=pvalue(profile, observed),
        block=max(pvalue(null, observed), floor(n_shifts, n_blocks)),
        null=null,
        profile=profile,
    )


def floor(n_shifts: int, n_blocks: int) -> float:
    """Smallest p the block-shift null can give: 1 / (1 + n_shifts ** n_blocks)."""
    return 1 / (1 + math.exp(min(n_blocks * math.log(n_shifts), 700.0)))  # beyond e^700 it is 0 to any level
