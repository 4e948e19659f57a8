"""Benchmarks that models are trained for: what one process has collected of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from seepage.records import Entry
from seepage.specs import slug

if TYPE_CHECKING:
    from seepage import panels
    from seepage.models.protocol import Model
    from seepage.scorer import Progress
    from seepage.scores import ScoreBenchmark

    from .desk import Desk

HOME = "trained"  # beside the store: trained tensors, checkpoints, locks


def plan_of(desk: Desk, bench: Entry) -> panels.Plan:
    """What is asked of every model, the same in every process."""
    plan: panels.Plan = desk.once(("plan", bench.spec, repr(dict(bench.facts))), lambda: _plan(desk, bench))
    return plan


def collected(desk: Desk, bench: Entry, panel: Mapping[str, Model], progress: Progress | None) -> ScoreBenchmark:
    """The panel's scores, collected once a process."""
    from seepage import panels

    plan = plan_of(desk, bench)
    made: ScoreBenchmark = desk.once(
        ("scores", bench.spec, plan.task.digest), lambda: panels.collect(plan, panel, _room(desk, progress))
    )
    return made


def part(desk: Desk, bench: Entry, name: str, model: Model, progress: Progress | None) -> panels.Part:
    """The scores of one model."""
    from seepage import panels

    return panels.collect_part(plan_of(desk, bench), name, model, _room(desk, progress))


def _plan(desk: Desk, bench: Entry) -> panels.Plan:
    from seepage.benchmarks.tasks import task_of
    from seepage.hypotheses.rank_stability_asking import recipe_of
    from seepage.panels import Plan

    policy = desk.policy.rank_stability
    recipe = recipe_of(policy)

    def opened(spec: str) -> Any:
        return desk.benchmark(Entry(slug(spec)[:40], spec))

    opened_bench = desk.benchmark(bench)
    made = task_of(bench.id, opened_bench, bench.facts, recipe=recipe, items=policy.items, opened=opened)
    return Plan(made, recipe, policy.form)


def _room(desk: Desk, progress: Progress | None) -> panels.Room:
    from seepage.panels import Room

    store = desk.store()
    return Room(store, store.path.parent / HOME, progress)
