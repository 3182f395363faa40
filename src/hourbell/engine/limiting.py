"""Tasks that are limited over all nodes: what a claim is told of them, and when to claim again because of them."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

from hourbell.executors.choice import Kind, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hourbell.engine.parts import Parts
    from hourbell.model.limit import Limit
    from hourbell.model.run import Claim, Run

FIRST_WAIT = 0.01
"""Seconds, about, until a task that another node was claiming is asked for again; doubled each time, up to a poll."""


class Limiting:
    """The limits of this process's tasks, on the application's loop.

    A run that may not start because its limit is reached is no reason to ask again: the node that ends one of the
    others asks at once, or tells the others when it cannot take the place itself.
    """

    def __init__(self, parts: Parts, *, again: Callable[[Kind], None], elsewhere: Callable[[], object]) -> None:
        self._parts = parts
        self._again = again
        self._elsewhere = elsewhere
        self._limits: dict[Kind, tuple[Limit, ...]] = {}
        self._waits: dict[Kind, float] = {}
        self._waiting: set[Kind] = set()

    def learn(self) -> None:
        """Tasks were registered."""
        sorted_out: dict[Kind, list[Limit]] = {}
        for task in self._parts.tasks:
            if task.limit is not None:
                sorted_out.setdefault(kind_of(task), []).append(task.limit)
        self._limits = {kind: tuple(found) for kind, found in sorted_out.items()}

    def of(self, kind: Kind) -> tuple[Limit, ...]:
        """The limits on tasks of this kind."""
        return self._limits.get(kind, ())

    def limited(self, kind: Kind) -> frozenset[str]:
        """The tasks of this kind whose runs are limited."""
        return frozenset(task for limit in self._limits.get(kind, ()) for task in limit.tasks)

    def rooms(self, kind: Kind, names: Iterable[str], limit: int, slots: int) -> dict[str, int]:
        """How many runs of each of these tasks may be claimed, where there are so many places and, of them, slots."""
        limited = self.limited(kind)
        most = {name: slots if name in limited else limit for name in names}
        rooms = {name: self._parts.stuck.room(name, room) for name, room in most.items() if room}
        return {name: room for name, room in rooms.items() if room}

    def claimed(self, kind: Kind, claim: Claim) -> None:
        """Whoever was passed over is asked for again soon; places that missed runs took are free again at once."""
        if not claim.passed_over:
            self._waits.pop(kind, None)
            if claim.missed and kind in self._limits:
                self._again(kind)
        elif kind not in self._waiting:
            wait = self._waits.get(kind, FIRST_WAIT)
            self._waits[kind] = min(wait * 2, self._parts.settings.poll)
            self._waiting.add(kind)
            asyncio.get_running_loop().call_later(wait * random.uniform(0.5, 1.5), self._ask_again, kind)

    def released(self, runs: Iterable[Run]) -> set[Kind]:
        """The kinds of which a limited run has ended. Nodes that serve other queues are told, if there may be any."""
        if not self._limits:
            return set()
        tasks = [self._parts.tasks.find(name) for name in {run.task for run in runs}]
        kinds = {kind_of(task) for task in tasks if task is not None and task.limit is not None}
        if kinds and self._parts.settings.queues is not None:
            self._elsewhere()
        return kinds

    def _ask_again(self, kind: Kind) -> None:
        self._waiting.discard(kind)
        self._again(kind)
