"""The look-ahead: how many claimed runs may wait here for a slot, so that the next is there when one becomes free."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from hourbell.engine.lately import Lately
from hourbell.executors.choice import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from hourbell.clock import Clock
    from hourbell.engine.holding import Holdings
    from hourbell.executors.protocol import Executor
    from hourbell.model.run import Run

MOST_AHEAD = 2_000
"""Runs of one kind that wait at the most."""

PATIENCE = 0.5
"""Seconds, up to twice, for which a run waits for a slot before it is handed back, for others to take."""


class Ahead:
    """The places of a node for each kind of executor: its free slots, and behind them what it gets done in a moment.

    Short bodies therefore find the next run waiting, and long ones leave the runs behind them to other nodes. Should
    bodies turn out longer than those before them, what waits for longer than its patience goes back: ``give_back``.
    """

    def __init__(
        self,
        clock: Clock,
        holdings: Holdings,
        executors: Mapping[Kind, Executor],
        most: int,
        give_back: Callable[[Run], object],
    ) -> None:
        self._clock = clock
        self._holdings = holdings
        self._executors = executors
        self._most = most
        self._give_back = give_back
        self._lately = {kind: Lately() for kind in Kind}
        self._watched: dict[Kind, int] | None = None

    def slots(self, kind: Kind) -> int:
        """How many bodies of this kind could start right now."""
        free = self._executors[kind].free()
        room = self._most - len(self._holdings.running)
        return max(0, room if free is None else min(room, free))

    def places(self, kind: Kind) -> int:
        """How many more runs of this kind may be held here; claims on their way count."""
        held = len(self._holdings.unstarted[kind]) + sum(self._holdings.claims.values())
        return self.slots(kind) + self.allowed(kind) - held

    def places_at_pace(self, kind: Kind) -> tuple[int, Collection[str]]:
        """How many more of these tasks, which have just been seen to be short, may be held here: also what will be done
        in a moment at their pace. Not for what waits in the queue, where others could take it as well."""
        most, tasks = self._lately[kind].in_a_moment(self._clock.elapsed())
        return self.places(kind) - self.allowed(kind) + min(MOST_AHEAD, most), tasks

    def ended(self, kind: Kind, task: str, since: float, now: float) -> None:
        """A body of this task has ended that began then."""
        self._lately[kind].ended(task, since, now)

    def watch(self) -> None:
        """Runs wait for a slot: see to it that they do not wait for long."""
        if self._watched is None:
            self._look()

    def allowed(self, kind: Kind) -> int:
        """How many runs of this kind may wait behind the slots just now."""
        return min(MOST_AHEAD, self._lately[kind].count(self._clock.elapsed()))

    def _look(self) -> None:
        """What was there at the last look and still is has waited for long enough."""
        for kind, seen in (self._watched or {}).items():
            for _ in range(seen - self._holdings.taken[kind]):
                run = self._holdings.take(kind)
                if run is not None:
                    self._give_back(run)
        self._watched = None
        if self._holdings.waiting():
            self._watched = {kind: self._holdings.taken[kind] + len(self._holdings.unstarted[kind]) for kind in Kind}
            asyncio.get_running_loop().call_later(PATIENCE, self._look)
