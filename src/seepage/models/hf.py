"""A causal language model in the format of transformers: answers score, generate and layers requests.

float32 unless the spec says otherwise: transformers would load the checkpoint's own dtype, and 16-bit log-probs change
by tenths of a nat with the shape of the batch. Weights are loaded at the first question.
"""

from __future__ import annotations

import functools
import importlib.metadata
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import BackendError, SeepageError
from ..records import Answer, Generate, Layers, ModelInfo, Request, Score, Scored, TokenStats
from . import derived
from .checkpoint import Checkpoint
from .distributions import Looked
from .encoding import Encoded, Encoder
from .generation import check as check_generate
from .generation import generate
from .lens import layers
from .loading import load_to_change, load_tokenizer, load_weights
from .packing import DECIMALS, Engine, Scores, check_length
from .threads import threads_for
from .training import Tuned, load_trained
from .trees import Query


class HFModel:
    """Weights in memory from the first question until `close`."""

    def __init__(self, checkpoint: Checkpoint, tuned: Tuned | None = None) -> None:
        self.checkpoint = checkpoint
        self.tuned = tuned
        self._spec = checkpoint.spec.text if tuned is None else tuned.name
        self._engine: Engine | None = None

    @functools.cached_property
    def encoder(self) -> Encoder:
        return Encoder(load_tokenizer(self.checkpoint), spec=self._spec)

    @functools.cached_property
    def info(self) -> ModelInfo:
        names = ("torch", "transformers", "tokenizers")
        return ModelInfo(
            spec=self._spec,
            digest=self.checkpoint.digest() if self.tuned is None else self.tuned.weights,
            chat=self.encoder.chat,
            end_of_turn=self.encoder.end_of_turn,
            system_role=self.encoder.system_role,
            dtype=self.checkpoint.spec.dtype,
            n_parameters=self.checkpoint.n_parameters(),
            context=self.checkpoint.context(),
            tokenizer=self.encoder.digest(),
            derived=self._derived,
            zeros=None if self._plan is None else self._plan.zeros,
            versions={name: importlib.metadata.version(name) for name in names},
        )

    @functools.cached_property
    def _plan(self) -> derived.Plan | None:
        return derived.plan(self.checkpoint, self.encoder)

    @property
    def _derived(self) -> str:
        if self.tuned is not None:
            return self.tuned.words
        return "" if self._plan is None else self._plan.words

    @property
    def engine(self) -> Engine:
        """The loaded model. Loading takes seconds to minutes, and a twin is derived after it."""
        if self._engine is None:
            plan = self._plan  # what cannot be derived is refused before anything is loaded
            self._set_threads()
            if self.tuned is not None:
                model = load_to_change(self.checkpoint)
                load_trained(model, self.tuned)
            elif plan is None:
                model = load_weights(self.checkpoint)
            else:
                model = load_to_change(self.checkpoint)
                derived.derive(model, plan, spec=self._spec)
            self._engine = Engine(model, spec=self._spec)
        return self._engine

    def _set_threads(self) -> None:
        import torch

        n = threads_for(self.info.n_parameters)
        if torch.get_num_threads() != n:
            torch.set_num_threads(n)

    def answers(self, requests: Sequence[Request]) -> Iterator[tuple[int, Answer]]:
        """See `models.protocol.Model`. Everything is tokenized, and refused where it must be, before the first pass."""
        scores = {i: r for i, r in enumerate(requests) if isinstance(r, Score)}
        generates = {i: r for i, r in enumerate(requests) if isinstance(r, Generate)}
        lenses = {i: r for i, r in enumerate(requests) if isinstance(r, Layers)}
        jobs = [
            *(self._scored(scores, detail) for detail in ("sums", "tokens")),
            self._generated(generates),
            self._layered(lenses),
        ]
        for job in jobs:
            try:
                yield from job
            except SeepageError:
                raise
            except Exception as error:
                raise BackendError(f"{self._spec} failed: {type(error).__name__}: {error}") from error

    def _prompt_ids(self, requests: Sequence[Score | Generate | Layers]) -> list[tuple[str, tuple[int, ...]]]:
        texts = [self.encoder.text(r.prompt, chat=r.chat, system=r.system) for r in requests]
        return list(zip(texts, self.encoder.prompts(texts, chat=[r.chat for r in requests]), strict=True))

    # --- score ---

    def _scored(self, requests: dict[int, Score], detail: str) -> Iterator[tuple[int, Answer]]:
        chosen = {i: r for i, r in requests.items() if r.detail == detail}
        if not chosen:
            return
        full = detail == "tokens"
        prompts = self._prompt_ids(list(chosen.values()))
        encoded = [
            self.encoder.continuations(text, ids, request.continuations, chat=request.chat, spans=full)
            for request, (text, ids) in zip(chosen.values(), prompts, strict=True)
        ]
        queries = [Query(ids, tuple(one.ids for one in some)) for (_, ids), some in zip(prompts, encoded, strict=True)]
        for query in queries:
            check_length(query, context=self.info.context, spec=self._spec)
        self._set_threads()
        indices = list(chosen)
        for at, scores in self.engine.score(queries, full=full):
            yield indices[at], _answer(encoded[at], queries[at], scores, full=full)

    # --- generate, layers ---

    def _generated(self, requests: dict[int, Generate]) -> Iterator[tuple[int, Answer]]:
        if not requests:
            return
        indices, chosen = list(requests), list(requests.values())
        for request in chosen:
            check_generate(request)
        prompts = [ids for _, ids in self._prompt_ids(chosen)]
        for request, ids in zip(chosen, prompts, strict=True):
            if not ids:
                raise BackendError(f"{self._spec}: nothing to continue: the prompt is empty and there is no BOS token.")
            check_length(Query(ids, ((0,) * request.max_new_tokens,)), context=self.info.context, spec=self._spec)
        model = self.engine.model
        self._set_threads()
        for at, answer in generate(model, self.encoder.tokenizer, prompts, chosen, spec=self._spec):
            yield indices[at], answer

    def _layered(self, requests: dict[int, Layers]) -> Iterator[tuple[int, Answer]]:
        if not requests:
            return
        prompts = self._prompt_ids(list(requests.values()))
        for (i, request), (text, ids) in zip(requests.items(), prompts, strict=True):
            encoded = self.encoder.continuations(text, ids, request.targets, chat=request.chat, spans=False)
            for target, one in zip(request.targets, encoded, strict=True):
                if len(one.ids) != 1:
                    raise BackendError(f"{self._spec}: the target {target!r} is {len(one.ids)} tokens, must be one.")
            self._set_threads()
            yield i, layers(self.engine.model, ids, tuple(one.ids[0] for one in encoded), spec=self._spec)

    def close(self) -> None:
        self._engine = None


def _answer(encoded: Sequence[Encoded], query: Query, scores: Scores, *, full: bool) -> Scored:
    n = len(encoded)
    sums = _rounded(scores.sums(n))
    if not all(np.isfinite(sums)):
        raise BackendError(
            "a log-probability is not finite: the weights hold NaN or infinite values, or the dtype overflows."
        )
    if not full:
        return Scored(sums)
    pairs = zip(encoded, scores.split(n), strict=True)
    return Scored(sums, tuple(_token_stats(one, looked, query.first) for one, looked in pairs))


def _token_stats(one: Encoded, looked: Looked, first: int) -> TokenStats:
    assert looked.rank is not None
    assert looked.mean is not None
    assert looked.std is not None
    return TokenStats(
        ids=one.ids[first:],
        spans=one.spans[first:],
        logprob=_rounded(looked.logprob),
        rank=tuple(looked.rank.tolist()),
        mean=_rounded(looked.mean),
        std=_rounded(looked.std),
    )


def _rounded(nats: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(np.round(nats, DECIMALS).tolist())
