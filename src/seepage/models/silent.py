"""Something that stands where a model stands and answers nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..errors import NotTestable
from ..records import Answer, ModelInfo, Request


@dataclass(frozen=True, slots=True)
class Silent:
    """holds: what it is instead of a model, for the sentence that refuses a question."""

    info: ModelInfo
    holds: str

    def answers(self, requests: Sequence[Request]) -> Iterator[tuple[int, Answer]]:
        raise NotTestable(f"{self.info.spec} holds {self.holds}: it answers none of {len(requests)} requests.")

    def close(self) -> None:
        """Nothing is open."""
