"""Five membership scores of a text from its token statistics; in each, higher means "more likely seen in training".

    mean_logprob  mean of log p(token), nats                                     Yeom et al. 2018, arXiv:1709.01604
    min_k         mean of the k % smallest log p(token), nats                    Shi et al. 2024, arXiv:2310.16789
    min_k_plus    the same of (log p(token) - mean) / std over the vocabulary    Zhang et al. 2024, arXiv:2404.02936
    zlib          mean of log p(token) / bytes of the zlib-compressed text       Carlini et al. 2021, arXiv:2012.07805
    mean_rank     minus the mean rank of the token, 0 = first choice             Gehrmann et al. 2019, arXiv:1906.04043

All five come from one forward pass. The stats of a whole text are those of `Score(prompt="", continuations=(text,))`;
its first token has no context, and is left out, unless the tokenizer puts a BOS in front by default.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import NotTestable
from ..records import TokenStats

Rounding = Literal["ceil", "floor"]


@dataclass(frozen=True, slots=True)
class Membership:
    """The five scores of one text."""

    mean_logprob: float
    min_k: float
    min_k_plus: float
    zlib: float
    mean_rank: float


def membership(stats: TokenStats, text: str, *, k: float = 20.0, rounding: Rounding = "ceil") -> Membership:
    """The five scores. k: per cent of the tokens that Min-K% and Min-K%++ look at; see `n_smallest` for the rounding.

    Raises NotTestable where no token of the text was scored, ValueError for a k outside (0, 100].
    """
    logprob = _scored(stats)
    return Membership(
        mean_logprob=float(logprob.mean()),
        min_k=mean_of_smallest(logprob, k=k, rounding=rounding),
        min_k_plus=mean_of_smallest(standardized(stats), k=k, rounding=rounding),
        zlib=float(logprob.mean()) / len(zlib.compress(text.encode())),
        mean_rank=-float(np.mean(stats.rank)),
    )


def standardized(stats: TokenStats) -> NDArray[np.float64]:
    """(log p - mean) / std of each token, [n_tokens]: Min-K%++, eq. 3.

    A distribution with all its mass on one token has no spread; that token stands at its mean, so the value is 0.
    """
    logprob = _scored(stats)
    mean, std = np.asarray(stats.mean), np.asarray(stats.std)
    flat = std <= 0
    return np.where(flat, 0.0, (logprob - mean) / np.where(flat, 1.0, std))


def mean_of_smallest(values: NDArray[np.float64], *, k: float, rounding: Rounding = "ceil") -> float:
    """Mean of the k % smallest values, same unit."""
    n = n_smallest(len(values), k=k, rounding=rounding)
    return float(np.sort(values)[:n].mean())


def n_smallest(n_tokens: int, *, k: float, rounding: Rounding = "ceil") -> int:
    """How many of n tokens are "the k % smallest": never none.

    `ceil` is ours. `floor` keeps max(1, floor(n k / 100)), as benchleak 0.4.0 does; the plain int(n k / 100) of other
    implementations keeps none of a short text. Raises ValueError for a k outside (0, 100].
    """
    if not 0 < k <= 100:
        raise ValueError(f"k is per cent of the tokens, in (0, 100]; got {k}")
    if rounding not in ("ceil", "floor"):
        raise ValueError(f"rounding is 'ceil' or 'floor', got {rounding!r}")
    exact = n_tokens * k / 100
    return max(1, math.ceil(exact) if rounding == "ceil" else math.floor(exact))


def _scored(stats: TokenStats) -> NDArray[np.float64]:
    if not stats.logprob:
        raise NotTestable("a membership score needs a text of at least one scored token; this one has none.")
    return np.asarray(stats.logprob, dtype=np.float64)
