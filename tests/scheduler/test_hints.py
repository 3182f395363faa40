"""Telling other nodes: with the request, or once for many."""

from __future__ import annotations

import asyncio
import time
from typing import Any, cast

from hourbell import Scheduler
from hourbell.clock import SystemClock
from hourbell.errors import StoreUnavailable
from hourbell.scheduler.batches import APART
from hourbell.scheduler.hints import Hints
from hourbell.store.memory import MemoryStore


class Town:
    """A store as far as hints go: each takes until it is let through."""

    def __init__(self) -> None:
        self.hints = 0
        self.through = asyncio.Semaphore(0)

    async def hint(self) -> None:
        self.hints += 1
        await self.through.acquire()


async def test_whoever_asks_while_a_hint_is_on_its_way_shares_the_next_one() -> None:
    town = Town()
    hints = Hints(lambda: cast("Any", town))
    first = asyncio.create_task(hints.send())
    await asyncio.sleep(0)
    for _ in range(5):
        await hints.send()
    assert town.hints == 1
    town.through.release()
    town.through.release()
    await first
    assert town.hints == 2


async def test_a_hint_that_cannot_be_sent_is_no_error_and_keeps_none_from_being_sent_later() -> None:
    class Away(Town):
        async def hint(self) -> None:
            self.hints += 1
            raise StoreUnavailable("away")

    away = Away()
    hints = Hints(lambda: cast("Any", away))
    await hints.send()
    await hints.send()
    assert away.hints == 2


class Counted(MemoryStore):
    """Counts how others were told."""

    along = 0
    alone = 0
    told_at = 0.0

    async def enqueue(self, runs: Any, *, hint: bool = False) -> Any:
        self.along += hint
        if hint:
            self.told_at = time.monotonic()
        return await super().enqueue(runs)

    async def hint(self) -> None:
        self.alone += 1
        self.told_at = time.monotonic()
        await super().hint()


async def test_a_request_takes_its_hint_along_and_those_right_behind_it_share_one() -> None:
    store = Counted(SystemClock())
    scheduler = Scheduler(store)

    @scheduler.task(name="ring")
    async def ring() -> None: ...

    async with scheduler:
        await ring.enqueue()
        assert (store.along, store.alone) == (1, 0)
        began = time.monotonic()
        await asyncio.gather(*(ring.enqueue() for _ in range(300)))
        for _ in range(20):
            await ring.enqueue()
        last = time.monotonic()
        async with asyncio.timeout(10):
            while store.told_at < last:  # noqa: ASYNC110 - it is the store that is told, and it knows no event
                await asyncio.sleep(0.001)
        most = 2 + (time.monotonic() - began) / APART
        assert 1 <= store.along + store.alone - 1 <= most
        await asyncio.sleep(2 * APART)
        before = store.along
        await ring.enqueue()
        assert store.along == before + 1, "it is by itself again"


async def test_what_this_process_can_run_itself_is_told_to_nobody() -> None:
    store = Counted(SystemClock())
    scheduler = Scheduler(store, queues=["default"])

    @scheduler.task(name="ring")
    async def ring() -> None: ...

    await scheduler.start()
    try:
        before = store.along + store.alone
        await scheduler.wait(await ring.enqueue(), 10)
        assert store.along + store.alone == before
        await ring.options(queue="elsewhere").enqueue()
        assert store.along == 1
    finally:
        await scheduler.stop()
