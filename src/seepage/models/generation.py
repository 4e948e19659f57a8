"""Greedy continuation in left-padded batches with a key-value cache; a row ends at its stop string or end of text.

Tools, retrieval and reasoning text are off: a prompt goes in, text comes out, cut before the first stop string.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..records import Generate, Generated

BUDGET = 4096  # prompt tokens of a batch


@dataclass(slots=True)
class _Row:
    index: int
    request: Generate
    tokens: list[int]
    answer: Generated | None = None


def generate(
    model: Any, tokenizer: Any, prompts: Sequence[tuple[int, ...]], requests: Sequence[Generate]
) -> Iterator[tuple[int, Generated]]:
    """Yield (index, text) batch by batch; prompts: token ids of each request."""
    ends = end_tokens(model, tokenizer)
    for batch in _batches(prompts):
        rows = [_Row(i, requests[i], []) for i in batch]
        _run(model, tokenizer, [prompts[i] for i in batch], rows, ends)
        for row in rows:
            assert row.answer is not None
            yield row.index, row.answer


def _batches(prompts: Sequence[tuple[int, ...]]) -> list[list[int]]:
    """By length, so that padding is small; a function of the list of prompts alone."""
    order = sorted(range(len(prompts)), key=lambda i: (-len(prompts[i]), prompts[i], i))
    batches: list[list[int]] = []
    width = 0
    for i in order:
        if not batches or (len(batches[-1]) + 1) * width > BUDGET:
            batches.append([])
            width = max(len(prompts[i]), 1)
        batches[-1].append(i)
    return batches


def end_tokens(model: Any, tokenizer: Any) -> set[int]:
    """Tokens that end a text: the generation config's, the model's and the tokenizer's end of text."""
    found: set[int] = set()
    for value in (model.generation_config.eos_token_id, model.config.eos_token_id, tokenizer.eos_token_id):
        if value is not None:
            found.update([value] if isinstance(value, int) else value)
    return found


def _run(model: Any, tokenizer: Any, prompts: list[tuple[int, ...]], rows: list[_Row], ends: set[int]) -> None:
    import torch

    width = max(len(prompt) for prompt in prompts)
    ids = torch.zeros((len(rows), width), dtype=torch.long)
    mask = torch.zeros_like(ids)
    for i, prompt in enumerate(prompts):
        ids[i, width - len(prompt) :] = torch.tensor(prompt, dtype=torch.long)
        mask[i, width - len(prompt) :] = 1
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    cache: Any = None
    # The head at every position of the prompts would be a fifth of the work of a small model, and gigabytes of logits.
    last_only = {"logits_to_keep": 1} if "logits_to_keep" in inspect.signature(model.forward).parameters else {}
    alive = list(range(len(rows)))
    with torch.inference_mode():
        while alive:
            output = model(
                input_ids=ids,
                attention_mask=mask,
                position_ids=positions,
                past_key_values=cache,
                use_cache=True,
                **last_only,
            )
            cache = output.past_key_values
            chosen = output.logits[:, -1].argmax(-1)
            keep = [at for at, i in enumerate(alive) if not _advance(rows[i], int(chosen[at]), tokenizer, ends)]
            if len(keep) < len(alive):
                alive = [alive[at] for at in keep]
                if not alive:
                    return
                at = torch.tensor(keep)
                cache.batch_select_indices(at)
                mask, positions, chosen = mask[at], positions[at], chosen[at]
            ids = chosen.unsqueeze(-1)
            mask = torch.cat([mask, mask.new_ones((len(alive), 1))], dim=-1)
            positions = positions[:, -1:] + 1


def _advance(row: _Row, token: int, tokenizer: Any, ends: set[int]) -> bool:
    """Add a token to a row; True where that ends it."""
    if token in ends:
        row.answer = Generated(_decode(tokenizer, row.tokens), "end", len(row.tokens))
        return True
    row.tokens.append(token)
    text = _decode(tokenizer, row.tokens)
    cut = min((at for stop in row.request.stop if (at := text.find(stop)) >= 0), default=None)
    if cut is not None:
        row.answer = Generated(text[:cut], "stop", len(row.tokens))
    elif len(row.tokens) >= row.request.max_new_tokens:
        row.answer = Generated(text, "length", len(row.tokens))
    return row.answer is not None


def _decode(tokenizer: Any, tokens: list[int]) -> str:
    return str(tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False))
