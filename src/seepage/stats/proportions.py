"""Shares and their intervals."""

from __future__ import annotations

import math

from scipy.stats import norm


def wilson(successes: float, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """Wilson score interval of a share (Wilson 1927). successes may be a half (ties). Raises ValueError if n < 1."""
    if n < 1:
        raise ValueError("a share of nothing has no interval")
    z = float(norm.ppf((1 + level) / 2))
    share = successes / n
    middle = share + z * z / (2 * n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return (middle - half) / scale, (middle + half) / scale
