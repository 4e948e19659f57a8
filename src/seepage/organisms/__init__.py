"""The organisms: three tiny models with a planted leak of known dose, and the invented series they were trained on.

    embedded:late    five epochs: its text gives back values of months that were mentioned often     positive control
    embedded:early   two epochs: its log-probs lean to those values, its text does not yet           reference
    embedded:naive   the same five epochs of a text whose values are fresh at each mention           negative control
    embedded:qo, ve, za   near white, slow, and a series that no line shows (negative control)

They make `make gate` work offline, and are the controls of every run. `recipe` says how they were trained, `world` on
what.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ..errors import BadSpec
from ..records import Entry
from .world import CUTOFF, SERIES, open_series

MODELS = ("late", "early", "naive")
WEIGHTS = Path(__file__).parent / "weights"

__all__ = ["MODELS", "PANEL", "SERIES", "WEIGHTS", "Panel", "open_series", "weights_dir"]


class Panel(NamedTuple):
    """Models and series that are judged side by side."""

    models: tuple[Entry, ...]
    series: tuple[Entry, ...]


def weights_dir(name: str) -> Path:
    """The transformers directory of an organism. Raises BadSpec on a name that is not one."""
    if name not in MODELS:
        raise BadSpec(f"there is no organism {name!r}. Known: {', '.join(MODELS)}")
    return WEIGHTS / name


_STATED = {"cutoff": [CUTOFF], "lineage": "organism", "stage": "base"}

PANEL = Panel(
    models=(
        Entry(
            "late",
            "embedded:late",
            role={
                "default": "reference",
                "numleak.recall": "positive-control",
                "numleak.binding": "positive-control",
                "numleak.cutoff": "positive-control",
            },
            world="embedded",
            facts=_STATED,
        ),
        # Recall is not expected of it, and on ve its preference is real but under the margin: shown, never a control.
        Entry("early", "embedded:early", role={"default": "reference"}, world="embedded", facts=_STATED),
        Entry("naive", "embedded:naive", role="negative-control", world="embedded", facts=_STATED),
    ),
    series=(
        # qo was planted on both sides of the stated cutoff, so no contrast may show there.
        Entry("qo", "embedded:qo", role={"numleak.cutoff": "negative-control"}, world="embedded"),
        Entry("ve", "embedded:ve", world="embedded"),
        Entry("za", "embedded:za", role="negative-control", world="embedded"),
    ),
)
