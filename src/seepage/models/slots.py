"""Keys and values of a batch in memory taken once: a row's texts end in the same column, and a row is moved by a copy.

    column      0   1   2   3   4   5   6   7          width = 5, room = 3
    slot 0      the capi tal  of  X   is  P   aris
    slot 1      .   .   .   of  Y   is  B   onn        . = padding, never seen: masked

transformers' own cache grows by a copy of everything at every token, and drops a row by another. Here a token is one
write, and a row that ends is overwritten by the last one. Layers with a sliding window keep all columns: the mask that
transformers makes for them hides what lies outside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


@dataclass(slots=True)
class _Layer:
    """keys, values: [n_slots, n_heads, n_columns, d]."""

    keys: torch.Tensor
    values: torch.Tensor


class Slots:
    """What a model of transformers is given as `past_key_values`. It sees the window that was opened last."""

    is_compileable = False

    def __init__(self, n_slots: int, n_columns: int) -> None:
        self.n_slots, self.n_columns = n_slots, n_columns
        self._layers: dict[int, _Layer] = {}
        self.window(slice(0, n_slots), 0, 0)

    def window(self, slots: slice, first: int, last: int) -> None:
        """The next pass runs over these slots, sees columns first..last-1, and writes from column `last` on."""
        self._slots, self._first, self._last = slots, first, last

    # --- what a model calls, some of it by layer: here all layers are alike ---

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, layer_idx: int, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write new columns; returns the window with them. key_states, value_states: [n_rows, n_heads, n_new, d]."""
        layer = self._layer(layer_idx, key_states, value_states)
        end = self._last + key_states.shape[-2]
        layer.keys[self._slots, :, self._last : end] = key_states
        layer.values[self._slots, :, self._last : end] = value_states
        seen = slice(self._first, end)
        return layer.keys[self._slots, :, seen], layer.values[self._slots, :, seen]

    def get_seq_length(self, layer_idx: int = 0) -> int:  # noqa: ARG002
        """Columns before the new ones; the same in every layer."""
        return self._last - self._first

    def get_query_offset(self, layer_idx: int = 0) -> int:  # noqa: ARG002
        return self._last - self._first

    def get_mask_sizes(self, query_length: int, layer_idx: int = 0) -> tuple[int, int]:  # noqa: ARG002
        """(columns a query may see, offset of the first)."""
        return self._last - self._first + query_length, 0

    def get_max_length(self, layer_idx: int | None = None) -> int:  # noqa: ARG002
        return self.n_columns

    # --- what we call ---

    def copy(self, sources: Sequence[int], targets: Sequence[int], columns: slice) -> None:
        """Slots `targets` become what slots `sources` were before the call, in these columns."""
        if not targets:
            return
        source, target = list(sources), list(targets)
        for layer in self._layers.values():
            layer.keys[target, :, columns] = layer.keys[source, :, columns]
            layer.values[target, :, columns] = layer.values[source, :, columns]

    def load(self, shared: Slots, slots: slice, first: int, index: torch.Tensor) -> None:
        """Columns from `first` on become the shared row's columns index[slot]; index: [n_rows, n_loaded]."""
        columns = slice(first, first + index.shape[1])
        for number, row in shared._layers.items():
            layer = self._layer(number, row.keys, row.values)
            layer.keys[slots, :, columns] = row.keys[0][:, index].transpose(0, 1)
            layer.values[slots, :, columns] = row.values[0][:, index].transpose(0, 1)

    def _layer(self, number: int, keys: torch.Tensor, values: torch.Tensor) -> _Layer:
        """Made at its first use, because heads and width of a layer are known only then; zeros, because a masked NaN
        would still be a NaN."""
        if number not in self._layers:
            self._layers[number] = _Layer(*(self._zeros(like) for like in (keys, values)))
        return self._layers[number]

    def _zeros(self, like: torch.Tensor) -> torch.Tensor:
        return like.new_zeros((self.n_slots, like.shape[1], self.n_columns, like.shape[3]))
