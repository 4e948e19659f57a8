"""A batch of texts that grow by one token a pass: prompts in, the next token's logits out.

    session = Batch(model, prompts, capacity=.., room=..)    logits [n_rows, n_vocabulary], row session.row[prompt]
    order = session.continue_from([0, 0, 2])                 one row may become several (draws, beams), others end
    session.step(tokens)                                     one token a row; logits again

Left-padded with position ids from the mask, float32: which rows stand beside a row does not change its text. A prefix
that many prompts share (a chat template's header, solved examples) is computed once; prompts are computed in chunks of
like length, so padding is small though the batch is large. Models that keep a state instead of keys (Mamba, hybrids),
which padding would enter, go one prompt at a time.
"""

from __future__ import annotations

import inspect
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import BackendError
from .slots import Slots

if TYPE_CHECKING:
    import torch

CHUNK = 2048  # prompt tokens a pass
HEAD = 8  # tokens of a prefix that is worth sharing
SHARERS = 4  # prompts that make it worth a pass of its own

Prompt = tuple[int, ...]


class Session(Protocol):
    """Rows of a batch. logits: [n_rows, n_vocabulary] after the last token of each.  row: the row of each prompt."""

    logits: torch.Tensor
    row: dict[Prompt, int]

    def continue_from(self, parents: Sequence[int]) -> list[int]:
        """The rows become continuations of `parents`, rows as they were; returns the entry of `parents` in each."""
        ...

    def step(self, tokens: Sequence[int]) -> None:
        """Append one token to each row."""
        ...


def batchable(model: Any) -> bool:
    """Whether its layers keep keys and values and nothing else, and are told of padding."""
    from transformers.cache_utils import DynamicCache, DynamicLayer, DynamicSlidingWindowLayer

    if not {"attention_mask", "past_key_values"} <= set(inspect.signature(model.forward).parameters):
        return False
    layers = DynamicCache(config=model.config).layers
    return all(type(layer) in (DynamicLayer, DynamicSlidingWindowLayer) for layer in layers)


def bytes_a_token(model: Any) -> int:
    """Of the cache, estimated from the configuration."""
    config = model.config.get_text_config()
    heads = getattr(config, "num_attention_heads", None) or 1
    width = getattr(config, "head_dim", None) or getattr(config, "hidden_size", 1) // heads
    key_heads = getattr(config, "num_key_value_heads", None) or heads
    layers = getattr(config, "num_hidden_layers", None) or 1
    return int(2 * layers * key_heads * width * model.dtype.itemsize)


def padding_gap(model: Any, short: Prompt, long: Prompt) -> float:
    """Largest difference, in nats, of a short prompt's next log-probs beside a longer one and by the plain way."""
    import torch

    token, long = long[-1], long[: len(short) + HEAD]
    with torch.inference_mode():
        batch = Batch(model, [short, long], capacity=2, room=1)
        batch.step([token] * len(batch.row))
        plain = model(input_ids=torch.tensor([(*short, token)]), use_cache=False).logits[0, -1].log_softmax(-1)
        batched = batch.logits[batch.row[short]].log_softmax(-1)
        likely = plain.topk(min(10, len(plain))).indices
        return float((plain - batched)[likely].abs().max())


def tolerance(model: Any) -> float:
    """A 16-bit model's log-probs differ by tenths of a nat between batch shapes; see packing.py."""
    import torch

    return 1e-3 if model.dtype in (torch.float32, torch.float64) else 0.5


