"""Models: things that answer requests. `open_model` turns a spec (see `models.spec`) into one."""

from __future__ import annotations

from .protocol import Model
from .spec import SCHEMES, parse_spec
from .threads import set_threads

__all__ = ["SCHEMES", "Model", "open_model", "set_threads"]


def open_model(spec: str) -> Model:
    """The model a spec names; its files are checked now, its weights are loaded at the first question.

    Raises BadSpec for a spec that is not one, BackendError where its files are missing or cannot be used.
    """
    parsed = parse_spec(spec)
    if parsed.scheme == "recorded":
        from .recorded import RecordedModel

        return RecordedModel(parsed)
    if parsed.scheme == "scores":
        from .. import scores  # here, because scores reads what config reads

        return scores.open_model(spec)
    from .checkpoint import locate
    from .hf import HFModel

    return HFModel(locate(parsed))
