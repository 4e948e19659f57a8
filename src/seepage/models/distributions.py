"""What is kept of a next-token distribution: log-prob and rank of a few tokens, mean and std of log p.

Min-K%++ (Zhang et al. 2024, arXiv:2404.02936, eq. 3) needs mean and standard deviation of log p(z) for z drawn from p.
Rows are worked off in chunks that stay near the processor's cache: a row of a 49,152-word vocabulary is 192 kB.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

CHUNK_LOGITS = 1 << 22  # 16 MB of float32


@dataclass(frozen=True, slots=True)
class Looked:
    """logprob, rank: [n_pairs].  mean, std: [n_pairs], of the pair's distribution; None where not asked for."""

    logprob: NDArray[np.float64]
    rank: NDArray[np.int64] | None
    mean: NDArray[np.float64] | None
    std: NDArray[np.float64] | None


def look_up(
    hidden: torch.Tensor,
    head: Callable[[torch.Tensor], torch.Tensor],
    pair_source: NDArray[np.int64],
    pair_token: NDArray[np.int64],
    *,
    n_vocabulary: int,
    full: bool,
) -> Looked:
    """Log-probs (nats) of the pairs; with `full` also rank, mean and std.

    hidden: [n_sources, d], the final hidden state of each source.  pair_source must ascend.
    """
    import torch

    step = max(16, CHUNK_LOGITS // n_vocabulary)
    pieces = []
    for start in range(0, len(hidden), step):
        logits = head(hidden[start : start + step]).float()
        low, high = np.searchsorted(pair_source, [start, start + len(logits)])
        rows = torch.from_numpy(pair_source[low:high] - start)
        tokens = torch.from_numpy(pair_token[low:high])
        pieces.append(_full(logits, rows, tokens) if full else _sums(logits, rows, tokens))
    columns = [np.concatenate(column) for column in zip(*pieces, strict=True)] if pieces else [np.zeros(0)] * 4
    if not full:
        return Looked(columns[0].astype(np.float64), None, None, None)
    logprob, rank, mean, std = columns
    return Looked(logprob.astype(np.float64), rank.astype(np.int64), mean.astype(np.float64), std.astype(np.float64))


def _sums(logits: torch.Tensor, rows: torch.Tensor, tokens: torch.Tensor) -> tuple[NDArray[np.float32], ...]:
    logprob = logits[rows, tokens] - logits.logsumexp(-1)[rows]
    return (logprob.numpy(),)


def _full(logits: torch.Tensor, rows: torch.Tensor, tokens: torch.Tensor) -> tuple[NDArray[np.generic], ...]:
    import torch

    shifted = logits.sub_(logits.amax(-1, keepdim=True))
    target = shifted[rows, tokens]
    # One (row, token) pair a row is the rule for texts; options that part from one prompt have several.
    per_pair = shifted if torch.equal(rows, torch.arange(len(shifted))) else shifted[rows]
    rank = torch.count_nonzero(per_pair > target.unsqueeze(-1), dim=-1)
    weights = shifted.exp()
    total = weights.sum(-1)
    log_total = total.log()
    first, std = _moments(weights, shifted, total)
    if not bool(torch.isfinite(first).all()):  # a vocabulary entry that the model forbids: its weight is 0, not 0 * inf
        first, std = _moments(shifted.exp(), shifted.clamp(min=-1e4), total)
    return (target - log_total[rows]).numpy(), rank.numpy(), (first - log_total)[rows].numpy(), std[rows].numpy()


def _moments(weights: torch.Tensor, shifted: torch.Tensor, total: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation of the shifted logits under weights / total; `weights` is used up."""
    import torch

    first = torch.linalg.vecdot(weights, shifted) / total
    second = torch.linalg.vecdot(weights.mul_(shifted), shifted) / total
    return first, (second - first.square()).clamp_(min=0).sqrt()
