"""What is kept of a next-token distribution: log-prob and rank of a few tokens, mean and std of log p.

Min-K%++ (Zhang et al. 2024, arXiv:2404.02936, eq. 3) needs mean and standard deviation of log p(z) for z drawn from p.
The head is applied to some 150 rows at a time: fewer read its weights too often, more ask the system for fresh memory
each time (malloc maps blocks above 32 MB anew). The moments are taken a few rows at a time, which stay in the cache:
together they then cost about what one log-softmax over the whole block does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

HEAD_LOGITS = 7_500_000  # 30 MB of float32
CACHE_LOGITS = 800_000  # 3 MB


@dataclass(frozen=True, slots=True)
class Looked:
    """logprob, rank: [n_pairs].  mean, std: [n_pairs], of the pair's distribution; None where not asked for."""

    logprob: FloatArray
    rank: IntArray | None = None
    mean: FloatArray | None = None
    std: FloatArray | None = None

    def part(self, at: slice | IntArray) -> Looked:
        """The same columns at some rows."""
        if self.rank is None or self.mean is None or self.std is None:
            return Looked(self.logprob[at])
        return Looked(self.logprob[at], self.rank[at], self.mean[at], self.std[at])


def join(pieces: Sequence[Looked]) -> Looked:
    """The columns of several, one after the other."""

    def column(name: str) -> Any:
        parts = [getattr(piece, name) for piece in pieces]
        return None if any(one is None for one in parts) else np.concatenate(parts)

    if not pieces:
        return Looked(np.zeros(0), np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0))
    return Looked(column("logprob"), column("rank"), column("mean"), column("std"))


def look_up(
    hidden: torch.Tensor,
    head: Callable[[torch.Tensor], torch.Tensor],
    pair_source: IntArray,
    pair_token: IntArray,
    *,
    n_vocabulary: int,
    full: bool,
) -> Looked:
    """Log-probs (nats) of the pairs; with `full` also rank, mean and std.

    hidden: [n_sources, d], the final hidden state of each source.  pair_source must ascend.
    """
    step = max(32, HEAD_LOGITS // n_vocabulary)
    pieces: list[Looked] = []
    for start in range(0, len(hidden), step):
        logits = head(hidden[start : start + step]).float()
        low, high = np.searchsorted(pair_source, [start, start + len(logits)])
        rows, tokens = pair_source[low:high] - start, pair_token[low:high]
        pieces += _full(logits, rows, tokens) if full else [_sums(logits, rows, tokens)]
    return join(pieces)


def _sums(logits: torch.Tensor, rows: IntArray, tokens: IntArray) -> Looked:
    import torch

    at = torch.from_numpy(rows)
    return Looked(_doubles(logits[at, torch.from_numpy(tokens)] - logits.logsumexp(-1)[at]))


def _full(logits: torch.Tensor, rows: IntArray, tokens: IntArray) -> list[Looked]:
    step = max(1, CACHE_LOGITS // logits.shape[1])
    pieces = []
    for start in range(0, len(logits), step):
        low, high = np.searchsorted(rows, [start, start + step])
        pieces.append(_few_rows(logits[start : start + step], rows[low:high] - start, tokens[low:high]))
    return pieces


def _few_rows(logits: torch.Tensor, rows: IntArray, tokens: IntArray) -> Looked:
    """logprob, rank, mean, std of each (row, token). Overwrites the logits with logits minus their maximum."""
    import torch

    shifted = logits.sub_(logits.amax(-1, keepdim=True))
    at = torch.from_numpy(rows)
    target = shifted[at, torch.from_numpy(tokens)]
    # numpy counts set bytes of one row ten times faster than a sum along an axis of truth values
    rank = np.array(
        [np.count_nonzero((shifted[row] > value).numpy()) for row, value in zip(rows.tolist(), target, strict=True)],
        dtype=np.int64,
    )
    weights = shifted.exp()
    total = weights.sum(-1)
    log_total = total.log()
    first, std = _moments(weights, shifted, total)
    if not bool(torch.isfinite(first).all()):  # a vocabulary entry that the model forbids: its weight is 0, not 0 * inf
        first, std = _moments(weights, shifted.clamp(min=-1e4), total)
    return Looked(_doubles(target - log_total[at]), rank, _doubles((first - log_total)[at]), _doubles(std[at]))


def _moments(weights: torch.Tensor, shifted: torch.Tensor, total: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation of the shifted logits under weights / total."""
    product = weights * shifted
    first = product.sum(-1) / total
    second = product.mul_(shifted).sum(-1) / total
    return first, (second - first.square()).clamp_(min=0).sqrt()


def _doubles(values: torch.Tensor) -> FloatArray:
    return values.double().numpy()
