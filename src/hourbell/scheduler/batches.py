"""Requests that are made at once are written together: a commit each would be what they wait for."""

from __future__ import annotations

import contextvars
import copy
from typing import TYPE_CHECKING, TypeAlias

from hourbell.at_once import begun
from hourbell.errors import StoreRejected

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Sequence

    from hourbell.model.run import NewRun, Run
    from hourbell.scheduler.core import Core

FULL = 250
"""So many that wait are written beside those that are being written, and while more are being asked for."""

BATCH = 1_000
"""So many at the most are written in one statement."""


APART = 0.002
"""Seconds between two hints. Each costs as much as a fifth of a request, and whoever hears one is busy for as long."""

_Asked: TypeAlias = "tuple[NewRun, asyncio.Future[Run]]"
"""One request, and what its caller waits for."""


class Batches:
    """Group commit for requests. Each is recorded when its caller is answered, as if it had been written alone.

    The first request of a turn of the event loop is written alone and waits for nothing; what else comes in that turn
    (as from `asyncio.gather`), or while as many are on their way as there is room for, is written together. What has a
    key goes alone in any case: it may have to wait for a transaction of somebody else's that has written the same key.

    Belongs to the event loop on which the scheduler was opened.
    """

    def __init__(self, core: Core, loop: asyncio.AbstractEventLoop) -> None:
        self._core = core
        self._loop = loop
        # Each needs a connection. Small ones leave one for a full batch, which frees more callers than they do.
        self._room = core.settings.pool
        self._room_for_small = max(1, self._room - 1)
        self._on_the_way = 0
        self._waiting: list[_Asked] = []
        self._is_later = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._told_until = 0.0
        self._teller: asyncio.TimerHandle | None = None

    def put(self, new: NewRun) -> Awaitable[Run]:
        """Have it written; what is awaited is the run as stored. Raises what `RunStore.enqueue` raises."""
        if new.key is not None:
            return self._only(new)
        is_first = not self._is_later
        if is_first:
            self._is_later = True
            self._loop.call_soon(self._next_turn)
            if not self._waiting and self._on_the_way < self._room_for_small:
                return self._alone(new)
        answer: asyncio.Future[Run] = self._loop.create_future()
        self._waiting.append((new, answer))
        if len(self._waiting) >= FULL:
            self._go_on()
        return answer

    async def _only(self, new: NewRun) -> Run:
        return (await self._store([new]))[0]

    async def _alone(self, new: NewRun) -> Run:
        self._on_the_way += 1
        try:
            return (await self._store([new]))[0]
        finally:
            self._on_the_way -= 1
            if self._waiting:  # but this caller waits for none of it
                self._loop.call_soon(self._go_on)

    def _next_turn(self) -> None:
        self._is_later = False
        self._go_on()

    def _go_on(self) -> None:
        """Begin to write what waits, as far as there is room."""
        while self._waiting:
            room = self._room if len(self._waiting) >= FULL else 0 if self._is_later else self._room_for_small
            if self._on_the_way >= room:
                return
            batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
            batch = [asked for asked in batch if not asked[1].done()]  # whose caller was cancelled
            if batch:
                self._on_the_way += 1
                # In nobody's context: what is written is many callers', and none of their variables is meant for it.
                task = begun(self._together(batch), "requests", contextvars.Context())
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _together(self, batch: Sequence[_Asked]) -> None:
        try:
            await self._write(batch)
        except BaseException:
            for _, answer in batch:
                answer.cancel()
            raise
        finally:
            self._on_the_way -= 1
            self._go_on()

    async def _write(self, batch: Sequence[_Asked]) -> None:
        try:
            runs = await self._store([new for new, _ in batch])
        except StoreRejected as error:
            if len(batch) == 1:
                _fail(batch, error)
                return
            # Close in on the one that the database refuses, so that the others are written.
            middle = len(batch) // 2
            await self._write(batch[:middle])
            await self._write(batch[middle:])
        except Exception as error:  # noqa: BLE001 - whatever it is, its callers are told
            _fail(batch, error)
        else:
            for (_, answer), run in zip(batch, runs, strict=True):
                if not answer.done():
                    answer.set_result(run)

    async def _store(self, new: Sequence[NewRun]) -> Sequence[Run]:
        """Write them, and let a node know of each: ours where it can run it, else wherever hints arrive."""
        core = self._core
        # Also for a later run: a node that sleeps until its next poll would not know of one that is due before.
        nodes = [core.node_for(task, queue) for task, queue in {(run.task, run.queue) for run in new}]
        is_far = None in nodes
        is_told = is_far and self._may_tell()
        runs = await core.store.enqueue(new, hint=is_told)
        if is_far and not is_told and self._teller is None:
            self._teller = self._loop.call_at(self._told_until, self._tell)
        for node in nodes:
            if node is not None:
                node.wake()
        return runs

    def _may_tell(self) -> bool:
        """Whether a request takes its hint along: not so shortly after another."""
        now = self._loop.time()
        if now < self._told_until:
            return False
        self._told_until = now + APART
        return True

    def _tell(self) -> None:
        """One hint for all that were written since the last."""
        self._teller = None
        self._told_until = self._loop.time() + APART
        self._core.soon(self._core.hints.send)


def _fail(batch: Sequence[_Asked], error: Exception) -> None:
    """Tell each caller, by an error of its own: each adds to it where it was raised."""
    for _, answer in batch:
        if not answer.done():
            told = copy.copy(error)
            told.__cause__ = error
            answer.set_exception(told)