class Batch:
    """Many prompts at once; see `Session`. capacity: most rows there will ever be.  room: most tokens appended."""

    def __init__(self, model: Any, prompts: Sequence[Prompt], *, capacity: int, room: int) -> None:
        import torch

        self._model, self._last_only = model, _last_only(model)
        ordered = _alike(prompts)
        self.row = {prompt: i for i, prompt in enumerate(ordered)}
        self._width = max(map(len, ordered))
        self._slots = Slots(capacity, self._width + room)
        self._owner = list(range(len(ordered)))  # the prompt in each slot
        self._column = self._width
        self._lengths = torch.tensor([len(prompt) for prompt in ordered])
        columns = torch.arange(self._width + room)
        self._mask = (columns >= (self._width - self._lengths).unsqueeze(1)).long()
        self.logits = torch.cat(list(self._prompts(ordered)))

    # --- prompts ---

    def _prompts(self, prompts: list[Prompt]) -> Iterator[torch.Tensor]:
        start = 0
        for _, group in itertools.groupby(prompts, _head_of(prompts)):
            members = list(group)
            shared = members[0][: _shared(members)]
            prefix = self._prefix(shared) if shared else None
            for chunk in _chunks(members, len(shared)):
                yield self._chunk(chunk, start, len(shared), prefix)
                start += len(chunk)

    def _prefix(self, tokens: Prompt) -> Slots:
        import torch

        slots = Slots(1, len(tokens))
        ids = torch.tensor([tokens])
        self._pass(ids, torch.ones_like(ids), torch.arange(len(tokens)).unsqueeze(0), slots)
        return slots

    def _chunk(self, prompts: list[Prompt], start: int, n_shared: int, prefix: Slots | None) -> torch.Tensor:
        """Logits of some rows, left-padded to the longest; its first n_shared columns are loaded where a prefix is."""
        import torch

        width = max(map(len, prompts))
        rows, first = slice(start, start + len(prompts)), self._width - width
        padding = torch.tensor([width - len(prompt) for prompt in prompts]).unsqueeze(1)
        if prefix is not None:
            index = (torch.arange(n_shared) - padding).clamp(min=0)
            self._slots.load(prefix, rows, first, index)
        ids = torch.tensor([(0,) * (width - len(prompt)) + prompt for prompt in prompts])
        mask = self._mask[rows, first : self._width]
        positions = (mask.cumsum(-1) - 1).clamp(min=0)
        self._slots.window(rows, first, first + n_shared)
        return self._pass(ids[:, n_shared:], mask, positions[:, n_shared:], self._slots)

    def _pass(self, ids: torch.Tensor, mask: torch.Tensor, positions: torch.Tensor, slots: Slots) -> torch.Tensor:
        logits: torch.Tensor = self._model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=slots,
            use_cache=True,
            **self._last_only,
        ).logits
        return logits[:, -1]

    # --- continuations ---

    def continue_from(self, parents: Sequence[int]) -> list[int]:
        order, sources = _settled(parents, self._owner)
        moved = [slot for slot, source in enumerate(sources) if slot != source]
        here = [s < len(self._owner) and self._owner[s] == self._owner[sources[s]] for s in moved]
        for same, columns in ((True, slice(self._width, self._column)), (False, slice(0, self._column))):
            targets = [slot for slot, own in zip(moved, here, strict=True) if own is same]
            self._slots.copy([sources[slot] for slot in targets], targets, columns)
        self._owner = [self._owner[source] for source in sources]
        if moved or len(sources) != len(self._lengths):
            self._lengths, self._mask = self._lengths[sources], self._mask[sources]
        return order

    def step(self, tokens: Sequence[int]) -> None:
        import torch

        self._slots.window(slice(0, len(tokens)), 0, self._column)
        positions = (self._lengths + (self._column - self._width)).unsqueeze(1)
        self._column += 1
        ids = torch.tensor(tokens).unsqueeze(1)
        self.logits = self._pass(ids, self._mask[:, : self._column], positions, self._slots)


