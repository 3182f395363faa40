"""What was begun and ended on this node within the last moment, and how much that is in a moment at this pace."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

MOMENT = 0.05
"""Seconds: a body that took less is a short one."""

SAMPLE = 25
"""Short bodies that say at which pace the next ones end; fewer say nothing."""

FARTHEST = 20
"""How many times as many as ended may be taken to end within a moment at the most."""

GRAIN = 0.005
"""Seconds: what ended within so little of each other is told from each other no further."""

SHORTEST = 0.0005
"""Seconds that a pace is told from at the least."""


@dataclass(frozen=True, slots=True)
class _Group:
    """Short bodies that ended together: how many, of which tasks, when the first of them began and the last ended."""

    ended: float
    count: int
    began: float
    tasks: frozenset[str]


class Lately:
    """The short bodies of one kind of executor. Used on the application's loop; instants are the clock's that only
    grows."""

    def __init__(self) -> None:
        self._groups: deque[_Group] = deque()
        self._count, self._began = 0, 0.0
        self._first_ended = self._last_ended = 0.0
        self._tasks: set[str] = set()

    def ended(self, task: str, since: float, now: float) -> None:
        """A body of this task has ended that began then."""
        if now - since >= MOMENT:
            return
        if self._count and now - self._first_ended >= GRAIN:
            self._close()
            self._forget(now)
        if not self._count:
            self._began, self._first_ended = since, now
        self._began = min(self._began, since)
        self._last_ended = now
        self._count += 1
        self._tasks.add(task)

    def count(self, now: float) -> int:
        """How many there were within the last moment."""
        if self._count:
            self._close()
        self._forget(now)
        return sum(group.count for group in self._groups)

    def in_a_moment(self, now: float) -> tuple[int, Collection[str]]:
        """As many as would be within a moment, at the pace at which they ended, and the tasks that this is known of.
        Never fewer than there were; more when the first of them began less than a moment ago."""
        count = self.count(now)
        if count < SAMPLE:
            return count, ()
        took = max(SHORTEST, now - min(group.began for group in self._groups))
        tasks = frozenset().union(*(group.tasks for group in self._groups))
        return round(count * max(1.0, min(FARTHEST, MOMENT / took))), tasks

    def _close(self) -> None:
        self._groups.append(_Group(self._last_ended, self._count, self._began, frozenset(self._tasks)))
        self._count = 0
        self._tasks.clear()

    def _forget(self, now: float) -> None:
        while self._groups and self._groups[0].ended < now - MOMENT:
            self._groups.popleft()
