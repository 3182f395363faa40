"""Deals out the blows of a course, and takes note of what was done when."""

from __future__ import annotations

import asyncio
import signal
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hourbell.prove.course import DRAIN, ENDING, FREEZE, LOCKED, Blow
from hourbell.prove.ledger import read_ledger, under_way
from hourbell.prove.nodes import Exit

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from hourbell.clock import Clock
    from hourbell.prove.course import Course, Stroke
    from hourbell.prove.database import ProvingGround
    from hourbell.prove.nodes import NodeProcess, Nodes

_ENDED_EVERY = 0.2
_STOPS = 20
_LATER = 0.03
# uvicorn's or systemd's part in a real deploy: the new process starts a moment after the old one is gone.
_RENEW_AFTER = 0.5
# Beyond its drain and what the promise allows; a process that is still there then is destroyed, and told of.
_PATIENCE = DRAIN + 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """A blow that was dealt, from ``began`` to ``ended``, to the processes ``pids``; ``exits`` of those asked to end.

    ``count``  sessions ended, where that is what was done.
    """

    blow: Blow
    began: datetime
    ended: datetime
    pids: tuple[int, ...] = ()
    exits: tuple[Exit, ...] = ()
    count: int = 0


@dataclass(slots=True)
class Mayhem:
    """One course being run. ``deeds`` grows; whoever shows the proof looks at it."""

    course: Course
    nodes: Nodes
    ground: ProvingGround
    clock: Clock
    ledgers: Path
    deeds: list[Deed] = field(default_factory=list)

    async def run(self, first_fire: datetime) -> None:
        """Deal out every blow at its time, one after the other."""
        for stroke in self.course.strokes:
            wait = (first_fire - self.clock.host_now()).total_seconds() + stroke.at
            await asyncio.sleep(max(0.0, wait))
            self.deeds.append(await self._deal(stroke))

    async def _deal(self, stroke: Stroke) -> Deed:
        began = self.clock.host_now()
        pids: tuple[int, ...] = ()
        exits: tuple[Exit, ...] = ()
        count = 0
        place = self._place(stroke)
        match stroke.blow:
            case Blow.KILL:
                pids = await self._kill([place])
            case Blow.KILL_ALL:
                pids = await self._kill(list(range(self.course.nodes)))
            case Blow.FREEZE:
                pids = await self._freeze(place)
            case Blow.DEPLOY:
                old = self.nodes.places[place]
                pids, exits = (old.pid,), (await ended(old),)
                self.nodes.renew(place)
            case Blow.END_SESSIONS:
                count = await self._end_sessions()
            case Blow.LOCK_TABLE | Blow.LOCK_FILE:
                await self.ground.lock_runs(LOCKED)
        return Deed(blow=stroke.blow, began=began, ended=self.clock.host_now(), pids=pids, exits=exits, count=count)

    def _place(self, stroke: Stroke) -> int:
        if not stroke.busiest:
            return stroke.place
        bodies = under_way(read_ledger(self.ledgers))
        return max(range(self.course.nodes), key=lambda place: bodies[self.nodes.places[place].pid])

    async def _kill(self, places: list[int]) -> tuple[int, ...]:
        victims = [self.nodes.places[place] for place in places]
        for victim in victims:
            victim.destroy()
        await asyncio.sleep(_RENEW_AFTER)
        for place in places:
            self.nodes.renew(place)
        return tuple(victim.pid for victim in victims)

    async def _freeze(self, place: int) -> tuple[int, ...]:
        victim = self.nodes.places[place]
        victim.signal(signal.SIGSTOP)
        try:
            for _ in range(_STOPS):
                if not await self.ground.is_held():
                    break
                # In the middle of its write it would keep a whole file from everybody, which no other node can mend.
                victim.signal(signal.SIGCONT)
                await asyncio.sleep(_LATER)
                victim.signal(signal.SIGSTOP)
            await asyncio.sleep(FREEZE)
        finally:
            victim.signal(signal.SIGCONT)
        return (victim.pid,)

    async def _end_sessions(self) -> int:
        count, end = 0, time.monotonic() + ENDING
        while time.monotonic() < end:
            count += await self.ground.end_sessions()
            await asyncio.sleep(_ENDED_EVERY)
        return count


async def ended(process: NodeProcess) -> Exit:
    """Ask it to end with SIGTERM, and answer how it did. One that does not is destroyed, which its code then says."""
    began = time.monotonic()
    process.signal(signal.SIGTERM)
    while (code := process.exit_code) is None and time.monotonic() - began < _PATIENCE:  # noqa: ASYNC110 - sets no event
        await asyncio.sleep(0.02)
    seconds = time.monotonic() - began
    process.destroy()
    return Exit(code if code is not None else -signal.SIGKILL, seconds)
