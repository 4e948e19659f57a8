"""Answers without the model: `recorded:STORE.sqlite[#digest-prefix]`.

A vendor hands over the store of a run; the verdicts can be computed again from it, and nothing else can be asked.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..errors import BackendError, BadSpec, NotTestable
from ..records import Answer, ModelInfo, Request, request_digest
from ..store import Store
from .spec import ModelSpec

_ACCESS = {"Score": "score", "Generate": "generate", "Layers": "layers"}


class RecordedModel:
    """Answers of one model in a store, opened for reading only."""

    def __init__(self, spec: ModelSpec) -> None:
        path, _, prefix = spec.rest.partition("#")
        if not Path(path).exists():
            raise BackendError(f"{spec.text}: there is no store {path}.")
        self._store = Store(path, readonly=True)
        self._recorded = _choose(spec, self._store.infos(), path, prefix)
        kinds = self._store.kinds(self._recorded.digest)
        access = tuple(word for kind, word in _ACCESS.items() if kind in kinds)
        self.info: ModelInfo = dataclasses.replace(self._recorded, spec=spec.text, access=access)

    def answers(self, requests: Sequence[Request]) -> Iterator[tuple[int, Answer]]:
        """Raises NotTestable for a kind of which there is no answer at all, BackendError for a missing answer."""
        keys = [request_digest(request) for request in requests]
        found = self._store.get_many(self.info.digest, keys)
        for request, key in zip(requests, keys, strict=True):
            if key not in found:
                raise self._missing(request, sum(key not in found for key in keys), len(keys))
        for index, key in enumerate(keys):
            yield index, found[key]

    def _missing(self, request: Request, n_missing: int, n: int) -> Exception:
        kind = _ACCESS[type(request).__name__]
        if kind not in self.info.access:
            return NotTestable(
                f"{self.info.spec} holds no answers to {kind} requests, only {', '.join(self.info.access) or 'none'}; "
                "use a hf: model, or hypotheses that need only what is recorded."
            )
        return BackendError(
            f"{self.info.spec} holds no answer to {n_missing} of {n} requests, the first a {kind} request with the "
            f"prompt {request.prompt[:60]!r}; record them with the model itself, with the same series, policy and seed."
        )

    def close(self) -> None:
        self._store.close()


def _choose(spec: ModelSpec, infos: list[ModelInfo], path: str, prefix: str) -> ModelInfo:
    by_digest = {info.digest: info for info in infos if info.digest.startswith(prefix)}
    if len(by_digest) == 1:
        return next(iter(by_digest.values()))
    known = ", ".join(f"#{info.digest[:12]} ({info.spec})" for info in infos) or "none"
    what = "no model" if not by_digest else f"{len(by_digest)} models"
    raise BadSpec(f"{spec.text}: the store {path} holds {what} with digest #{prefix}…; name one of: {known}.")
