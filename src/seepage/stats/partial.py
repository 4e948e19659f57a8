"""Does an estimate follow the truth beyond what neighbours and calendar already say? (Freedman and Lane 1983.)"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .blocks import BLOCK, block_order, pvalue

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Partial:
    """r: partial correlation.  pvalue: one-sided.  blocked: residuals were permuted in blocks of 12 dates."""

    r: float
    pvalue: float
    blocked: bool


def freedman_lane(y: Floats, x: Floats, z: Floats, *, n_resamples: int, rng: np.random.Generator) -> Partial:
    """Partial correlation of y and x given z, with residuals of y on z permuted, refitted and correlated again.

    y, x: [n] in time order.  z: [n, c] (a constant is added).  Residuals move in blocks of 12 if their lag-1
    autocorrelation is above .2. Raises ValueError where x or y has nothing left beside z.
    """
    design = np.column_stack([np.ones(len(y)), z])
    design = design / np.maximum(np.abs(design).max(axis=0), 1e-300)
    left, sizes, _ = np.linalg.svd(design, full_matrices=False)
    basis = left[:, sizes > sizes[0] * 1e-10]
    rest_y, rest_x = (v - basis @ (basis.T @ v) for v in (y, x))
    if min(_spread(rest_y, y), _spread(rest_x, x)) < 1e-9:
        raise ValueError("nothing is left of the estimate or of the truth beside the controls")
    blocked = float(np.corrcoef(rest_y[:-1], rest_y[1:])[0, 1]) > 0.2
    observed = float(rest_y @ rest_x / np.sqrt((rest_y @ rest_y) * (rest_x @ rest_x)))
    orders = np.array([block_order(len(y), length=BLOCK if blocked else 1, rng=rng) for _ in range(n_resamples)])
    moved = rest_y[orders]  # the fitted part lies in the span of z and drops out when the fit is repeated
    left_over = np.sum(moved * moved, axis=1) - np.sum((moved @ basis) ** 2, axis=1)
    null = moved @ rest_x / np.sqrt(np.maximum(left_over, 1e-300) * (rest_x @ rest_x))
    return Partial(observed, pvalue(null, observed), blocked)


def _spread(rest: Floats, whole: Floats) -> float:
    return float(np.sqrt(rest @ rest) / max(float(np.sqrt(whole @ whole)), 1e-300))
