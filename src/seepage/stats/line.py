"""A line by weighted least squares, and how well it predicts one more point."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BEYOND = 0.25  # of the range of x: how far outside it a point is still predicted


@dataclass(frozen=True, slots=True)
class Line:
    """y = a + b x.  variance: of the residuals, with `degrees` of freedom.  units: independent points.

    middle, sxx: weighted mean of x, and sum of squares around it.  low, high: range of x.
    """

    a: float
    b: float
    variance: float
    degrees: int
    units: float
    middle: float
    sxx: float
    low: float
    high: float

    def at(self, x: float) -> float:
        return self.a + self.b * x

    def leverage(self, x: float) -> float:
        """What not knowing the line adds to the variance of a point at x, as a share of `variance`."""
        return 1 / self.units + ((x - self.middle) ** 2 / self.sxx if self.sxx > 0 else 0.0)

    def outside(self, x: float) -> float:
        """How far x lies outside the range, as a share of it; 0 inside."""
        return max(self.low - x, x - self.high, 0.0) / (self.high - self.low) if self.high > self.low else np.inf


def fit(x: Floats, y: Floats, weights: Floats | None = None) -> Line:
    """x, y: [n].  weights: [n]; they add up to the number of independent points, 3 or more. All 1 where not given."""
    weights = np.ones(len(x)) if weights is None else weights
    units = round(float(weights.sum()), 9)
    middle = float(np.average(x, weights=weights))
    sxx = float(weights @ (x - middle) ** 2)
    b = float(weights @ ((x - middle) * y)) / sxx if sxx > 0 else 0.0
    a = float(np.average(y, weights=weights) - b * middle)
    degrees = round(units) - 2
    variance = float(weights @ (y - a - b * x) ** 2) / degrees
    return Line(a, b, variance, degrees, units, middle, sxx, float(x.min()), float(x.max()))
