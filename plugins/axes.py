"""Every process parametrizes the marked tests alike: which model meets which series, under which short stable id.

@pytest.mark.seepage("numleak.recall", axes=("model", "series"))        -> test_recall[late-qo], ...
"""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from seepage.errors import BadSpec
from seepage.records import ROLES, Entry
from seepage.specs import known_only, slug

from .desk import Desk, desk_of

AXES = ("model", "series", "bench")
KEYWORDS = ("axes", "family", "gated", "weight", "world", "roles")
WORLDS = ("embedded", "real")
CONTROLS = ("positive-control", "negative-control")


@dataclass(frozen=True, slots=True)
class Claim:
    """What the marker of a test says. world, roles: cells of other worlds and roles do not take part; empty for all."""

    hypothesis: str
    axes: tuple[str, ...]
    family: str
    gated: bool
    weight: float
    world: str
    roles: tuple[str, ...]
    values: dict[str, tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a further axis, with the name it has in the id."""

    name: str
    value: Any


def claim_of(mark: pytest.Mark) -> Claim:
    """The marker, checked. Raises BadSpec where it says what is not understood."""
    if len(mark.args) != 1 or not isinstance(mark.args[0], str):
        raise BadSpec(f'seepage{mark.args!r}: write the hypothesis first, for instance seepage("numleak.recall", ...)')
    axes = tuple(mark.kwargs.get("axes", ("model", "series")))
    further = [axis for axis in axes if axis not in AXES]
    known_only(mark.kwargs, (*KEYWORDS, *further), what="keyword", where=f"the marker of {mark.args[0]}")
    if "model" not in axes or {"series", "bench"} <= set(axes):
        raise BadSpec(
            f"the marker of {mark.args[0]} has the axes {axes}; accepted: model, with series or bench, and more"
        )
    weight, world, roles = mark.kwargs.get("weight", 1.0), mark.kwargs.get("world", ""), mark.kwargs.get("roles", ())
    where = f"the marker of {mark.args[0]}"
    known_only([world], ("", *WORLDS), what="world", where=where)
    known_only(roles, ROLES, what="role", where=where)
    if not weight > 0:
        raise BadSpec(f"weight={weight!r} in {where}; accepted: a number above 0")
    return Claim(
        hypothesis=mark.args[0],
        axes=axes,
        family=mark.kwargs.get("family", "leakage"),
        gated=mark.kwargs.get("gated", True),
        weight=float(weight),
        world=world,
        roles=tuple(roles),
        values={axis: tuple(mark.kwargs.get(axis, ())) for axis in further},
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    mark = metafunc.definition.get_closest_marker("seepage")
    if mark is None:
        return
    claim = claim_of(mark)
    desk = desk_of(metafunc.config)
    sets = [pytest.param(*map(bare, chosen), id=id_of(chosen)) for chosen in combinations(claim, desk)]
    argnames = ("model", *(axis for axis in claim.axes if axis != "model"))
    indirect = [axis for axis in argnames if axis in AXES]
    if not sets:  # nobody takes part: a test without parameters that planning.py deselects
        sets = [pytest.param(*[None] * len(argnames), id="nobody")]
    metafunc.parametrize(argnames=argnames, argvalues=sets, indirect=indirect, scope="function")


def combinations(claim: Claim, desk: Desk) -> list[tuple[Any, ...]]:
    """(model, series or bench, further values...) of every cell of a claim; worlds never mix."""
    roster = roster_of(desk)
    targets: Sequence[Entry | None] = (None,)
    if "series" in claim.axes or "bench" in claim.axes:
        targets = roster.targets("series" if "series" in claim.axes else "bench")
    order = [axis for axis in claim.axes if axis != "model"]
    further = [[Value(slug(str(v)), v) for v in claim.values[axis]] for axis in order if axis not in AXES]
    pairs = [
        (model, target)
        for model, target in itertools.product(roster.models, targets)
        if roster.meet(model, target, claim)
    ]
    cells = []
    for (model, target), extra in itertools.product(pairs, itertools.product(*further)):
        rest = iter(extra)
        cells.append((model, *(target if axis in AXES else next(rest) for axis in order)))
    return cells


def bare(part: Entry | Value) -> Any:
    return part if isinstance(part, Entry) else part.value


def id_of(chosen: Iterable[Entry | Value]) -> str:
    return "-".join(part.id if isinstance(part, Entry) else part.name for part in chosen)


# --- who takes part ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Roster:
    """The entries of a run. added: ids of the embedded panel's, there only where they are controls of a claim."""

    models: tuple[Entry, ...]
    series: tuple[Entry, ...]
    benchmarks: tuple[Entry, ...]
    added: frozenset[tuple[str, str]] = frozenset()

    def targets(self, axis: str) -> tuple[Entry, ...]:
        return self.series if axis == "series" else self.benchmarks

    def meet(self, model: Entry, target: Entry | None, claim: Claim) -> bool:
        """Whether there is a cell: one world, as the claim asks; an added organism only where it is a control."""
        if claim.world not in ("", model.world) or (target is not None and model.world != target.world):
            return False
        role = cell_role(model, target, claim.hypothesis)
        if claim.roles and role not in claim.roles:
            return False
        ours = ("model", model.id) in self.added or (target is not None and ("series", target.id) in self.added)
        return not ours or (role in CONTROLS and shipped(claim.hypothesis))


def shipped(hypothesis: str) -> bool:
    """Whether a hypothesis is one of ours: the organisms are controls of what they were trained to show only."""
    return importlib.util.find_spec(f"seepage.hypotheses.{hypothesis.replace('.', '_')}") is not None


def role_of(entry: Entry, hypothesis: str) -> str:
    """The role an entry names for a hypothesis. Raises BadSpec on a word that is no role."""
    role = entry.role if isinstance(entry.role, str) else entry.role.get(hypothesis, entry.role.get("default", ""))
    role = role or "candidate"
    known_only([role], ROLES, what="role", where=f"the entry {entry.id!r}")
    return role


def cell_role(model: Entry, target: Entry | None, hypothesis: str) -> str:
    """The role of a cell: its series' or benchmark's where that names one, else its model's."""
    named = "candidate" if target is None else role_of(target, hypothesis)
    return named if named != "candidate" else role_of(model, hypothesis)


def roster_of(desk: Desk) -> Roster:
    settings, config = desk.settings, desk.config
    models = collected(settings.models, config.hook.pytest_seepage_models, config)
    series = collected(settings.series, config.hook.pytest_seepage_series, config)
    benchmarks = collected(settings.benchmarks, config.hook.pytest_seepage_benchmarks, config)
    if not models and not series and not benchmarks:
        return Roster(*panel(), ())
    if models and not series:
        worlds = {model.world for model in models}
        series = (*(panel()[1] if "embedded" in worlds else ()), *(real_series() if "real" in worlds else ()))
    if not settings.controls:
        return Roster(models, series, benchmarks)
    panel_models, panel_series = panel()
    new_models, new_series = missing(panel_models, models), missing(panel_series, series)
    added = {("model", entry.id) for entry in new_models} | {("series", entry.id) for entry in new_series}
    return Roster((*models, *new_models), (*series, *new_series), benchmarks, frozenset(added))


def collected(
    configured: tuple[Entry, ...], hook: Callable[..., list[Sequence[Entry]]], config: pytest.Config
) -> tuple[Entry, ...]:
    """The configured entries, then those of the hooks. The same id and spec again is the same entry: the first one."""
    found: dict[str, Entry] = {}
    for entry in itertools.chain(configured, *reversed(hook(config=config))):
        first = found.setdefault(entry.id, entry)
        if first.spec != entry.spec:
            raise BadSpec(f"{first.spec} and {entry.spec} both have the id {entry.id!r}; give one of them another")
    return tuple(found.values())


def missing(panel: tuple[Entry, ...], given: tuple[Entry, ...]) -> tuple[Entry, ...]:
    ids, specs = {entry.id for entry in given}, {entry.spec for entry in given}
    return tuple(entry for entry in panel if entry.id not in ids and entry.spec not in specs)


def panel() -> tuple[tuple[Entry, ...], tuple[Entry, ...]]:
    """The embedded models and series."""
    from seepage import organisms

    return organisms.PANEL.models, organisms.PANEL.series


def real_series() -> tuple[Entry, ...]:
    from seepage.series import real_entries

    return tuple(real_entries())
