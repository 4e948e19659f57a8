"""`--seepage-replay STORE`: every model is what the store remembers of it. Needs neither its weights nor torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from seepage.errors import BackendError, BadSpec
from seepage.records import Answer, ModelInfo, Request, request_digest

from .desk import desk_of

if TYPE_CHECKING:
    from seepage.models.protocol import Model


@dataclass(frozen=True, slots=True)
class Remembered:
    """A model of which only the stored answers are left. The scorer asks it for what the store does not hold."""

    info: ModelInfo
    store: str

    def answers(self, requests: Sequence[Request]) -> Iterator[tuple[int, Answer]]:
        raise BackendError(
            f"{self.store} lacks {len(requests)} answers of {self.info.spec}, the first with digest "
            f"{request_digest(requests[0])[:12]}. Replay under the policy that asked, or ask the model again."
        )

    def close(self) -> None:
        pass


@pytest.hookimpl(tryfirst=True)
def pytest_seepage_open_model(spec: str, config: pytest.Config) -> Model | None:
    desk = desk_of(config)
    if desk.settings.replay is None or spec.startswith(("scores:", "panel:")):  # a table of scores is its own record
        return None
    infos = desk.store().infos(spec)
    name = str(desk.settings.replay)
    if not infos:
        known = sorted({info.spec for info in desk.store().infos(None)})
        hint = " Leave the controls out with --seepage-no-controls." if spec.startswith("embedded:") else ""
        raise BadSpec(f"{name} holds no answers of {spec!r}. It knows: {', '.join(known) or 'no model'}.{hint}")
    if len(infos) > 1:
        digests = ", ".join(info.digest[:12] for info in infos)
        raise BadSpec(
            f"{name} holds answers of {len(infos)} models called {spec!r} ({digests}); "
            "replay a store in which each spec is one model"
        )
    return Remembered(infos[0], name)
