"""How much of a p-value is left when a family of claims is judged together: weighted Holm.

After Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Statist. 6 (1979) 65-70, with weights
as in its section 4. It holds the family-wise level under any dependence, and rejects all that weighted Bonferroni does.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence


def holm(pvalues: Sequence[float], *, weights: Sequence[float] | None = None) -> tuple[float, ...]:
    """Adjusted p-values, in the order given: reject where adjusted <= alpha.

    pvalues: [m], each in 0..1; a claim of the family that has no p counts as 1.0.  weights: [m], > 0, equal where None.
    With p_(1)/w_(1) <= p_(2)/w_(2) <= ..., adjusted_(i) is the largest over j <= i of
    min(1, p_(j) * (w_(j) + ... + w_(m)) / w_(j)).
    Raises ValueError on a p outside 0..1 (or NaN), on weights that are not positive, or not as many as the p-values.
    """
    m = len(pvalues)
    shares = [1.0] * m if weights is None else [float(w) for w in weights]
    if len(shares) != m:
        raise ValueError(f"{m} p-values and {len(shares)} weights; give one weight each")
    if any(not (math.isfinite(w) and w > 0) for w in shares):
        raise ValueError(f"weights must be positive and finite, got {shares}")
    if any(not 0.0 <= p <= 1.0 for p in pvalues):
        raise ValueError(f"p-values must lie in 0..1, got {list(pvalues)}")
    order = sorted(range(m), key=lambda i: (pvalues[i] / shares[i], i))
    adjusted, worst = [1.0] * m, 0.0
    left_of = list(itertools.accumulate(shares[i] for i in reversed(order)))[::-1]  # weight not yet rejected
    for index, left in zip(order, left_of, strict=True):
        worst = max(worst, min(1.0, pvalues[index] * left / shares[index]))
        adjusted[index] = worst
    return tuple(adjusted)
