"""Attention over a forest of tokens, as an attention function of transformers.

The linear layers of a model see one row without padding or repeated prefixes; only attention needs to know which token
belongs to which text. transformers 5 lets a model's attention be replaced by name, so the row's tiles (trees.tile) are
put in place for one forward pass and every layer reads them. Models that do not call the attention interface, or that
need more than a mask (soft caps, sinks, a sliding window shorter than the texts), are refused here or found out by the
comparison with a plain padded batch, and are then scored in padded batches.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .trees import Forest, Tiling, tile

if TYPE_CHECKING:
    import torch

NAME = "seepage_forest"


class NotHonoured(Exception):
    """This architecture's attention cannot be given as tiles; the caller scores it in padded batches."""


@dataclass(slots=True)
class _Plan:
    """What the attention function reads during one forward pass."""

    groups: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]  # query index [n*q], key index [n*k], mask [n,1,q,k]
    scatter: torch.Tensor
    n_tokens: int
    depth: int
    calls: int = 0


_current: list[_Plan] = []  # a stack of at most one: the model is called by one thread


def register() -> None:
    """Make the attention function known to transformers. Idempotent."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, _forest_attention)


@contextlib.contextmanager
def planned(forest: Forest, *, dtype: torch.dtype, tiling: Tiling | None = None) -> Iterator[_Plan]:
    """Within this block, a forward pass over the forest's row attends along its tiles."""
    plan = _plan(forest, tiling or tile(forest), dtype)
    _current.append(plan)
    try:
        yield plan
    finally:
        _current.pop()


def _plan(forest: Forest, tiling: Tiling, dtype: torch.dtype) -> _Plan:
    import torch

    groups = []
    for tiles in tiling.groups:
        mask = torch.zeros(tiles.mask.shape, dtype=dtype)
        mask.masked_fill_(torch.from_numpy(~tiles.mask), float("-inf"))
        keys = torch.from_numpy(tiles.keys)
        groups.append((torch.from_numpy(tiles.queries), keys, mask.unsqueeze(1)))
    depth = int(forest.depth.max(initial=0)) + 1
    return _Plan(groups, torch.from_numpy(tiling.scatter), len(forest.ids), depth)


def _forest_attention(
    _module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    _mask: torch.Tensor | None,
    scaling: float | None = None,
    sliding_window: int | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """query: [1, n_heads, n_tokens, d]; key, value: [1, n_kv_heads, n_tokens, d]. Returns [1, n_tokens, n_heads, d]."""
    import torch
    from torch.nn.functional import scaled_dot_product_attention

    if not _current:
        raise NotHonoured("a forward pass without a plan")
    plan = _current[-1]
    plan.calls += 1
    for name in ("softcap", "s_aux", "position_bias"):
        if kwargs.get(name) is not None:
            raise NotHonoured(f"attention with {name}")
    if sliding_window is not None and plan.depth > sliding_window:
        raise NotHonoured(f"a sliding window of {sliding_window} tokens and a text of {plan.depth}")
    if query.shape[0] != 1 or query.shape[2] != plan.n_tokens or key.shape[2] != plan.n_tokens:
        raise NotHonoured("a row that is not the forest's")
    repeat = query.shape[1] // key.shape[1]
    q_rows, k_rows, v_rows = (x[0].transpose(0, 1) for x in (query, key, value))  # [n_tokens, heads, d]
    outputs = []
    for queries, keys, mask in plan.groups:
        q = q_rows[queries].transpose(1, 2)  # [n, heads, q, d]
        k = k_rows[keys].transpose(1, 2)
        v = v_rows[keys].transpose(1, 2)
        if repeat > 1:
            k, v = k.repeat_interleave(repeat, dim=1), v.repeat_interleave(repeat, dim=1)
        attended = scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=scaling)
        outputs.append(attended.transpose(1, 2).flatten(0, 1))  # [n*q, heads, d]
    return torch.cat(outputs)[plan.scatter].unsqueeze(0), None
