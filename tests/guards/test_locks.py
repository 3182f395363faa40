"""Named locks: one holder, over tasks, threads and processes; what is lost stops its block."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress

import pytest

from guards.conftest import Stranger, in_memory, look
from hourbell import Busy, Conflict, HourbellError, InvalidArguments, LeaseLost, Scheduler
from hourbell.model.guard import GuardKind


async def test_one_holder_at_a_time_and_a_fence_that_rises(scheduler: Scheduler) -> None:
    inside, fences = 0, []

    async def work() -> None:
        nonlocal inside
        async with scheduler.lock("import") as lock:
            inside += 1
            assert inside == 1, "two holders at once"
            fences.append(lock.fence)
            await asyncio.sleep(0.002)
            inside -= 1

    await asyncio.gather(*(work() for _ in range(12)))
    assert fences == list(range(fences[0], fences[0] + 12))
    assert await look(scheduler, "import", GuardKind.LOCK) is None


async def test_who_does_not_want_to_wait_is_told(scheduler: Scheduler) -> None:
    async with scheduler.lock("import"), scheduler.lock("other"):
        for wait in (0, 0.05):
            with pytest.raises(Busy, match="lock 'import' is held by"):
                await asyncio.create_task(_held(scheduler, "import", wait))
    await _held(scheduler, "import", 0)
    assert issubclass(Busy, Conflict)


async def _held(scheduler: Scheduler, name: str, wait: float | None) -> None:
    async with scheduler.lock(name, wait=wait):
        pass


@in_memory
async def test_who_waits_gets_it_when_it_is_free(scheduler: Scheduler) -> None:
    async with scheduler.lock("import") as first:
        waiting = asyncio.create_task(_fence(scheduler, "import"))
        await asyncio.sleep(0.05)
        assert not waiting.done()
    assert await waiting == first.fence + 1


async def _fence(scheduler: Scheduler, name: str) -> int:
    async with scheduler.lock(name) as lock:
        return lock.fence


@in_memory
async def test_what_the_block_raises_frees_it(scheduler: Scheduler) -> None:
    with pytest.raises(ZeroDivisionError):
        async with scheduler.lock("import"):
            _ = 1 / 0
    await _held(scheduler, "import", 0)
    task = asyncio.create_task(_endless(scheduler, began := asyncio.Event()))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await _held(scheduler, "import", 0)


async def _endless(scheduler: Scheduler, began: asyncio.Event) -> None:
    async with scheduler.lock("import"):
        began.set()
        await asyncio.Event().wait()


async def test_it_is_renewed_for_as_long_as_it_is_held(scheduler: Scheduler) -> None:
    async with scheduler.lock("import") as lock:
        until = began = (await look(scheduler, "import", GuardKind.LOCK)).lease_until
        async with asyncio.timeout(30):
            while until <= began:
                await asyncio.sleep(0.05)
                until = (await look(scheduler, "import", GuardKind.LOCK)).lease_until
        assert not lock.lost


async def test_a_block_that_is_taken_over_is_cancelled(scheduler: Scheduler, stranger: Stranger) -> None:
    heard = []

    async def block() -> None:
        async with scheduler.lock("import") as lock:
            await stranger.takes(lock)
            try:
                async with asyncio.timeout(30):
                    await asyncio.Event().wait()
            except asyncio.CancelledError:
                heard.append(lock.lost)
                raise

    with pytest.raises(LeaseLost, match="lock 'import'"):
        await block()
    assert heard == [True]
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0, "the task goes on after the block, uncancelled"
    assert (await look(scheduler, "import", GuardKind.LOCK)).owner == "stranger"


async def test_a_block_that_ends_too_late_says_so(scheduler: Scheduler, stranger: Stranger) -> None:
    async def block(dividend: int) -> None:
        async with scheduler.lock(f"import {dividend}") as lock:
            await stranger.takes(lock)
            _ = 1 / dividend

    with pytest.raises(LeaseLost):
        await block(1)
    with pytest.raises(ZeroDivisionError):
        await block(0)


@in_memory
async def test_a_cancellation_by_others_stays_one(scheduler: Scheduler, stranger: Stranger) -> None:
    began = asyncio.Event()

    async def body() -> None:
        async with scheduler.lock("import") as lock:
            await stranger.takes(lock)
            began.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(body())
    await began.wait()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert task.cancelled()


async def test_without_the_database_it_is_lost_before_others_may_have_it(sqlite_path: object) -> None:
    from engine.faulty_store import FaultyStore
    from hourbell.clock import SystemClock
    from hourbell.store.memory import MemoryStore

    store = FaultyStore(MemoryStore(SystemClock()))

    async def block() -> None:
        async with scheduler.lock("import"):
            store.faults.away = True
            async with asyncio.timeout(30):
                await asyncio.Event().wait()

    async with Scheduler(store, lease=3) as scheduler:
        with pytest.raises(LeaseLost):
            await block()
        store.faults.away = False
        seen = await look(scheduler, "import", GuardKind.LOCK)
        assert seen is not None, "its holder went on for longer than its lease"


async def test_in_threads(scheduler: Scheduler) -> None:
    inside, seen = 0, []
    both = threading.Lock()

    def work(number: int) -> None:
        nonlocal inside
        with scheduler.lock("import") as lock:
            assert both.acquire(blocking=False), "two holders at once"
            seen.append((lock.fence, lock.lost))
            both.release()

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        for number in range(6):
            group.create_task(asyncio.to_thread(work, number))
    assert len({fence for fence, _ in seen}) == 6
    assert not any(lost for _, lost in seen)


@in_memory
async def test_a_thread_that_lost_it_is_told(scheduler: Scheduler, stranger: Stranger) -> None:
    began, over = threading.Event(), threading.Event()
    told: list[bool] = []

    def work() -> None:
        with scheduler.lock("import") as lock:
            scheduler._core.wait_for(lambda: stranger.takes(lock))
            began.set()
            while not lock.lost and not over.wait(0.02):
                pass
            told.append(lock.lost)

    with pytest.raises(LeaseLost):
        async with asyncio.timeout(30):
            await asyncio.to_thread(work)
    assert told == [True]


@in_memory
async def test_it_does_not_wait_for_itself(scheduler: Scheduler) -> None:
    async with scheduler.lock("import") as lock:
        with pytest.raises(HourbellError, match="would wait for itself"):
            await _held(scheduler, "import", None)
        task = asyncio.create_task(_after(scheduler, over := asyncio.Event()))
        with pytest.raises(HourbellError, match="used before"):
            await lock.__aenter__()
    over.set()
    await task  # it was begun inside, and may take it once it is free


async def _after(scheduler: Scheduler, over: asyncio.Event) -> None:
    await over.wait()
    async with scheduler.lock("import", wait=0):
        pass


@in_memory
async def test_what_cannot_be_is_refused(scheduler: Scheduler) -> None:
    for name in ("", "a\nb", "x" * 201, None):
        with pytest.raises(InvalidArguments, match="1 to 200 printable"):
            scheduler.lock(name)  # type: ignore[arg-type]
    for wait in (-1, "soon", True, float("nan")):
        with pytest.raises(InvalidArguments, match="wait="):
            scheduler.lock("a", wait=wait)  # type: ignore[arg-type]
    with pytest.raises(HourbellError, match="would block the event loop"), scheduler.lock("a"):
        pass
    with pytest.raises(HourbellError, match="has no fence"):
        _ = scheduler.lock("a").fence
    with pytest.raises(HourbellError, match="not open"):
        async with Scheduler("memory://").lock("a"):
            pass
