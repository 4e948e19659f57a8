"""Every process parametrizes the marked tests alike: which model meets which series, under which short stable id.

@pytest.mark.seepage("numleak.recall", axes=("model", "series"))        -> test_recall[late-qo], ...
"""

from __future__ import annotations

import dataclasses
import importlib.util
import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from seepage import twins
from seepage.config import MODEL_FACTS, WORLDS
from seepage.errors import BadSpec
from seepage.policy import Policy
from seepage.records import ROLES, Entry, Member
from seepage.specs import known_only, slug, split

from .desk import Desk, desk_of

if TYPE_CHECKING:
    from seepage.organisms import Panel

AXES = ("model", "series", "bench")
PANEL = "panel"  # the name of the model axis where a claim is about all of them
KEYWORDS = ("axes", "family", "gated", "gated_if", "weight", "world", "roles", "facts", "offered", "panel", "trained")
SHIPPED = ("embedded", "organisms")  # tables that come with the package: their controls speak, not their panels
TABLES = "scores"  # the world of published scores: its models answer nothing, so other claims leave them out
CONTROLS = ("positive-control", "negative-control")


@dataclass(frozen=True, slots=True)
class Claim:
    """What the marker of a test says.

    world, roles: cells of other worlds and roles do not take part; empty for all.
    facts: models take part that state all of these.
    gated_if: facts and switches of the policy. Where it names any, a candidate is gated if one of them holds.
    offered: further axes of which a cell takes the values that its benchmark offers.
    panel: one cell a benchmark, about all models that are scored on it.
    trained: benchmarks take part that models are trained for in this run.
    """

    hypothesis: str
    axes: tuple[str, ...]
    family: str
    gated: bool
    gated_if: tuple[str, ...]
    weight: float
    world: str
    roles: tuple[str, ...]
    facts: tuple[str, ...]
    offered: tuple[str, ...]
    panel: bool
    trained: bool
    values: dict[str, tuple[Any, ...]]

    @property
    def target(self) -> str:
        """The axis beside the model: `series`, `bench`, or nothing."""
        return next((axis for axis in ("series", "bench") if axis in self.axes), "")


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
    facts, gated_if, offered = (words_of(mark, key, where) for key in ("facts", "gated_if", "offered"))
    known_only(offered, further, what="axis", where=where)
    known_only(facts, MODEL_FACTS, what="fact", where=where)
    known_only(gated_if, (*MODEL_FACTS, *switches()), what="fact or switch", where=where)
    if not weight > 0:
        raise BadSpec(f"weight={weight!r} in {where}; accepted: a number above 0")
    return Claim(
        hypothesis=mark.args[0],
        axes=axes,
        family=mark.kwargs.get("family", "leakage"),
        gated=mark.kwargs.get("gated", True),
        gated_if=gated_if,
        weight=float(weight),
        world=world,
        roles=tuple(roles),
        facts=facts,
        offered=offered,
        panel=bool(mark.kwargs.get("panel", False)),
        trained=bool(mark.kwargs.get("trained", False)),
        values={axis: tuple(mark.kwargs.get(axis, ())) for axis in further},
    )


def words_of(mark: pytest.Mark, key: str, where: str) -> tuple[str, ...]:
    written = mark.kwargs.get(key, ())
    if not isinstance(written, (tuple, list)):
        raise BadSpec(f'{key}={written!r} in {where}; accepted: a tuple of names, {key}=("dense",)')
    return tuple(written)


def switches() -> tuple[str, ...]:
    """What is on or off in a section of the policy: mc_generation.answerer."""
    policy = Policy()
    sections = {f.name: getattr(policy, f.name) for f in dataclasses.fields(policy)}
    return tuple(
        f"{name}.{field.name}"
        for name, section in sections.items()
        if dataclasses.is_dataclass(section)
        for field in dataclasses.fields(section)
        if isinstance(getattr(section, field.name), bool)
    )


def is_gated(claim: Claim, model: Entry, role: str, policy: Policy) -> bool:
    """Whether a cell decides. Controls and references are judged as the claim is, whatever they state."""
    if not claim.gated or not claim.gated_if or role != "candidate":
        return claim.gated
    return any(holds(word, model, policy) for word in claim.gated_if)


