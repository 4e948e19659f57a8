"""The whole contract between seepage and a model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from ..records import Answer, ModelInfo, Request


class Model(Protocol):
    """Something that answers requests. Third parties provide one through the hook `pytest_seepage_open_model`."""

    @property
    def info(self) -> ModelInfo:
        """Who answers. Cheap: asking for it loads no weights into memory."""
        ...

    def answers(self, requests: Sequence[Request]) -> Iterator[tuple[int, Answer]]:
        """Yield (index into requests, answer) in any order, each exactly once, as soon as it is known.

        Raises NotTestable where the kind of request is not in `info.access`, BackendError where the model fails.
        """
        ...

    def close(self) -> None:
        """Release the weights."""
        ...
