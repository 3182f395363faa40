"""What stands in the tables that may be in trouble: read in one go, judged elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hourbell.model.node import Node, NodeState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from hourbell.model.schedule import Schedule
    from hourbell.model.stranded import Stranded

SURVEYED = 1_000
"""How many of each kind are read at most."""

COUNTED_WAITING = 100_000
"""How many runs that wait in one place are counted at most."""

FAILING = 3
"""How many fires in a row that failed are worth a word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """A live node and what it can run: its tasks with the limit that its code states for each (None: no limit).

    ``queues`` None: all of them. ``says`` False: an earlier version, which does not say what it can run; it may take
    anything.
    """

    node_id: str
    tasks: Mapping[str, int | None]
    queues: tuple[str, ...] | None
    says: bool = True

    def takes(self, task: str, queue: str) -> bool:
        """Whether it may run this task from this queue."""
        return not self.says or (task in self.tasks and (self.queues is None or queue in self.queues))


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphan:
    """A run that counts as running under a node which is not live."""

    run_id: str
    task: str
    node_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """``count`` runs (`COUNTED_WAITING`: at least) of a task in a queue that could have begun ``since`` then."""

    queue: str
    task: str
    count: int
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """At ``now``, the database's instant.

    ``states``  how many schedules are in each state. ``schedules``  those that may be in trouble: due for longer than
    the patience that was asked for, undeclared, of a task that no live node can run, or under a blackout calendar.
    ``failing``  the ids of active schedules whose last `FAILING` fires that ran all failed; what failed longer ago than
    the newest `SURVEYED` failures is not looked at, nor what lies behind its own newest `SURVEYED` runs. ``calendars``
    the names of those that are stored. ``waiting``  runs that have been due for longer than the patience; ``stranded``
    those of them that no live node may take. ``running``  how many runs of each task run.
    """

    now: datetime
    nodes: tuple[Node, ...] = ()
    serving: tuple[Serving, ...] = ()
    states: Mapping[str, int] = field(default_factory=dict)
    schedules: tuple[Schedule, ...] = ()
    failing: tuple[str, ...] = ()
    calendars: frozenset[str] = frozenset()
    orphans: tuple[Orphan, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    running: Mapping[str, int] = field(default_factory=dict)
    stranded: tuple[Stranded, ...] = ()

    def live(self) -> list[Node]:
        """The nodes that hold a lease now."""
        return [node for node in self.nodes if node.state is NodeState.LIVE and node.lease_until > self.now]

    def knows(self, task: str) -> bool:
        """Whether some live node can run this task."""
        return any(not one.says or task in one.tasks for one in self.serving)

    def limit_of(self, task: str) -> int | None:
        """How many runs of a task may be running at once: the least that any live node states; None: no limit."""
        stated = [limit for one in self.serving if (limit := one.tasks.get(task)) is not None]
        return min(stated, default=None)
