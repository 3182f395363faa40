"""How many more runs of limited tasks may run, counted over all nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hourbell.model.node import NodeState
from hourbell.model.run_state import RunState

if TYPE_CHECKING:
    from collections.abc import Collection

    from hourbell.model.limit import Limit
    from hourbell.model.run import Run
    from hourbell.store.memory.tables import Tables


class Shared:
    """The room that a claim finds under its limits; a task and its aliases share one."""

    def __init__(self, tables: Tables, limits: Collection[Limit]) -> None:
        self._tables = tables
        self._names = {name: limit.name for limit in limits for name in limit.tasks}
        self._left = {limit.name: _least(tables, limit) - _running(tables, limit) for limit in limits}

    def room(self, task: str) -> bool:
        """One more run of this task may run."""
        return task not in self._names or self._left[self._names[task]] > 0

    def take(self, run: Run) -> None:
        """This run is given to the node."""
        if run.task in self._names:
            self._left[self._names[run.task]] -= 1
            self._tables.limited.put(run.id, None)


def _least(tables: Tables, limit: Limit) -> int:
    """While versions change, the least limit that any live node states counts."""
    stated = [
        (tables.node_tasks.get(node.id) or {}).get(name)
        for node in tables.nodes.values()
        if node.state is NodeState.LIVE
        for name in limit.tasks
    ]
    return min([limit.most, *(most for most in stated if most is not None)])


def _running(tables: Tables, limit: Limit) -> int:
    return sum(
        run.state is RunState.RUNNING and run.task in limit.tasks and run.id in tables.limited
        for run in tables.unfinished()
    )
