"""The linear layers inside a model's decoder blocks and their shapes, from its files' headers: no weights are read.

Names hold the block's number: `model.layers.0.self_attn.q_proj.weight`, in a GGUF file `blk.0.attn_q.weight`.
"""

from __future__ import annotations

from ..errors import NotTestable
from .checkpoint import Checkpoint

_TRANSPOSED = ("gpt2", "openai-gpt")  # their linear layers keep [n_in, n_out]
_OTHERWISE = ("norm", "conv", "embed")  # matrices of another kind: one weight a head, a filter, a table


def block_matrices(checkpoint: Checkpoint) -> dict[str, tuple[int, int]]:
    """Name -> (n_out, n_in). Raises NotTestable where headers do not tell, or experts are fused into one tensor."""
    spec = checkpoint.spec.text
    tensors = checkpoint.tensors()
    if tensors is None:
        raise NotTestable(f"{spec}: the shapes in a pickle are not known before it is run; save it as safetensors.")
    matrices: dict[str, tuple[int, int]] = {}
    transposed = checkpoint.gguf is None and checkpoint.config().get("model_type") in _TRANSPOSED
    for name, shape in _in_blocks(checkpoint, tensors).items():
        *_, owner, kind = ("", *name.split("."))
        if any(word in owner for word in _OTHERWISE):
            continue
        if len(shape) == 3 or ".experts." in name:
            raise NotTestable(f"{spec}: {name} holds several matrices (fused experts), which is not supported.")
        if kind == "weight" and len(shape) == 2:
            # a GGUF file names the inputs first, and so does a transposed layer
            n_in, n_out = shape if checkpoint.gguf is not None or transposed else shape[::-1]
            matrices[name] = (n_out, n_in)
    if not matrices:
        raise NotTestable(f"{spec}: no linear layers were found inside its decoder blocks.")
    return matrices


def _in_blocks(checkpoint: Checkpoint, tensors: dict[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """Tensors under the one numbered list that is as long as the model is deep."""
    lists: dict[str, dict[str, dict[str, tuple[int, ...]]]] = {}  # list -> number -> name -> shape
    for name, shape in tensors.items():
        parts = name.split(".")
        at = next((i for i, part in enumerate(parts) if part.isdigit()), None)
        if at is not None:
            lists.setdefault(".".join(parts[:at]), {}).setdefault(parts[at], {})[name] = shape
    depth = checkpoint.depth()
    found = [blocks for blocks in lists.values() if len(blocks) == depth]
    if len(found) != 1:
        raise NotTestable(
            f"{checkpoint.spec.text}: {len(found)} lists of {depth} decoder blocks in its files, must be one; "
            "it cannot be pruned or rounded here."
        )
    return {name: shape for block in found[0].values() for name, shape in block.items()}
