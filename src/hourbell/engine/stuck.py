"""Bodies that were let go of because they do not end, and still go on."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from hourbell.model.run import Run

MOST_OF_A_TASK = 5
"""Stuck bodies of one task on one node beyond which the node takes no more runs of it: it leaves them to others."""


@dataclass(frozen=True, slots=True)
class StuckBody:
    """A body that goes on after its end was told in its stead. ``since`` is when the node let go of it."""

    run_id: str
    task: str
    attempt: int
    since: datetime


class Stuck:
    """The stuck bodies of a node, whatever lease they began under. Changed on the application's loop, read anywhere."""

    def __init__(self) -> None:
        self._bodies: dict[tuple[str, int], StuckBody] = {}
        self._of_task: Counter[str] = Counter()

    def add(self, run: Run, since: datetime) -> None:
        """This one is left behind."""
        self._bodies = {**self._bodies, (run.id, run.attempt): StuckBody(run.id, run.task, run.attempt, since)}
        self._count()

    def over(self, run: Run) -> None:
        """It has ended after all."""
        self._bodies = {key: body for key, body in self._bodies.items() if key != (run.id, run.attempt)}
        self._count()

    def room(self, task: str, limit: int) -> int:
        """How many more runs of a task, out of ``limit``, a node can bear to begin, should they get stuck as well."""
        stuck = self._of_task[task]
        return min(limit, max(0, MOST_OF_A_TASK - stuck)) if stuck else limit

    def bodies(self) -> tuple[StuckBody, ...]:
        """All of them, the oldest first."""
        return tuple(self._bodies.values())

    def _count(self) -> None:
        self._of_task = Counter(body.task for body in self._bodies.values())
