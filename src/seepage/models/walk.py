"""Run a transformers model one decoder block at a time, keeping what comes out between two blocks.

A block is called by its own model, which alone knows what it hands to it: positions, masks, a sliding window. Blocks
before the one asked for pass their input on, and the model is left as soon as that one has answered.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module


class _Left(Exception):
    def __init__(self, output: Any) -> None:
        self.output = output


class Walk:
    """Over the blocks of a model, for batches of token ids [n, length]. A context manager: the blocks are put back."""

    def __init__(self, model: Any, blocks: Sequence[Module], batches: Sequence[Tensor]) -> None:
        self._model, self._blocks, self._batches = model, blocks, batches
        self._entering: list[Tensor | None] = [None] * len(batches)  # None: what the embedding gives
        self._forwards = [vars(block).get("forward") for block in blocks]

    def __enter__(self) -> Walk:
        return self

    def __exit__(self, *_: object) -> None:
        for block, forward in zip(self._blocks, self._forwards, strict=True):
            vars(block).pop("forward", None)
            if forward is not None:
                block.forward = forward

    def outputs(self, k: int) -> Iterator[Any]:
        """What block k gives for each batch; the blocks before it must have been passed over."""
        for ids, entering in zip(self._batches, self._entering, strict=True):
            yield self._output(k, ids, entering)

    def pass_over(self, k: int) -> None:
        """Keep what block k gives now as what enters the next one, and run it no more."""
        kept: list[Tensor | None] = []
        in_tuple = False
        for output in self.outputs(k):
            in_tuple = isinstance(output, tuple)
            kept.append(output[0] if in_tuple else output)
        self._entering = kept
        self._blocks[k].forward = _pass_in_tuple if in_tuple else _pass

    def _output(self, k: int, ids: Tensor, entering: Tensor | None) -> Any:
        def enter(_: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
            if entering is None:
                return None
            return ((entering, *arguments[1:]), named) if arguments else ((), named | {"hidden_states": entering})

        def leave(_module: Any, _arguments: Any, output: Any) -> None:
            raise _Left(output)

        block = self._blocks[k]
        hooks = [block.register_forward_pre_hook(enter, with_kwargs=True), block.register_forward_hook(leave)]
        try:
            self._model(input_ids=ids, use_cache=False)
        except _Left as left:
            return left.output
        finally:
            for hook in hooks:
                hook.remove()
        raise RuntimeError(f"block {k} was never called")


def _pass(hidden_states: Tensor, *_: Any, **__: Any) -> Tensor:
    return hidden_states


def _pass_in_tuple(hidden_states: Tensor, *_: Any, **__: Any) -> tuple[Tensor]:
    return (hidden_states,)
