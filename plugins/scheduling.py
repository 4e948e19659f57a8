"""How tests are spread over workers where the user did not say: a model's cells together with those of its twins,
all else as xdist does.
"""

# mypy: disable-error-code="no-any-return"
# (xdist is followed as Any)

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from xdist.scheduler import LoadGroupScheduling, LoadScheduling, Scheduling
from xdist.workermanage import WorkerController

from . import workers
from .desk import desk_of, plain_id


class Grouped(LoadGroupScheduling):  # type: ignore[misc]
    """xdist's `loadgroup`, with three differences.

    Groups come from the plan: xdist 3.8 marks them in `item._nodeid`, which pytest 9.2 no longer reads.
    A test that killed its worker is not given to the next one: it has its verdict.
    A worker runs a test only when it knows the next; one that replaces a dead one would wait for it forever.
    """

    def _split_scope(self, nodeid: str) -> str:
        group = desk_of(self.config).groups.get(plain_id(nodeid))
        return super()._split_scope(nodeid) if group is None else f"model {group}"

    def _reschedule(self, node: WorkerController) -> None:
        super()._reschedule(node)
        while self.workqueue and not node.shutting_down and self._pending_of(self.assigned_work[node]) < 2:
            self._assign_work_unit(node)

    def remove_node(self, node: WorkerController) -> str | None:
        workload = self.assigned_work.pop(node)
        pending = [(unit, nodeid) for unit in workload.values() for nodeid, done in unit.items() if not done]
        if not pending:
            return None
        unit, crashed = pending[0]
        unit[crashed] = True
        self.workqueue.update({scope: left for scope, left in workload.items() if not all(left.values())})
        for other in self.assigned_work:
            self._reschedule(other)
        return crashed


class ByModel:
    """xdist's `load` until the first collection arrives; `Grouped` from there on if that holds cells.

    The choice cannot be made earlier: the controller does not collect.
    """

    def __init__(self, config: pytest.Config, log: Any) -> None:
        self._config, self._log = config, log
        self._inner: Scheduling = LoadScheduling(config, log)
        self._settled = False

    def add_node_collection(self, node: WorkerController, collection: Sequence[str]) -> None:
        if not self._settled:
            self._settled = True
            if workers.take_over(self._config):
                grouped = Grouped(self._config, self._log)
                for waiting in self._inner.nodes:
                    grouped.add_node(waiting)
                self._inner = grouped
        self._inner.add_node_collection(node, collection)

    @property
    def nodes(self) -> list[WorkerController]:
        return self._inner.nodes

    @property
    def collection_is_completed(self) -> bool:
        return self._inner.collection_is_completed

    @property
    def tests_finished(self) -> bool:
        return self._inner.tests_finished

    @property
    def has_pending(self) -> bool:
        return self._inner.has_pending

    def add_node(self, node: WorkerController) -> None:
        self._inner.add_node(node)

    def mark_test_complete(self, node: WorkerController, item_index: int, duration: float = 0) -> None:
        self._inner.mark_test_complete(node, item_index, duration)

    def mark_test_pending(self, item: str) -> None:
        self._inner.mark_test_pending(item)

    def remove_pending_tests_from_node(self, node: WorkerController, indices: Sequence[int]) -> None:
        self._inner.remove_pending_tests_from_node(node, indices)

    def remove_node(self, node: WorkerController) -> str | None:
        return self._inner.remove_node(node)

    def schedule(self) -> None:
        self._inner.schedule()
