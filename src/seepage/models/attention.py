"""Attention over a forest of tokens, as an attention function of transformers.

The linear layers of a model see one row without padding or repeated prefixes; only attention needs to know which token
belongs to which text. transformers 5 lets a model's attention be replaced by name, so the row's tiles (trees.tile) are
put in place for one forward pass and every layer reads them. Sliding windows and soft caps are honoured. Models that do
not call the attention interface, or that need more (sinks, ALiBi), are refused here or found out by the comparison
with a plain padded batch, and are then scored in padded batches.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .trees import Forest, Tiling, tile

if TYPE_CHECKING:
    import torch

NAME = "seepage_forest"


class NotHonoured(Exception):
    """This architecture's attention cannot be given as tiles; the caller scores it in padded batches."""


@dataclass(frozen=True, slots=True)
class _Group:
    """Tiles of one shape. queries: [n, q] and keys: [n, k] positions.  mask: [n, 1, q, k], added to the scores.

    distance: [n, 1, q, k], how many tokens a key lies before a query in its text.
    """

    queries: torch.Tensor
    keys: torch.Tensor
    mask: torch.Tensor
    distance: torch.Tensor


@dataclass(slots=True)
class _Plan:
    """What the attention function reads during one forward pass. windowed: the masks of a sliding window, made once."""

    groups: list[_Group]
    scatter: torch.Tensor
    n_tokens: int
    depth: int
    calls: int = 0
    windowed: dict[int, list[torch.Tensor]] = field(default_factory=dict)

    def masks(self, window: int | None) -> list[torch.Tensor]:
        """One mask a group; `window` is the number of tokens that a query sees, itself included."""
        if window is None or window >= self.depth:
            return [group.mask for group in self.groups]
        if window not in self.windowed:
            hidden = [group.distance >= window for group in self.groups]
            self.windowed[window] = [
                group.mask.masked_fill(far, float("-inf")) for group, far in zip(self.groups, hidden, strict=True)
            ]
        return self.windowed[window]


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
        distance = forest.depth[tiles.queries][:, :, None] - forest.depth[tiles.keys][:, None, :]
        queries, keys = torch.from_numpy(tiles.queries), torch.from_numpy(tiles.keys)
        groups.append(_Group(queries, keys, mask.unsqueeze(1), torch.from_numpy(distance).unsqueeze(1)))
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
    softcap: float | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """query: [1, n_heads, n_tokens, d]; key, value: [1, n_kv_heads, n_tokens, d]. Returns [1, n_tokens, n_heads, d]."""
    import torch

    plan = _current[-1]
    plan.calls += 1
    for name in ("s_aux", "position_bias"):
        if kwargs.get(name) is not None:
            raise NotHonoured(f"its attention adds {name}")
    if query.shape[0] != 1 or query.shape[2] != plan.n_tokens or key.shape[2] != plan.n_tokens:
        raise NotHonoured("its attention is not given the row as it was passed in")
    repeat = query.shape[1] // key.shape[1]
    q_rows, k_rows, v_rows = (x[0].transpose(0, 1) for x in (query, key, value))  # [n_tokens, heads, d]
    outputs = []
    for group, mask in zip(plan.groups, plan.masks(sliding_window), strict=True):
        q = q_rows[group.queries].transpose(1, 2)  # [n, heads, q, d]
        k = k_rows[group.keys].transpose(1, 2)
        v = v_rows[group.keys].transpose(1, 2)
        if repeat > 1:
            k, v = k.repeat_interleave(repeat, dim=1), v.repeat_interleave(repeat, dim=1)
        attended = _attend(q, k, v, mask, scaling, softcap)
        outputs.append(attended.transpose(1, 2).flatten(0, 1))  # [n*q, heads, d]
    return torch.cat(outputs)[plan.scatter].unsqueeze(0), None


def _attend(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    mask: torch.Tensor,
    scaling: float | None,
    softcap: float | None,
) -> torch.Tensor:
    import torch
    from torch.nn.functional import scaled_dot_product_attention

    if softcap is None:
        return scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=scaling)
    scale = scaling if scaling is not None else q.shape[-1] ** -0.5  # Gemma 2 caps the scores before the mask
    scores = torch.tanh(q @ k.transpose(-1, -2) * (scale / softcap)) * softcap + mask
    return scores.softmax(-1) @ v
