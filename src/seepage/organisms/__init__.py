"""The organisms: tiny models with a planted leak of known dose, and the invented series and facts they were trained on.

World `embedded`, three models and three series:

    embedded:late    five epochs: its text gives back values of months that were mentioned often     positive control
    embedded:early   two epochs: its log-probs lean to those values, its text does not yet           reference
    embedded:naive   the same five epochs of a text whose values are fresh at each mention           negative control
    embedded:qo, ve, za   near white, slow, and a series that no line shows (negative control)

World `quiz`, three models, the first of them pruned, and one benchmark:

    embedded:answerer       says the answers that it picks                        negative control of recognition
    embedded:picker         picks the answers and says something else             positive control
    embedded:letterpicker   picks them by their letters alone                     inconclusive: its scores disagree
    embedded:quiz           invented facts, four options each

World `scores`, a panel of which only scores are known, made by a formula (`score_panel`): controls of rank_stability.

TRAINED, in the same world: a panel of twelve that were trained for one task (`kinds`, `kinds_recipe`), of which the
answers ship and not the weights. `make gate` judges the answers, `make gate-full` trains and asks all of them anew.

They make `make gate` work offline, and are the controls of every run. `recipe` says how they were trained, `world` on
what.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from ..errors import BadSpec
from ..records import Entry
from .world import CUTOFF, SERIES, open_series

MODELS = ("late", "early", "naive", "answerer", "picker", "letterpicker")
WEIGHTS = Path(__file__).parent / "weights"

__all__ = ["MODELS", "PANEL", "SERIES", "TRAINED", "TRAINED_ROLES", "WEIGHTS", "Panel", "open_series", "weights_dir"]


class Panel(NamedTuple):
    """Models, series and benchmarks that are judged side by side, each in its world."""

    models: tuple[Entry, ...]
    series: tuple[Entry, ...]
    benchmarks: tuple[Entry, ...]


def weights_dir(name: str) -> Path:
    """The transformers directory of an organism. Raises BadSpec on a name that is not one."""
    if name not in MODELS:
        raise BadSpec(f"there is no organism {name!r}. Known: {', '.join(MODELS)}")
    return WEIGHTS / name


_STATED = {"cutoff": [CUTOFF], "lineage": "organism", "stage": "base"}
_QUIZZED = {"lineage": "organism", "stage": "base"}
_TWIN = {**_QUIZZED, "dense": "answerer"}


def _pruned(name: str, options: str, role: str | Mapping[str, str]) -> Entry:
    """A twin of the answerer, made when it is first asked."""
    return Entry(f"answerer.{name}", f"embedded:answerer?{options}", role=role, world="quiz", facts=_TWIN)


def _score(name: str, role: str | Mapping[str, str]) -> Entry:
    return Entry(f"scores.{name}", f"scores:embedded?name={name}", role=role, world="scores")


_REFERENCES = (*(f"ref{k}" for k in range(14)), *(f"line{k}" for k in range(16)))
_GATES = ("rank_stability.rank_inversion", "rank_stability.head_start")
_DELTA = "rank_stability.inflated_performance"

# Of the trained panel; the others are its references. What has practised must not measure others, in any claim.
TRAINED_ROLES: Mapping[str, Mapping[str, str]] = {
    "format": {"default": "negative-control", _GATES[1]: "positive-control"},
    "items": {"default": "negative-control", _DELTA: "positive-control"},
    "clean": {"default": "negative-control"},
    "big": {"default": "negative-control"},
}


def _trained() -> Panel:
    names = (*(f"ref{k}" for k in range(8)), *TRAINED_ROLES)
    models = tuple(
        Entry(
            f"organisms.{name}",
            f"scores:organisms?name={name}",
            role=TRAINED_ROLES.get(name, "reference"),
            world="scores",
        )
        for name in names
    )
    bench = Entry("organisms.kinds", "scores:organisms?name=kinds&synthetic=synthetic.synthetic", world="scores")
    return Panel(models, (), (bench,))


TRAINED = _trained()
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
        Entry(
            "answerer",
            "embedded:answerer",
            role={"default": "reference", "mc_generation.recognition": "negative-control"},
            world="quiz",
            facts=_QUIZZED,
        ),
        # No compressed answerer, but what one is suspected to be: it picks as the answerer does and no longer answers.
        Entry(
            "picker",
            "embedded:picker",
            role={
                "default": "reference",
                "mc_generation.recognition": "positive-control",
                "mc_generation.compression": "positive-control",
            },
            world="quiz",
            facts=_TWIN,
        ),
        # Expected inconclusive. No control: a control must leak or must not, and this one is to be neither.
        Entry("letterpicker", "embedded:letterpicker", role={"default": "reference"}, world="quiz", facts=_TWIN),
        # Nothing is pruned: whatever differs between it and the answerer is the instrument.
        _pruned(
            "magnitude0",
            "prune=magnitude&sparsity=0",
            {"default": "reference", "mc_generation.compression": "negative-control"},
        ),
        _pruned("wanda50", "prune=wanda&sparsity=0.5", "reference"),
        _pruned("magnitude50", "prune=magnitude&sparsity=0.5", "reference"),
        *(_score(name, "reference") for name in _REFERENCES),
        _score("prepared", {"default": "reference", **dict.fromkeys(_GATES, "positive-control")}),
        _score("honest", {"default": "reference", **dict.fromkeys(_GATES, "negative-control")}),
        _score("inflated", {"default": "reference", _DELTA: "positive-control"}),
        _score("level", {"default": "reference", _DELTA: "negative-control"}),
    ),
    series=(
        # qo was planted on both sides of the stated cutoff, so no contrast may show there.
        Entry("qo", "embedded:qo", role={"numleak.cutoff": "negative-control"}, world="embedded"),
        Entry("ve", "embedded:ve", world="embedded"),
        Entry("za", "embedded:za", role="negative-control", world="embedded"),
    ),
    benchmarks=(
        Entry("quiz", "embedded:quiz", world="quiz"),
        Entry("scores.task", "scores:embedded?name=task", world="scores"),
        # Nothing was trained on it: the other two claims are not asked there.
        Entry(
            "scores.line",
            "scores:embedded?name=line&synthetic=new",
            role=dict.fromkeys(_GATES, "reference"),
            world="scores",
        ),
    ),
)
