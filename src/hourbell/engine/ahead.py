"""The look-ahead: how many claimed runs may wait here for a slot, so that the next is there when one becomes free."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from hourbell.executors.choice import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hourbell.clock import Clock
    from hourbell.engine.holding import Holdings
    from hourbell.executors.protocol import Executor
    from hourbell.model.run import Run

MOMENT = 0.05
"""Seconds: as many runs as began and ended here within them may wait here."""

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
        self._short: dict[Kind, int] = dict.fromkeys(Kind, 0)
        self._lately: dict[Kind, deque[tuple[float, int]]] = {kind: deque() for kind in Kind}
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

    def ended(self, kind: Kind, took: float) -> None:
        """A body has ended that took so many seconds."""
        if took < MOMENT:
            self._short[kind] += 1

    def watch(self) -> None:
        """Runs wait for a slot: see to it that they do not wait for long."""
        if self._watched is None:
            self._look()

    def allowed(self, kind: Kind) -> int:
        """How many runs of this kind may wait behind the slots just now."""
        lately, now = self._lately[kind], self._clock.elapsed()
        if self._short[kind]:
            lately.append((now, self._short[kind]))
            self._short[kind] = 0
        while lately and lately[0][0] < now - MOMENT:
            lately.popleft()
        return min(MOST_AHEAD, sum(count for _, count in lately))

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
