"""Log-probs of continuations: one row without padding or repeated prefixes, or plain padded batches where that fails.

Packed: a forest (trees.py) through the model's body with attention by tiles (attention.py), then the head at the
scored positions only (distributions.py).  Padded: `model(input_ids, attention_mask).logits`, one row a continuation:
what any reader would write, and the judge of the packed way: the first batch, and the first one with texts twice as
long as any compared before, is scored both ways, and a difference above 1e-3 nats makes this model padded for good.

Digits. On SmolLM2-135M one and two threads give the same bits, but another composition of the batch moves a log-prob by
up to 1e-5 nats. So batches are a function of the list of requests alone (trees.batches), and log-probs are kept to
DECIMALS places: of 380, ten changed in the fifth place when the batches were cut differently, and none in the fourth.
A run that was killed and started again cuts them differently.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import BackendError
from .attention import NAME, NotHonoured, planned, register
from .distributions import FloatArray, IntArray, Looked, join, look_up
from .trees import Forest, Query, batches, plant

if TYPE_CHECKING:
    import torch

logger = logging.getLogger("seepage")

BUDGET = 2048  # tokens a forward pass
TOLERANCE = 1e-3  # nats
DECIMALS = 4
COMPARED = 4  # continuations of a batch that are also scored the plain way


@dataclass(frozen=True, slots=True)
class Scores:
    """One query's tokens, continuation after continuation. owner: [n_scored] continuation of each.

    logprob, rank, mean, std: [n_scored]; the last three None without `full`.
    """

    owner: IntArray
    looked: Looked

    def sums(self, n_continuations: int) -> FloatArray:
        """Log-prob of each continuation, nats, float64."""
        return np.bincount(self.owner, self.looked.logprob, n_continuations).astype(np.float64)

    def split(self, n_continuations: int) -> list[Looked]:
        """One `Looked` a continuation."""
        cuts = np.searchsorted(self.owner, np.arange(n_continuations + 1))
        return [self.looked.part(slice(a, b)) for a, b in itertools.pairwise(cuts.tolist())]


class Engine:
    """A loaded causal model, as a function from queries to log-probs. `packed` tells which way it goes."""

    def __init__(self, model: Any, *, spec: str, budget: int = BUDGET, packed: bool = True) -> None:
        register()
        self.model, self.spec, self.budget, self.packed = model, spec, budget, packed
        self._plain_attention = model.config._attn_implementation
        self._compared_depth = 0
        self.tokens_computed = 0  # of the model's body, since it was loaded
        self.tokens_compared = 0  # of the comparison with plain batches

    def score(self, queries: Sequence[Query], *, full: bool) -> Iterator[tuple[int, Scores]]:
        """Yield (index, scores) batch by batch."""
        for batch in batches(queries, budget=self.budget):
            members = [queries[i] for i in batch]
            yield from zip(batch, self._batch(members, full=full), strict=True)

    def _batch(self, queries: list[Query], *, full: bool) -> list[Scores]:
        import torch

        with torch.inference_mode():
            if self.packed:
                try:
                    scores = self._packed(queries, full=full)
                except NotHonoured as reason:
                    self._go_padded(str(reason))
                else:
                    self._compare(queries, scores)
            return scores if self.packed else self._padded(queries, full=full)

    def _go_padded(self, reason: str) -> None:
        logger.warning("%s is scored in padded batches, several times slower: %s.", self.spec, reason)
        self.packed = False

    # --- packed ---

    def _packed(self, queries: list[Query], *, full: bool) -> list[Scores]:
        forest = plant(queries)
        hidden = self._body(forest)
        looked = look_up(
            hidden[_tensor(forest.sources)],
            self._head,
            forest.pair_source,
            forest.pair_token,
            n_vocabulary=int(self.model.config.get_text_config().vocab_size),
            full=full,
        )
        return [Scores(one.owner, looked.part(one.pair)) for one in forest.lookups]

    def _body(self, forest: Forest) -> torch.Tensor:
        """Final hidden states of the row, [n_tokens, d]."""
        body = self.model.base_model
        if body is self.model or self.model.get_output_embeddings() is None:
            raise NotHonoured("its body and its head are one module")
        if not self.model._can_set_attn_implementation():
            raise NotHonoured("its attention cannot be replaced")
        chunk = getattr(self.model.config.get_text_config(), "attention_chunk_size", None)
        if chunk is not None and forest.depth.max(initial=0) >= chunk:
            raise NotHonoured(f"its attention is cut into chunks of {chunk} tokens")
        self.model.set_attn_implementation(NAME)
        try:
            with planned(forest, dtype=self.model.dtype) as plan:
                output = body(
                    input_ids=_tensor(forest.ids).unsqueeze(0),
                    position_ids=_tensor(forest.depth).unsqueeze(0),
                    use_cache=False,
                )
        except TypeError as error:
            raise NotHonoured(f"its body takes no position ids ({error})") from error
        finally:
            self.model.set_attn_implementation(self._plain_attention)
        if not plan.calls:
            raise NotHonoured("none of its layers attends")
        self.tokens_computed += len(forest.ids)
        hidden: torch.Tensor = output.last_hidden_state[0]
        return hidden

    def _head(self, hidden: torch.Tensor) -> torch.Tensor:
        import torch

        logits: torch.Tensor = self.model.get_output_embeddings()(hidden)
        config = self.model.config
        if (scale := getattr(config, "logit_scale", None)) is not None:  # Cohere
            logits = logits * scale
        if (scale := getattr(config, "logits_scaling", None)) is not None:  # Granite
            logits = logits / scale
        if (cap := getattr(config, "final_logit_softcapping", None)) is not None:  # Gemma 2
            logits = torch.tanh(logits / cap) * cap
        return logits

    def _compare(self, queries: list[Query], scores: list[Scores]) -> None:
        """Score a few continuations the plain way too; go padded where the two differ."""
        depth = max(query.depth for query in queries)
        if depth < 2 * self._compared_depth:
            return
        longest = max(range(len(queries)), key=lambda i: queries[i].depth)
        n = len(queries[longest].continuations)
        if not n:
            return
        chosen = sorted({round(i * (n - 1) / max(COMPARED - 1, 1)) for i in range(min(n, COMPARED))})
        few = Query(queries[longest].prompt, tuple(queries[longest].continuations[i] for i in chosen))
        (plain,) = self._padded([few], full=False)
        self.tokens_compared += sum(len(few.prompt) + len(tokens) - 1 for tokens in few.continuations)
        packed = scores[longest].looked.logprob[np.isin(scores[longest].owner, chosen)]
        worst = float(np.abs(packed - plain.looked.logprob).max(initial=0.0))
        self._compared_depth = depth
        if not worst <= self._tolerance():
            self._go_padded(f"packed and plain log-probs differ by {worst:.2g} nats")

    def _tolerance(self) -> float:
        """A 16-bit model's log-probs differ by tenths of a nat between batch shapes, whoever packs them."""
        import torch

        return TOLERANCE if self.model.dtype in (torch.float32, torch.float64) else 0.5

    # --- padded ---

    def _padded(self, queries: list[Query], *, full: bool) -> list[Scores]:
        rows = [(i, j) for i, query in enumerate(queries) for j in range(len(query.continuations))]
        rows.sort(key=lambda at: -_row_length(queries[at[0]], at[1]))
        looked: dict[tuple[int, int], Looked] = {}
        while rows:
            width = _row_length(queries[rows[0][0]], rows[0][1])
            now, rows = rows[: max(1, self.budget // max(width, 1))], rows[max(1, self.budget // max(width, 1)) :]
            looked |= self._padded_batch(queries, now, width, full=full)
        return [_join([looked[i, j] for j in range(len(query.continuations))]) for i, query in enumerate(queries)]

    def _padded_batch(
        self, queries: list[Query], rows: list[tuple[int, int]], width: int, *, full: bool
    ) -> dict[tuple[int, int], Looked]:
        import torch

        ids = torch.zeros((len(rows), max(width, 1)), dtype=torch.long)
        mask = torch.zeros_like(ids)
        for row, (i, j) in enumerate(rows):
            tokens = (queries[i].prompt + queries[i].continuations[j])[:-1]
            ids[row, : len(tokens)] = torch.tensor(tokens, dtype=torch.long)
            mask[row, : len(tokens)] = 1
        logits = self.model(input_ids=ids, attention_mask=mask, use_cache=False).logits
        result = {}
        for row, (i, j) in enumerate(rows):
            query, tokens = queries[i], queries[i].continuations[j]
            at = len(query.prompt) - 1 + query.first
            targets = np.array(tokens[query.first :], dtype=np.int64)
            piece = logits[row, at : at + len(targets)].clone()
            result[i, j] = look_up(
                piece, _same, np.arange(len(targets)), targets, n_vocabulary=piece.shape[-1], full=full
            )
        return result


def _row_length(query: Query, continuation: int) -> int:
    return len(query.prompt) + len(query.continuations[continuation]) - 1


def _same(logits: torch.Tensor) -> torch.Tensor:
    return logits


def _tensor(values: np.ndarray[Any, np.dtype[np.int64]]) -> torch.Tensor:
    import torch

    return torch.from_numpy(values)


def _join(looked: list[Looked]) -> Scores:
    owner = np.repeat(np.arange(len(looked)), [len(one.logprob) for one in looked])
    return Scores(owner, join(looked))


def check_length(query: Query, *, context: int | None, spec: str) -> None:
    """Raises BackendError where a prompt and its continuation do not fit the model's context."""
    if context is not None and query.depth > context:
        raise BackendError(
            f"{spec} reads {context} tokens, and a prompt of {len(query.prompt)} tokens with its longest continuation "
            f"needs {query.depth}; shorten the prompt."
        )
