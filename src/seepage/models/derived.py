"""A compressed twin: a loaded model, pruned or rounded in place by a recipe, decoder block by decoder block.

Only linear layers inside the blocks change; embeddings, head and norms never do. A calibrated method sees, in each
block, what comes out of the blocks before it as they are by then, already pruned (as the public code of Wanda and
SparseGPT does).
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import calibration, prune
from ..errors import BackendError, NotTestable
from .checkpoint import Checkpoint
from .encoding import Encoder
from .recipe import Recipe
from .shapes import block_matrices
from .walk import Walk

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

TOKENS_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be done, known before any weight is loaded.

    words: of the recipe, as `ModelInfo.derived` has them.  zeros: share of zeros that must come out, None for rounding.
    windows: the calibration tokens, [sequences][length].
    """

    recipe: Recipe
    words: str
    zeros: float | None
    windows: tuple[tuple[int, ...], ...] = ()


def plan(checkpoint: Checkpoint, encoder: Encoder) -> Plan | None:
    """Of the recipe in the checkpoint's spec, None without one.

    Raises NotTestable where a pattern does not divide a layer's inputs, or the calibration text gives too few tokens.
    """
    recipe, spec = checkpoint.spec.recipe, checkpoint.spec.text
    if recipe is None:
        return None
    shapes = block_matrices(checkpoint)
    if recipe.share is None:
        return Plan(recipe, recipe.words(), None)
    for name, (_, n_in) in shapes.items():
        if isinstance(recipe.share, tuple) and n_in % recipe.share[1]:
            n, m = recipe.share
            raise NotTestable(f"{spec}: {name} has {n_in} inputs, not a multiple of {m}; use sparsity= for {n}:{m}.")
    zeros = prune.share_of_zeros(recipe.method, shapes, recipe.share)
    if not recipe.calibrated:
        return Plan(recipe, recipe.words(), zeros)
    windows = _windows(checkpoint, recipe, encoder, widest=max(n_in for _, n_in in shapes.values()))
    words = f"{recipe.words()}, calibrated on {len(windows)} x {len(windows[0])} tokens"
    return Plan(recipe, words, zeros, windows)


def _windows(checkpoint: Checkpoint, recipe: Recipe, encoder: Encoder, *, widest: int) -> tuple[tuple[int, ...], ...]:
    spec, context = checkpoint.spec.text, checkpoint.context()
    length = recipe.length_for(context)
    if context is not None and length > context:
        raise NotTestable(f"{spec}: length={length} is more than the {context} tokens that the model reads.")
    windows = calibration.windows(
        encoder.prompt(calibration.text(), chat=True),  # as a chat's text: the windows bring their own BOS
        prefix=encoder.prefix,
        sequences=recipe.sequences,
        length=length,
        rng=np.random.default_rng(calibration.SEED),
    )
    if len(windows) * length < widest:
        raise NotTestable(
            f"{spec}: calibration has {len(windows)} x {length} tokens, fewer than the widest layer has inputs "
            f"({widest}); raise sequences and length, or use prune=magnitude."
        )
    return windows


def derive(model: Any, plan: Plan, *, spec: str) -> None:
    """Carry out a plan on a loaded model, in place. Takes seconds to minutes; a line on a terminal says how far it is.

    Raises NotTestable for an architecture that cannot be walked or holds fused experts, BackendError where the share of
    zeros that came out is not the planned one.
    """
    import torch

    if plan.recipe.share == 0:
        return
    blocks = decoder_blocks(model, spec=spec)
    linear = [linear_layers(block, spec=spec) for block in blocks]
    zeros = weights = 0
    begun = time.monotonic()
    with torch.no_grad(), Walk(model, blocks, _batches(plan.windows)) as walk:
        for k, layers in enumerate(linear):
            _show(f"{spec}: {plan.recipe.words()}", k, len(blocks), begun)
            sums = _input_sums(walk, k, layers, plan.recipe, spec=spec) if plan.windows else {}
            for name, layer in layers.items():
                zeros += _compress(layer, plan.recipe, sums.get(name))
                weights += layer.weight.numel()
            if plan.windows and k + 1 < len(blocks):
                walk.pass_over(k)
    _show("", 0, 0, begun)
    if plan.zeros is not None and zeros / weights != plan.zeros:
        raise BackendError(
            f"{spec}: sparsity missed: {zeros} of {weights} weights were set to zero, {zeros / weights:.6f}, "
            f"planned from the shapes in its files were {plan.zeros:.6f}."
        )