class Alone:
    """One prompt of a model that padding would disturb; see `Session`. Any cache that can be reordered."""

    def __init__(self, model: Any, prompt: Prompt, *, spec: str) -> None:
        import torch

        self._model, self._last_only, self._spec = model, _last_only(model), spec
        self._name = "cache_params" if "cache_params" in inspect.signature(model.forward).parameters else ""
        self._name = self._name or "past_key_values"
        self._cache: Any = None
        self.row = {prompt: 0}
        self.logits = self._pass(torch.tensor([prompt]))

    def continue_from(self, parents: Sequence[int]) -> list[int]:
        import torch

        if list(parents) != list(range(len(self.logits))):
            self._cache.reorder_cache(torch.tensor(list(parents)))
        return list(range(len(parents)))

    def step(self, tokens: Sequence[int]) -> None:
        import torch

        self.logits = self._pass(torch.tensor(list(tokens)).unsqueeze(1))

    def _pass(self, ids: torch.Tensor) -> torch.Tensor:
        output = self._model(input_ids=ids, use_cache=True, **{self._name: self._cache}, **self._last_only)
        self._cache = getattr(output, self._name, None)
        if not hasattr(self._cache, "reorder_cache"):
            raise BackendError(
                f"{self._spec}: {type(self._model).__name__} returns no cache that its rows can be taken from, so it "
                "cannot be asked to generate; ask it score requests only."
            )
        logits: torch.Tensor = output.logits[:, -1]
        return logits


def _last_only(model: Any) -> dict[str, int]:
    """The head at every position of the prompts would be a fifth of the work of a small model, and gigabytes."""
    return {"logits_to_keep": 1} if "logits_to_keep" in inspect.signature(model.forward).parameters else {}


def _settled(parents: Sequence[int], owner: Sequence[int]) -> tuple[list[int], list[int]]:
    """(which entry of `parents` each new slot holds, the old slot it continues), with as few moves as can be.

    A slot that anything continues from stays where it is if it fits, so no copy reads what another has overwritten.
    Other entries prefer a slot of their own prompt: there only the columns after the prompt differ.
    """
    n = len(parents)
    holds = [-1] * n
    for entry, parent in enumerate(parents):
        if parent < n and holds[parent] < 0:
            holds[parent] = entry
    placed = set(holds)
    left = [entry for entry in range(n) if entry not in placed]
    free: dict[int, list[int]] = {}
    for slot in range(n):
        if holds[slot] < 0:
            free.setdefault(owner[slot] if slot < len(owner) else -1, []).append(slot)
    homeless = []
    for entry in left:
        own = free.get(owner[parents[entry]])
        if own:
            holds[own.pop()] = entry
        else:
            homeless.append(entry)
    for entry, slot in zip(homeless, itertools.chain.from_iterable(free.values()), strict=True):
        holds[slot] = entry
    return holds, [parents[entry] for entry in holds]


# --- order of prompts ---


def _alike(prompts: Sequence[Prompt]) -> list[Prompt]:
    """Distinct prompts: those that share a head together, then by length, so that chunks pad little."""
    distinct = sorted(set(prompts))
    head = _head_of(distinct)
    return sorted(distinct, key=lambda prompt: (head(prompt), -len(prompt), prompt))


def _head_of(prompts: Sequence[Prompt]) -> Any:
    """A function: the first HEAD tokens of a prompt where SHARERS or more have the same, else nothing."""
    heads = Counter(prompt[:HEAD] for prompt in prompts)
    return lambda prompt: prompt[:HEAD] if heads[prompt[:HEAD]] >= SHARERS and len(prompt) > HEAD else ()


def _shared(prompts: Sequence[Prompt]) -> int:
    """Length of the prefix that is computed once for all: 0 where it is not worth a pass of its own."""
    if len(prompts) < SHARERS:
        return 0
    first, last = min(prompts), max(prompts)  # the two that differ first
    common = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False)))
    common = min(common, min(map(len, prompts)) - 1)  # every row needs a token of its own to continue from
    return common if common >= HEAD else 0


def _chunks(prompts: Sequence[Prompt], n_shared: int) -> Iterator[list[Prompt]]:
    """By descending length; rows times the columns that are computed stay within CHUNK."""
    chunk: list[Prompt] = []
    for prompt in prompts:
        if chunk and (len(chunk) + 1) * (len(chunk[0]) - n_shared) > CHUNK:
            yield chunk
            chunk = []
        chunk.append(prompt)
    if chunk:
        yield chunk
