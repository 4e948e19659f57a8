"""Is an answer that greedy decoding does not give demoted or gone? Ranks against a held-out distractor, and recovery.

    pass@k = 1 - C(m - c, k) / C(m, k)       c of m samples right; Chen et al. 2021, arXiv:2107.03374, eq. 1
    sign test of rank(gold) < rank(heldout)  null 1/2, ties dropped and counted

Ranks count from 1 (1 + tokens with a larger logit). The comparator is a distractor that was never among the options:
one that was has lost to gold already wherever gold was picked.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from ..errors import NotTestable

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Label = Literal["demoted", "erased", "unclear"]

LIMITS = (1, 2, 5, 10, 50)  # ranks of which the share at or below is shown
NEAR, FAR = 10, 1_000  # ranks: demoted at or below, erased above


@dataclass(frozen=True, slots=True)
class Sign:
    """Pairs where the first is better, where the second is, ties, and the exact one-sided p that the first is."""

    wins: int
    losses: int
    ties: int
    pvalue: float

    @property
    def share(self) -> float | None:
        """Wins among the pairs that are no tie, None where all are."""
        pairs = self.wins + self.losses
        return self.wins / pairs if pairs else None


@dataclass(frozen=True, slots=True)
class Ranks:
    """n ranks: their median, the mean of their log10, and limit -> share of them at or below it."""

    n: int
    median: float
    mean_log10: float
    within: dict[int, float]


def pass_at_k(m: int, c: int, k: int) -> float:
    """Unbiased chance that one of k samples is right, from c right ones of m drawn; 1 where fewer than k are wrong.

    1 - (1 - c/m)^k is too low: for m = 20, c = 2, k = 5 it gives .410 for .447.
    Raises ValueError unless 0 <= c <= m and 1 <= k <= m.
    """
    if not (0 <= c <= m and 1 <= k <= m):
        raise ValueError(
            f"c of m samples are right and k of them are looked at, 0 <= c <= m, 1 <= k <= m; got {m=} {c=} {k=}"
        )
    if c > m - k:
        return 1.0
    return 1.0 - math.prod((m - c - i) / (m - i) for i in range(k))


def sign_test(first: Floats | Ints, second: Floats | Ints) -> Sign:
    """Exact one-sided sign test of first > second, arrays [n] of one unit; p = 1 where every pair is a tie."""
    if first.shape != second.shape:
        raise ValueError(f"pairs have two sides, got shapes {first.shape} and {second.shape}")
    wins, losses = int(np.count_nonzero(first > second)), int(np.count_nonzero(first < second))
    return Sign(wins, losses, len(first) - wins - losses, float(binom.sf(wins - 1, wins + losses, 0.5)))


def sign_test_ranks(gold: Ints, heldout: Ints) -> Sign:
    """Sign test of rank(gold) < rank(heldout), [n] each. Two answers with one first token have one rank: a tie."""
    return sign_test(-_ranks(gold), -_ranks(heldout))


def describe_ranks(ranks: Ints) -> Ranks:
    """ranks: [n], from 1. Raises NotTestable where there is none."""
    ranks = _ranks(ranks)
    if not len(ranks):
        raise NotTestable("no item was answered wrongly, so there is no rank to describe.")
    return Ranks(
        n=len(ranks),
        median=float(np.median(ranks)),
        mean_log10=float(np.log10(ranks).mean()),
        within={limit: float(np.mean(ranks <= limit)) for limit in LIMITS},
    )


def labels(ranks: Ints, *, recovered: Bools, picked: Bools) -> tuple[Label, ...]:
    """Of each generation-wrong item: `demoted` by a rank <= 10 or a recovery; `erased` by a rank > 1,000, no recovery
    and multiple choice wrong; else `unclear`. Arrays [n]."""
    found: list[Label] = []
    for rank, back, pick in zip(_ranks(ranks), recovered, picked, strict=True):
        if rank <= NEAR or back:
            found.append("demoted")
        else:
            found.append("erased" if rank > FAR and not pick else "unclear")
    return tuple(found)


def _ranks(ranks: Ints) -> Ints:
    if len(ranks) and int(ranks.min()) < 1:
        raise ValueError(
            f"ranks count from 1 (1 + tokens with a larger logit), the smallest here is {int(ranks.min())}"
        )
    return ranks.astype(np.int64)