def holds(word: str, model: Entry, policy: Policy) -> bool:
    section, dot, key = word.partition(".")
    return bool(getattr(getattr(policy, section), key) if dot else model.facts.get(word))


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
    """(model, series or bench, further values...) of every cell of a claim; worlds never mix.

    Added controls are there for the sake of others: where no cell is the user's own there are none.
    """
    roster = roster_of(desk)
    targets: Sequence[Entry | None] = roster.targets(claim.target) if claim.target else (None,)
    order = [axis for axis in claim.axes if axis != "model"]
    further = [[Value(slug(str(v)), v) for v in claim.values[axis]] for axis in order if axis not in AXES]
    pairs = (
        roster.panels(claim)
        if claim.panel
        else [
            (model, target)
            for model, target in itertools.product(roster.models, targets)
            if roster.meet(model, target, claim)
        ]
    )
    if all(roster.is_added(model, target, claim) for model, target in pairs):
        return []
    axes = [axis for axis in order if axis not in AXES]

    def named(values: tuple[Value, ...]) -> list[tuple[str, Value]]:
        return [(axis, value) for axis, value in zip(axes, values, strict=True) if axis in claim.offered]

    cells = []
    for (model, target), extra in itertools.product(pairs, itertools.product(*further)):
        if target is not None and any(part.value not in target.facts.get(axis, ()) for axis, part in named(extra)):
            continue
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
    """The entries of a run.

    added: (axis, id) of the embedded panel's, there only where they are controls of a claim.
    derived: ids of the twins that `twins = true` made. They are there to be compared with their dense model on
             benchmarks; on series they would say what it says, and take from the level of every other cell.
    """

    models: tuple[Entry, ...]
    series: tuple[Entry, ...]
    benchmarks: tuple[Entry, ...]
    added: frozenset[tuple[str, str]] = frozenset()
    derived: frozenset[str] = frozenset()

    def targets(self, axis: str) -> tuple[Entry, ...]:
        return self.series if axis == "series" else self.benchmarks

    def meet(self, model: Entry, target: Entry | None, claim: Claim) -> bool:
        """Whether there is a cell: one world, as the claim asks; an added organism only where it is a control."""
        if not all(model.facts.get(fact) for fact in claim.facts):
            return False
        if claim.target == "series" and model.id in self.derived:
            return False
        if not (_scored(model, target, claim) if claim.world == TABLES else _in_world(model, target, claim)):
            return False
        role = cell_role(model, target, claim.hypothesis)
        if claim.roles and role not in claim.roles:
            return False
        ours = self.is_added(model, target, claim)
        return not ours or (role in CONTROLS and shipped(claim.hypothesis))

    def panels(self, claim: Claim) -> list[tuple[Entry, Entry | None]]:
        """(the panel, its benchmark) of every table but the one that ships, and of every benchmark that models are
        trained for, where a model states what a claim needs."""
        return [
            (Entry(PANEL, panel_spec(target), role="reference", world=target.world), target)
            for target in self.benchmarks
            if claim.world == TABLES
            and (is_trained(target) if claim.trained or target.world != TABLES else table_of(target) not in SHIPPED)
            and any(all(m.facts.get(fact) for fact in claim.facts) for m in self.members(target, claim.hypothesis))
        ]

    def members(self, target: Entry, hypothesis: str) -> tuple[Member, ...]:
        """The models that are scored on a benchmark, with their roles."""
        return tuple(
            Member(entry.id, scored_as(entry), cell_role(entry, None, hypothesis), entry.facts)
            for entry in self.scored(target)
        )

    def scored(self, target: Entry) -> tuple[Entry, ...]:
        """The models that stand in a benchmark's table of scores, or are trained for it: those of its world, without
        compressed twins."""
        if target.world == TABLES:
            return tuple(e for e in self.models if e.world == TABLES and table_of(e) == table_of(target))
        return tuple(e for e in self.models if e.world == target.world and not twins.dense_id(e))

    def is_added(self, model: Entry, target: Entry | None, claim: Claim) -> bool:
        return ("model", model.id) in self.added or (target is not None and (claim.target, target.id) in self.added)

    def dense(self, model: Entry) -> Entry:
        """The dense model of a twin. Raises BadSpec where the model states none."""
        name = twins.dense_id(model)
        if not name:
            raise BadSpec(
                f'the model {model.id!r} states no dense model; mark the test with facts=("dense",), or state '
                "dense = the id of another model"
            )
        return next(entry for entry in self.models if entry.id == name)

    def others(self, model: Entry) -> tuple[Entry, ...]:
        """The other models of the same world, without its dense model and the twins of either."""
        return tuple(e for e in self.models if e.world == model.world and twins.kin(e) != twins.kin(model))


