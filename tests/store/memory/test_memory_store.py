"""What only the memory store must do: undo in Python, refuse what is no JSON, hint across loops that may be gone."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace

import pytest

from hourbell.clock import ManualClock
from hourbell.errors import StoreRejected
from hourbell.model.editing import Edit
from hourbell.model.run_state import Reason, RunState
from hourbell.model.schedule_filter import ScheduleFilter
from hourbell.store.memory import MemoryStore
from hourbell.store.protocol import Store
from hourbell.testing.conformance import Bench


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store(clock: ManualClock) -> Store:
    return MemoryStore(clock)


@pytest.fixture
def bench(store: Store, clock: ManualClock) -> Bench:
    return Bench(store, clock)


async def test_a_batch_that_breaks_in_its_middle_leaves_nothing(bench: Bench):
    good, bad = bench.request(key="k"), bench.request(args={"x": object()})
    with pytest.raises(StoreRejected, match="not JSON"):
        await bench.store.enqueue([good, bad])
    assert await bench.runs() == []
    bench.clock.advance(1)
    other = bench.request(key="k")
    assert [run.id for run in await bench.store.enqueue([other])] == [other.id], "the key was given back too"


async def test_an_undo_brings_back_what_was_deleted(bench: Bench):
    def change(schedule, now):
        return Edit(replace(schedule, next_fire_at=now, last_fire_at=now), end_queued=Reason.PAUSED)

    await bench.node()
    await bench.schedule()
    await bench.fire_after(1)
    (run,) = await bench.runs()
    with pytest.raises(StoreRejected):
        await bench.store.edit_schedule("s", change)
    assert [given.id for given in await bench.claim()] == [run.id], "it is queued, and can be found again"


async def test_a_result_must_be_json(bench: Bench):
    run = await bench.running()
    with pytest.raises(StoreRejected, match="not JSON"):
        await bench.settle(run, result="{nonsense")
    assert (await bench.get(run)).state is RunState.RUNNING


async def test_each_handle_counts_for_itself(store: Store):
    twin = store.twin()
    await twin.ping()
    await twin.ping()
    assert (store.statements, twin.statements) == (0, 2)


async def test_a_verb_gives_other_tasks_a_turn(store: Store):
    turns = 0

    async def other():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(other())
        for _ in range(10):
            await store.ping()
        task.cancel()
    assert turns >= 10


async def test_a_listener_whose_loop_is_gone_is_passed_over(store: Store):
    """A thread that dies without cancelling its listening must not break those who hint."""
    listening = threading.Event()

    def die():
        loop = asyncio.new_event_loop()
        task = loop.create_task(store.listen(lambda _: listening.set()))
        while not listening.is_set():
            loop.run_until_complete(asyncio.sleep(0))
        dead.append(task)
        loop.close()

    dead: list[asyncio.Task[None]] = []
    thread = threading.Thread(target=die)
    thread.start()
    await asyncio.to_thread(thread.join)
    await store.hint()
    await store.close()
    dead[0]._log_destroy_pending = False


async def test_a_store_of_its_own_sees_nothing_of_another(clock: ManualClock):
    one, two = Bench(MemoryStore(clock), clock), Bench(MemoryStore(clock), clock)
    await one.schedule()
    assert (await two.store.list_schedules(ScheduleFilter())).items == ()
