"""Ask a model only what the store does not know yet.

    answers = ask(model, {"A/2020-03": Generate(...), "m/2020-03": Score(...)}, store=store)

Equal requests are asked once. Answers are committed as they come, at least every few seconds, so that a run that is
killed or interrupted asks nothing twice.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Protocol, TextIO

from .errors import BackendError
from .models.protocol import Model
from .records import Answer, Generate, Generated, Layered, Layers, Request, Score, Scored, request_digest
from .store import Store

FLUSH_SECONDS = 2.0
FLUSH_ANSWERS = 256


class Progress(Protocol):
    """Told how far a model has come."""

    def start(self, n_requests: int, *, label: str) -> None: ...

    def advance(self, done: int) -> None: ...

    def finish(self) -> None: ...


class Line:
    """One line on a terminal, rewritten in place: requests done, requests/s, time left. Silent elsewhere, and in CI."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream if stream is not None else sys.stderr
        self._shown = self._stream.isatty() and not os.environ.get("CI")
        self._total, self._label, self._begun, self._last = 0, "", 0.0, 0.0

    def start(self, n_requests: int, *, label: str) -> None:
        self._total, self._label, self._begun, self._last = n_requests, label, time.monotonic(), 0.0

    def advance(self, done: int) -> None:
        now = time.monotonic()
        if not self._shown or now - self._last < 0.2:
            return
        self._last = now
        rate = done / max(now - self._begun, 1e-9)
        left = int((self._total - done) / rate) if rate else 0
        text = f"{self._label}: {done}/{self._total} requests, {rate:.1f}/s, {left // 60}:{left % 60:02d} left"
        self._stream.write(f"\r\x1b[2K{text}")
        self._stream.flush()

    def finish(self) -> None:
        if self._shown and self._last:
            self._stream.write("\r\x1b[2K")
            self._stream.flush()


def ask(
    model: Model, requests: Mapping[str, Request], *, store: Store | None, progress: Progress | None = None
) -> dict[str, Answer]:
    """Answers by tag. Only requests that the store does not hold reach the model; equal ones once.

    Raises BackendError where the model answers in a wrong shape or leaves a request out: a wrong count would be a wrong
    verdict. What was answered before an error or Ctrl-C is kept in the store.
    """
    keys = {tag: request_digest(request) for tag, request in requests.items()}
    by_key = {keys[tag]: request for tag, request in requests.items()}
    model_digest = model.info.digest
    answers: dict[str, Answer] = {}
    if store is not None:
        store.remember(model.info)
        answers |= store.get_many(model_digest, by_key)
    missing = [key for key in by_key if key not in answers]
    if missing:
        answers |= _ask_model(model, {key: by_key[key] for key in missing}, store, progress or Line())
    return {tag: answers[key] for tag, key in keys.items()}


def _ask_model(
    model: Model, by_key: Mapping[str, Request], store: Store | None, progress: Progress
) -> dict[str, Answer]:
    keys, requests = list(by_key), list(by_key.values())
    fresh: dict[str, Answer] = {}
    unsaved: list[tuple[str, Request, Answer]] = []
    saved_at = time.monotonic()
    progress.start(len(requests), label=model.info.spec)
    try:
        for index, answer in model.answers(requests):
            if not 0 <= index < len(requests) or keys[index] in fresh:
                raise BackendError(
                    f"{model.info.spec} answered request {index} of {len(requests)} twice, or no such one."
                )
            _check_shape(model.info.spec, requests[index], answer)
            fresh[keys[index]] = answer
            unsaved.append((keys[index], requests[index], answer))
            if len(unsaved) >= FLUSH_ANSWERS or time.monotonic() - saved_at >= FLUSH_SECONDS:
                _flush(store, model.info.digest, unsaved)
                saved_at = time.monotonic()
            progress.advance(len(fresh))
    finally:  # Ctrl-C and errors too: what was scored is kept
        _flush(store, model.info.digest, unsaved)
        progress.finish()
    if len(fresh) != len(requests):
        raise BackendError(f"{model.info.spec} answered {len(fresh)} of {len(requests)} requests.")
    return fresh


def _flush(store: Store | None, model_digest: str, unsaved: list[tuple[str, Request, Answer]]) -> None:
    if store is not None and unsaved:
        store.put_many(model_digest, unsaved)
    unsaved.clear()


def _check_shape(spec: str, request: Request, answer: Answer) -> None:
    """A wrong kind, or a wrong number of continuations, tokens or targets, raises BackendError."""
    if isinstance(request, Score):
        _check_scored(spec, request, answer)
    elif isinstance(request, Generate):
        if not isinstance(answer, Generated):
            raise BackendError(f"{spec} answered a Generate request with {type(answer).__name__}, expected Generated.")
        _check_others(spec, request, answer)
    elif isinstance(request, Layers):
        if not isinstance(answer, Layered):
            raise BackendError(f"{spec} answered a Layers request with {type(answer).__name__}, expected Layered.")
        if not answer.logprob or any(len(row) != len(request.targets) for row in answer.logprob):
            raise BackendError(f"{spec}: a Layers answer needs {len(request.targets)} log-probs in every layer.")


def _check_others(spec: str, request: Generate, answer: Generated) -> None:
    """Every sample is there; of a beam search, at most as many texts as beams."""
    n = 1 + len(answer.others)
    if request.samples and n != request.samples:
        raise BackendError(f"{spec} gave {n} texts for a Generate request with samples={request.samples}.")
    if not request.samples and n > request.beams:
        raise BackendError(f"{spec} gave {n} texts for a Generate request with beams={request.beams}.")


def _check_scored(spec: str, request: Score, answer: Answer) -> None:
    if not isinstance(answer, Scored):
        raise BackendError(f"{spec} answered a Score request with {type(answer).__name__}, expected Scored.")
    n = len(request.continuations)
    n_tokens = n if request.detail == "tokens" else 0
    if len(answer.sums) != n or len(answer.tokens) != n_tokens:
        raise BackendError(
            f"{spec} gave {len(answer.sums)} sums and {len(answer.tokens)} token records for {n} continuations "
            f"with detail={request.detail!r}; expected {n} and {n_tokens}."
        )
    for stats in answer.tokens:
        lengths = {len(column) for column in _columns(stats)}
        if len(lengths) != 1:
            raise BackendError(f"{spec}: the columns of one continuation's tokens have lengths {sorted(lengths)}.")


def _columns(stats: object) -> Sequence[Sequence[object]]:
    return [getattr(stats, name) for name in ("ids", "spans", "logprob", "rank", "mean", "std")]
