"""The logit lens: each layer's hidden state through the final norm and the head (nostalgebraist 2020).

Says after which layer a model commits to a value. One prompt a pass: these are a few dozen requests.
"""

from __future__ import annotations

from typing import Any

from ..errors import BackendError
from ..records import Layered

_NORMS = ("norm", "ln_f", "final_layer_norm", "final_layernorm", "norm_f")


def layers(model: Any, prompt: tuple[int, ...], targets: tuple[int, ...], *, spec: str) -> Layered:
    """logprob[layer][target], nats, at the prompt's last token. Raises BackendError for an unknown architecture."""
    import torch

    norm = next((found for name in _NORMS if (found := getattr(model.base_model, name, None)) is not None), None)
    if norm is None:
        raise BackendError(f"{spec}: no final norm found in {type(model).__name__}, so its layers cannot be read.")
    with torch.inference_mode():
        output = model(input_ids=torch.tensor([prompt]), output_hidden_states=True, use_cache=False)
        states = [state[0, -1] for state in output.hidden_states[1:-1]]
        rows = [model.get_output_embeddings()(norm(state)) for state in states]
        rows.append(output.logits[0, -1])  # transformers gives the last layer's state after the norm
        logprobs = torch.stack(rows).double().log_softmax(-1)[:, list(targets)]
    return Layered(tuple(tuple(round(float(value), 6) for value in row) for row in logprobs))