def _in_world(model: Entry, target: Entry | None, claim: Claim) -> bool:
    """One world; the claim's, where it names one. A table of scores meets claims about scores only."""
    if model.world == TABLES:
        return False
    return claim.world in ("", model.world) and (target is None or model.world == target.world)


def _scored(model: Entry, target: Entry | None, claim: Claim) -> bool:
    """Whether a claim about scores has them: from one table, or by training models of the benchmark's world."""
    if target is None or model.world != target.world or (claim.trained and not is_trained(target)):
        return False
    if model.world == TABLES:
        return table_of(model) == table_of(target)
    return is_trained(target) and not twins.dense_id(model)


def is_trained(target: Entry) -> bool:
    """Whether models are trained for a benchmark in this run."""
    return bool(target.facts.get("train"))


def scored_as(entry: Entry) -> str:
    """The name of a model among the scores: that of its table, or its id."""
    return split(entry.spec)[2].get("name", "") if entry.world == TABLES else entry.id


def panel_spec(target: Entry) -> str:
    return f"scores:{table_of(target)}" if target.world == TABLES else f"panel:{target.id}"


def table_of(entry: Entry) -> str:
    """The table of scores that an entry stands in."""
    return split(entry.spec)[1]


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
    """Who takes part in this run, the same in every process: what was entered, its twins, and the controls."""
    if desk.roster is None:
        desk.roster = _roster_of(desk)
    roster: Roster = desk.roster
    return roster


def _roster_of(desk: Desk) -> Roster:
    settings, config = desk.settings, desk.config
    models = collected(settings.models, config.hook.pytest_seepage_models, config)
    series = collected(settings.series, config.hook.pytest_seepage_series, config)
    benchmarks = collected(settings.benchmarks, config.hook.pytest_seepage_benchmarks, config)
    if not models and not series and not benchmarks:
        return Roster(*panel())
    if models and not series and not benchmarks:
        series, benchmarks = usual_targets(models)
    models, benchmarks = of_tables(models, "model"), of_tables(benchmarks, "benchmark")
    grown = twins.with_twins(models, desk.policy.mc_generation)
    roster = Roster(grown, series, benchmarks, derived=frozenset({e.id for e in grown} - {e.id for e in models}))
    roster = with_controls(roster) if settings.controls else roster
    twins.check(roster.models)
    return roster


def of_tables(entries: tuple[Entry, ...], axis: str) -> tuple[Entry, ...]:
    """The entries, those of a table of scores replaced by what stands in it."""
    if not any(entry.spec.startswith("scores:") for entry in entries):
        return entries
    from seepage import scores  # numpy, which a session without a table does not need here

    return scores.expand(entries, axis)


def usual_targets(models: tuple[Entry, ...]) -> tuple[tuple[Entry, ...], tuple[Entry, ...]]:
    """(series, benchmarks) of models that were entered alone; of a table of scores all that it holds."""
    shown, worlds = panel(), {model.world for model in models} - {TABLES}
    tables = dict.fromkeys(table_of(model) for model in models if model.world == TABLES)
    series = (
        *(entry for entry in shown.series if entry.world in worlds),
        *(real_series() if "real" in worlds else ()),
    )
    benchmarks = tuple(entry for entry in shown.benchmarks if entry.world in worlds)
    return series, (*benchmarks, *(Entry(slug(table), f"scores:{table}", world=TABLES) for table in tables))


def with_controls(roster: Roster) -> Roster:
    """The roster and what it lacks of the panel. A control whose dense model has given its id to another stays out."""
    shown = panel()
    models = missing(shown.models, roster.models)
    there = {entry.id: entry.spec for entry in (*models, *roster.models)}
    dense = {entry.id: entry.spec for entry in shown.models}
    models = tuple(e for e in models if there.get(twins.dense_id(e)) == dense.get(twins.dense_id(e)))
    series, benchmarks = missing(shown.series, roster.series), missing(shown.benchmarks, roster.benchmarks)
    added = (("model", models), ("series", series), ("bench", benchmarks))
    return dataclasses.replace(
        roster,
        models=(*roster.models, *models),
        series=(*roster.series, *series),
        benchmarks=(*roster.benchmarks, *benchmarks),
        added=frozenset((axis, entry.id) for axis, entries in added for entry in entries),
    )


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


def panel() -> Panel:
    """The embedded models, series and benchmarks."""
    from seepage import organisms

    shown = organisms.PANEL
    return shown._replace(models=of_tables(shown.models, "model"), benchmarks=of_tables(shown.benchmarks, "benchmark"))


def real_series() -> tuple[Entry, ...]:
    from seepage.series import real_entries

    return tuple(real_entries())
