"""After deselection every process knows the cells of the run: the size of each family and the level of each cell."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from seepage.errors import BadSpec
from seepage.policy import Policy
from seepage.records import Cell, Entry
from seepage.specs import slug
from seepage.twins import dense_id, kin
from seepage.verdicts import plan

from . import axes, command, workers
from .desk import desk_of, plain_id, register

# Registered when the first cell is collected. The reports stand last: what they show is decided by then.
LATE = ("seepage.plugins.replay", "seepage.plugins.providers", "seepage.plugins.controller")
REPORTS = ("seepage.reports.terminal", "seepage.reports.jsonl", "seepage.reports.allure")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Generator[None]:
    yield
    drop_empty(config, items)
    mine = [item for item in items if is_cell(item)]
    if not mine:
        return
    side_by_side(items, mine)
    desk = desk_of(config)
    mine = [item for item in items if is_cell(item)]
    try:
        cells = plan([cell_of(item, desk.policy) for item in mine], desk.policy)
    except BadSpec as error:
        refuse(config, items, mine, str(error))
        return
    for item, cell in zip(mine, cells, strict=True):
        desk.cells[plain_id(item.nodeid)] = cell
        desk.stated[plain_id(item.nodeid)] = stated(item, cell, desk.policy)
        desk.groups[plain_id(item.nodeid)] = kin(model_of(item))
    workers.hand_over(config, desk)
    activate(config)


def refuse(config: pytest.Config, items: list[pytest.Item], mine: list[pytest.Item], why: str) -> None:
    """A plan that cannot be made is an error of collection: the one kind that a worker can hand to its controller."""
    items[:] = [item for item in items if item not in mine]
    where = mine[0].nodeid.partition("::")[0]
    config.hook.pytest_collectreport(report=pytest.CollectReport(where, "failed", f"BadSpec: {why}", None))


def activate(config: pytest.Config) -> None:
    """There are cells: from now on this process decides and writes."""
    register(config, *LATE, *REPORTS)


def drop_empty(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Claims in which nobody takes part (another world, no benchmark) are deselected, like what -k leaves out."""
    empty = [item for item in items if item.get_closest_marker("seepage") is not None and not is_cell(item)]
    if empty:
        items[:] = [item for item in items if item not in empty]
        config.hook.pytest_deselected(items=empty)


def is_cell(item: pytest.Item) -> bool:
    spec = getattr(item, "callspec", None)
    return (
        item.get_closest_marker("seepage") is not None
        and spec is not None
        and isinstance(spec.params.get("model"), Entry)
    )


def side_by_side(items: list[pytest.Item], mine: list[pytest.Item]) -> None:
    """Bring the cells of a model together, so that it is loaded once, and those of its twins behind them.

    Tests of others keep their places.
    """
    models = list(dict.fromkeys((kin(model_of(item)), model_of(item).id) for item in mine))
    groups = list(dict.fromkeys(name for name, _ in models))

    def place(item: pytest.Item) -> tuple[int, bool, int]:
        model = model_of(item)
        return groups.index(kin(model)), bool(dense_id(model)), models.index((kin(model), model.id))

    ordered = iter(sorted(mine, key=place))
    items[:] = [next(ordered) if is_cell(item) else item for item in items]


def model_of(item: pytest.Item) -> Entry:
    entry: Entry = item.callspec.params["model"]  # type: ignore[attr-defined]
    return entry


def stated(item: pytest.Item, cell: Cell, policy: Policy) -> dict[str, str]:
    """What is known of a verdict before its test runs, and is still known where its worker dies."""
    params = item.callspec.params  # type: ignore[attr-defined]
    target = params.get("series", params.get("bench"))
    return {
        "model_spec": params["model"].spec,
        "target_spec": target.spec if target is not None else "",
        "policy_digest": policy.digest,
        "command": command.of_cell(item, cell),
    }


def cell_of(item: pytest.Item, policy: Policy) -> Cell:
    mark = item.get_closest_marker("seepage")
    assert mark is not None
    claim = axes.claim_of(mark)
    params = item.callspec.params  # type: ignore[attr-defined]
    target = params.get("series", params.get("bench"))
    further = [slug(str(value)) for name, value in params.items() if name not in axes.AXES]
    role = axes.cell_role(params["model"], target, claim.hypothesis)
    return Cell(
        hypothesis=claim.hypothesis,
        model=params["model"].id,
        target=target.id if target is not None else "",
        variant="-".join(further),
        role=role,  # type: ignore[arg-type]
        family=claim.family,
        gated=axes.is_gated(claim, params["model"], role, policy),
        weight=claim.weight,
        severity=policy.severity.get(claim.hypothesis, "critical"),
    )
