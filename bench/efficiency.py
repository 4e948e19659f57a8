"""How near the scorer comes to what the items and the machine allow.

Tokens computed / distinct tokens: a distinct token is one prefix of "prompt + option" that has a successor to be
predicted, over all items together; the scorer's count holds its comparison with plain batches.

GFLOP/s: 2 x inputs x outputs x rows of every linear layer that ran (attention products are left out, to our
disadvantage), over the time spent in the model's body and head, beside a 2048-cubed float32 matrix product of the same
process.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

import torch
from contenders import Ours, tokenizer_of
from items import Item

SIDE = 2048


def of(directory: Path, questions: list[Item]) -> tuple[tuple[int, int], tuple[float, float]]:
    """((tokens computed, distinct tokens), (GFLOP/s of the forward pass, GFLOP/s of the matrix product))."""
    ours = Ours(directory)
    engine = ours.model.engine
    watch = Watch(engine.model)
    ours.sums(questions)
    computed = engine.tokens_computed + engine.tokens_compared
    return (computed, distinct(directory, questions)), (watch.operations / watch.seconds / 1e9, product())


def distinct(directory: Path, questions: list[Item]) -> int:
    tokenizer = tokenizer_of(directory)
    seen = set()
    for question in questions:
        for option in question.options:
            ids = tokenizer(question.prompt + option)["input_ids"]
            seen |= {tuple(ids[:end]) for end in range(1, len(ids))}
    return len(seen)


def product(*, repeats: int = 15) -> float:
    """Median GFLOP/s of a SIDE-cubed float32 matrix product."""
    a, b = torch.randn(SIDE, SIDE), torch.randn(SIDE, SIDE)
    a @ b
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        a @ b
        seconds.append(time.perf_counter() - started)
    return 2 * SIDE**3 / statistics.median(seconds) / 1e9


class Watch:
    """Time in the body and the head of a model, and the operations of its linear layers, by forward hooks."""

    def __init__(self, model: Any) -> None:
        self.operations, self.seconds, self._entered = 0, 0.0, 0.0
        for part in (model.base_model, model.get_output_embeddings()):
            part.register_forward_pre_hook(self._enter)
            part.register_forward_hook(self._leave)
        for layer in model.modules():
            if isinstance(layer, torch.nn.Linear):
                layer.register_forward_hook(self._count)

    def _enter(self, *_: Any) -> None:
        self._entered = time.perf_counter()

    def _leave(self, *_: Any) -> None:
        self.seconds += time.perf_counter() - self._entered

    def _count(self, layer: torch.nn.Linear, inputs: tuple[torch.Tensor, ...], _: Any) -> None:
        rows = inputs[0].numel() // layer.in_features
        self.operations += 2 * rows * layer.in_features * layer.out_features
