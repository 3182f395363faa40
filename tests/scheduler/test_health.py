"""Health: what it says of the database, of this process's node, and of schedules that nobody declares."""

from __future__ import annotations

import asyncio

import pytest

from engine.faulty_store import FaultyStore
from hourbell import Every, Scheduler
from hourbell.clock import ManualClock, SystemClock
from hourbell.errors import StoreMisconfigured
from hourbell.store.memory import MemoryStore

PATIENCE = 60


async def nothing() -> None: ...


@pytest.mark.slow
async def test_a_schedule_taken_out_of_the_code_is_named() -> None:
    store = MemoryStore(SystemClock())
    with_it, without = Scheduler(store, lease=3), Scheduler(store, lease=3)
    with_it.every(seconds=1, id="gone")(nothing)
    async with asyncio.timeout(PATIENCE):
        async with with_it.lifespan():
            assert (await with_it.health()).status == "ok"
        async with without.lifespan():
            while (await without.get_schedule("gone")).state != "undeclared":  # noqa: ASYNC110 - the store tells nobody
                await asyncio.sleep(0.05)
            health = await without.health()
            assert (health.status, health.undeclared) == ("degraded", ("gone",))
            assert "gone" in health.reasons[0]
        async with with_it.lifespan():
            assert (await with_it.get_schedule("gone")).state == "active"
            assert (await with_it.health()).status == "ok"


async def test_a_node_that_lives_and_cannot_fire_is_not_well() -> None:
    store = FaultyStore(MemoryStore(SystemClock()))
    store.faults.before("fire_due", StoreMisconfigured("no right to the table of runs"), times=1_000_000)
    scheduler = Scheduler(store)
    scheduler.every(seconds=1, id="nightly")(nothing)
    async with asyncio.timeout(PATIENCE), scheduler.lifespan():
        while (await scheduler.health()).status == "ok":  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.05)
        health = await scheduler.health()
        assert (health.status, health.node.state) == ("degraded", "live")
        assert "no right to the table of runs" in health.reasons[0]


async def test_runs_that_wait_for_a_name_nobody_knows_are_told() -> None:
    """The task was renamed without an alias: its schedule would skip for ever, and nobody would know why."""
    clock = ManualClock()
    store = MemoryStore(clock)
    old, new = Scheduler(store, lease=5), Scheduler(store, lease=5)
    old.task(name="old")(nothing)
    new.task(name="new")(nothing)
    async with old:
        await old.add_schedule("old", Every(hours=1), id="hourly")
        await old.trigger_schedule("hourly")
    async with new:
        assert (await new.health()).stranded == ()
        clock.advance(5)
        health = await new.health()
        assert health.status == "degraded"
        (told,) = health.reasons
        assert "aliases=['old']" in told
        assert "hourly" in told
        (stranded,) = health.stranded
        assert (stranded.task, stranded.known, stranded.schedules) == ("old", False, ("hourly",))
        (run,) = await new.list_runs(state="queued")
        await new.cancel_run(run.id)
        assert (await new.health()).status == "ok"


@pytest.mark.slow
async def test_runs_in_a_queue_that_nobody_serves_are_told() -> None:
    scheduler = Scheduler(MemoryStore(SystemClock()), lease=3, queues=["default"])
    task = scheduler.task(name="encode", queue="video")(nothing)
    async with asyncio.timeout(PATIENCE), scheduler.lifespan():
        run = await task.enqueue()
        while (await scheduler.health()).status == "ok":  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.05)
        health = await scheduler.health()
        assert "a run of task 'encode' in queue 'video'" in health.reasons[0]
        assert "setting `queues`" in health.reasons[0]
        assert (await scheduler.get_run(run.id)).attempt == 0


async def test_a_database_that_does_not_answer_is_down() -> None:
    scheduler = Scheduler("postgresql://nobody:secret@127.0.0.1:1/nowhere")
    await scheduler.open(migrate=False)
    health = await scheduler.health()
    await scheduler.close()
    assert (health.status, health.database.ok, health.database.kind) == ("down", False, "postgres")
    assert health.reasons
    assert "secret" not in repr(health)


async def test_asking_what_is_not_open_is_down_too() -> None:
    health = await Scheduler("memory://").health()
    assert (health.status, health.node.state) == ("down", "none")