def _batches(windows: Sequence[tuple[int, ...]]) -> list[Tensor]:
    import torch

    if not windows:
        return []
    size = max(1, TOKENS_AT_ONCE // len(windows[0]))
    return [torch.tensor(windows[i : i + size]) for i in range(0, len(windows), size)]


# --- the parts of a model --------------------------------------------------------------------------------------------


def decoder_blocks(model: Any, *, spec: str) -> list[Module]:
    """In order. Raises NotTestable unless exactly one list of modules is as long as the model is deep."""
    from torch.nn import ModuleList

    depth = model.config.get_text_config().num_hidden_layers
    found = [module for module in model.modules() if isinstance(module, ModuleList) and len(module) == depth]
    if len(found) != 1:
        raise NotTestable(
            f"{spec}: {len(found)} lists of {depth} decoder blocks in {type(model).__name__}, must be one; "
            "it cannot be pruned or rounded here."
        )
    return list(found[0])


def linear_layers(block: Module, *, spec: str) -> dict[str, Any]:
    """Name -> layer, in order. Raises NotTestable for experts whose matrices are fused into one tensor."""
    from torch.nn import Linear
    from transformers.pytorch_utils import Conv1D

    for name, module in block.named_modules():
        stacked = [own for own, weight in module.named_parameters(recurse=False) if weight.ndim > 2]
        if stacked and "conv" not in name.rpartition(".")[2]:
            raise NotTestable(f"{spec}: {name}.{stacked[0]} holds several matrices (fused experts), not supported.")
    return {name: module for name, module in block.named_modules() if isinstance(module, (Linear, Conv1D))}


# --- one block -------------------------------------------------------------------------------------------------------


def _input_sums(walk: Walk, k: int, layers: dict[str, Any], recipe: Recipe, *, spec: str) -> dict[str, Tensor]:
    """Over the calibration tokens, layer by layer: X'X [n_in, n_in] for SparseGPT, sums of squares [n_in] for Wanda."""
    sums: dict[str, Tensor] = {}
    latest: list[Any] = [None, None]  # q, k and v read one tensor, and so do gate and up: summed once

    def look(name: str, inputs: Tensor) -> None:
        if inputs is not latest[0]:
            rows = inputs.reshape(-1, inputs.shape[-1]).float()
            latest[:] = inputs, rows.T @ rows if recipe.method == "sparsegpt" else rows.square().sum(0)
        sums[name] = sums[name].add_(latest[1]) if name in sums else latest[1].clone()

    hooks = [
        layer.register_forward_pre_hook(lambda _, arguments, name=name: look(name, arguments[0]))
        for name, layer in layers.items()
    ]
    try:
        for _ in walk.outputs(k):
            latest[:] = None, None
    finally:
        for hook in hooks:
            hook.remove()
    unseen = [name for name in layers if name not in sums]
    if unseen:
        raise NotTestable(f"{spec}: no calibration token reached {unseen[0]} of block {k}; use prune=magnitude.")
    return sums


def _compress(layer: Any, recipe: Recipe, total: Tensor | None) -> int:
    """Change one layer's weight in place; returns how many zeros were set."""
    from torch.nn import Linear

    matrix = layer.weight.data if isinstance(layer, Linear) else layer.weight.data.T  # [n_out, n_in], a view
    weight = matrix.float()
    if recipe.share is None:
        assert recipe.bits is not None
        matrix.copy_(prune.round_to_nearest(weight, recipe.bits))
        return 0
    if recipe.method == "magnitude":
        mask = prune.magnitude(weight, recipe.share)
    elif recipe.method == "wanda":
        assert total is not None
        mask = prune.wanda(weight, total.sqrt(), recipe.share)
    else:
        assert total is not None
        new, mask = prune.sparsegpt(weight, total, recipe.share)
        matrix.copy_(new)
    matrix.masked_fill_(mask, 0)
    return int(((matrix == 0) & mask).sum())


def _show(words: str, done: int, total: int, begun: float) -> None:
    """One line on a terminal, rewritten in place; an empty one wipes it. Silent elsewhere, and in CI."""
    if not sys.stderr.isatty() or os.environ.get("CI"):
        return
    seconds = int((time.monotonic() - begun) / done * (total - done)) if done else 0
    left = f", {seconds // 60}:{seconds % 60:02d} left" if done else ""
    sys.stderr.write(f"\r\x1b[2K{words}, block {done + 1}/{total}{left}" if words else "\r\x1b[2K")
    sys.stderr.flush()
