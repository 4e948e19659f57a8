"""An invented series with the target's own values and memory: where nothing may be found."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

UNRELATED = 0.5  # largest |correlation| with the target at which a placebo series is still one
ATTEMPTS = 20
ROUNDS = 50


def surrogate(x: Floats, *, rng: np.random.Generator) -> Floats | None:
    """[N] the same values in another order with about the same autocorrelation (iterated amplitude-adjusted Fourier
    transform, Schreiber and Schmitz 1996); holes stay holes.

    None where 20 draws all correlate above .5 with x: slow series have few independent rearrangements.
    """
    there = ~np.isnan(x)
    values = np.sort(x[there])
    size = np.abs(np.fft.rfft(x[there]))
    for _ in range(ATTEMPTS):
        drawn = rng.permutation(values)
        for _ in range(ROUNDS):
            turned = np.fft.irfft(size * np.exp(1j * np.angle(np.fft.rfft(drawn))), n=len(values))
            drawn = values[np.argsort(np.argsort(turned, kind="stable"), kind="stable")]
        if abs(np.corrcoef(drawn, x[there])[0, 1]) <= UNRELATED:
            other = np.full(len(x), np.nan)
            other[there] = drawn
            return other
    return None
