"""Looking at the database again and again for those who watch: one look for all of them, and none when nobody does."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Self

from hourbell.engine.loop import spawn
from hourbell.errors import HourbellError
from hourbell.model.change import Change
from hourbell.model.ids import least_run_id
from hourbell.model.run_state import RunState
from hourbell.telling import Telling

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hourbell.model.change import RunSeen, ScheduleSeen
    from hourbell.scheduler.core import Core
    from hourbell.store.protocol import Store

WINDOW = timedelta(seconds=10)
"""How far back a look reaches: what is committed late, or named by a clock that is behind, is still seen."""

MOST = 500
"""Rows of each kind that a look reads. When more has changed than that, those who watch are told to read the lists."""

MOST_KEPT = 2_000
"""Runs and schedules that are remembered from look to look."""

MOST_WAITING = 1_000
"""Changes that wait for somebody who is slow; after that nothing more is kept for them."""

_log = Telling(logging.getLogger("hourbell.scheduler"))


class Watch:
    """What somebody who watches has still to hear. ``lost`` is True once they were too slow, or the scheduler was
    closed: it ends there."""

    def __init__(self, looks: Looks) -> None:
        self._looks = looks
        self._waiting: asyncio.Queue[Change | None] = asyncio.Queue(MOST_WAITING)
        self.lost = False

    async def __aenter__(self) -> Self:
        """From here on every change is told. Raises StoreUnavailable."""
        await self._looks.join(self)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._looks.leave(self)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Change:
        """The next change. Ends for those who were too slow, and with the scheduler."""
        change = None if self.lost else await self._waiting.get()
        if change is None:
            raise StopAsyncIteration
        return change

    def offer(self, change: Change | None) -> None:
        """Keep this for them, unless too much waits already; None: nothing more will come."""
        try:
            self._waiting.put_nowait(change)
        except asyncio.QueueFull:
            self.lost = True


class Looks:
    """Looks once per ``poll`` while somebody watches."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._watches: set[Watch] = set()
        self._task: asyncio.Task[None] | None = None
        self._memory = Memory()
        self._said: type[Exception] | None = None

    async def join(self, watch: Watch) -> None:
        """Begin to tell this one. The first has the ground laid from which changes are told."""
        if self._task is None:
            memory = Memory()
            await memory.look(self._core.store)
            if self._task is None:
                self._memory = memory
                self._task = spawn(self._look(), "looks")
        self._watches.add(watch)

    async def leave(self, watch: Watch) -> None:
        """Stop telling this one; the last ends the looking."""
        self._watches.discard(watch)
        if not self._watches and self._task is not None:
            task, self._task = self._task, None
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def end(self) -> None:
        """Nobody is told any more: the scheduler closes."""
        for watch in list(self._watches):
            watch.offer(None)
            await self.leave(watch)

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(self._core.settings.poll)
            try:
                changes = await self._memory.look(self._core.store)
            except HourbellError as error:  # the next look finds what has changed meanwhile
                _log.debug("nothing could be looked at: %s", error)
                continue
            except Exception as error:  # noqa: BLE001 - those who watch would wait for ever, and so would all after them
                if self._said is not type(error):
                    self._said = type(error)
                    _log.error("a look at what changes failed; the next one follows", exc_info=error)
                continue
            for watch in self._watches:
                for change in changes:
                    watch.offer(change)


class Memory:
    """What the looks before have seen, and what is otherwise now."""

    def __init__(self) -> None:
        self._since: str | None = None
        self._runs: dict[str, tuple[str, int]] = {}
        self._schedules: dict[str, ScheduleSeen] = {}
        self._nodes: dict[str, str] = {}

    async def look(self, store: Store) -> list[Change]:
        """What has changed since the last look; nothing at the first, which lays the ground."""
        first = self._since is None
        at = await store.ping()
        since = self._since or least_run_id(at - WINDOW)
        # What waits when the looking begins is old by the time it runs; too short, perhaps, to be seen while it does.
        changes = self._of_runs(await store.see_runs(since, list(self._unfinished()), MOST, waiting=first))
        schedules = {str(change.details["schedule_id"]) for change in changes if change.details.get("schedule_id")}
        changes += self._of_schedules(await store.see_schedules(since, sorted(schedules), MOST))
        changes += self._of_nodes((node.id, node.state.value) for node in await store.list_nodes())
        self._since = least_run_id(at - WINDOW)
        if first:
            return []
        return changes if len(changes) < MOST else [*changes, Change("reload")]

    def _unfinished(self) -> Iterable[str]:
        return (run_id for run_id, (state, _) in self._runs.items() if not RunState(state).final)

    def _of_runs(self, seen: Iterable[RunSeen]) -> list[Change]:
        known, self._runs = self._runs, {}
        changes = []
        for run in sorted(seen, key=lambda one: one.id):
            self._runs[run.id] = (run.state, run.attempt)
            if known.get(run.id) != (run.state, run.attempt):
                told = {"schedule_id": run.schedule_id, "task": run.task, "attempt": run.attempt, "reason": run.reason}
                changes.append(Change("run", run.id, run.state, told))
        for run_id in list(self._runs)[:-MOST_KEPT]:
            del self._runs[run_id]
        return changes

    def _of_schedules(self, seen: Iterable[ScheduleSeen]) -> list[Change]:
        changes = []
        for one in sorted(seen, key=lambda schedule: schedule.id):
            before = self._schedules.pop(one.id, None)
            self._schedules[one.id] = one  # the newest stand last
            if before != one:
                told = {"revision": one.revision, "next_fire_at": one.next_fire_at}
                changes.append(Change("schedule", one.id, one.state, told))
        for schedule_id in list(self._schedules)[:-MOST_KEPT]:
            del self._schedules[schedule_id]
        return changes

    def _of_nodes(self, seen: Iterable[tuple[str, str]]) -> list[Change]:
        known, self._nodes = self._nodes, dict(seen)
        states = [*self._nodes.items(), *((node_id, None) for node_id in known.keys() - self._nodes.keys())]
        return [Change("node", node_id, state) for node_id, state in states if known.get(node_id) != state]
