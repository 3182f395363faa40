"""A stop that is itself cancelled: by a timeout around it, or by the task group that the application is in."""

from __future__ import annotations

import asyncio
import signal

import pytest

from engine.bench import PATIENCE, until
from hourbell import Scheduler
from hourbell.model.run_state import RunState


@pytest.mark.parametrize("on_lost", ["retry", "fail"])
async def test_it_goes_on_and_bodies_that_end_in_time_are_reported(database_url: str, on_lost: str) -> None:
    """The store was closed beneath the node: runs that had succeeded were begun again, or failed as lost."""
    before = signal.getsignal(signal.SIGTERM)
    scheduler = Scheduler(database_url, poll=0.2, drain=PATIENCE)
    began, leave = asyncio.Event(), asyncio.Event()

    @scheduler.task(on_lost=on_lost)
    async def short() -> int:
        began.set()
        await leave.wait()
        return 7

    await scheduler.start()
    run = await short.enqueue()
    await asyncio.wait_for(began.wait(), PATIENCE)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await scheduler.stop()
    leave.set()
    await scheduler.start()  # waits for the end of the life before
    try:
        final = await scheduler.get_run(run.id)
        assert (final.state, final.result, final.attempt) == (RunState.SUCCEEDED, 7, 1)
    finally:
        await scheduler.stop()
    assert signal.getsignal(signal.SIGTERM) == before, "or else the signal would be swallowed from then on"


async def test_where_every_further_wait_is_cancelled_nothing_stays_open(database_url: str) -> None:
    """As in a cancelled task group of AnyIO, which cancels each await anew."""
    before = signal.getsignal(signal.SIGTERM)
    scheduler = Scheduler(database_url, poll=0.2)

    async def live() -> None:
        async with scheduler.lifespan():
            began.set()
            await asyncio.sleep(PATIENCE)

    began = asyncio.Event()
    life = asyncio.create_task(live())
    await asyncio.wait_for(began.wait(), PATIENCE)
    while not life.done():
        life.cancel()
        await asyncio.sleep(0)
    await until(lambda: scheduler._core.leaving is None)
    assert not scheduler._core.is_open
    assert signal.getsignal(signal.SIGTERM) == before
