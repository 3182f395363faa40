"""Who watches hears of old runs too: what waited when the watching began, and what is done to one that has ended."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from hourbell import Scheduler
from hourbell.model.change import Change
from hourbell.scheduler import looks


async def test_old_runs_that_are_done_between_two_looks_are_told(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither new nor running at any look: a page showed them as they had been until it was loaded anew."""
    monkeypatch.setattr(looks, "WINDOW", timedelta(seconds=0.2))  # beyond it a run is old
    scheduler = Scheduler(database_url, poll=0.5)
    gate = asyncio.Event()

    @scheduler.task(name="quick")
    async def quick() -> None: ...

    @scheduler.task(name="gated", concurrency=1)
    async def gated(wait: bool = False) -> None:
        if wait:
            await gate.wait()

    async with scheduler.lifespan():
        ended = await scheduler.wait(await quick.enqueue())
        later = await quick.options(delay=3600).enqueue()
        await gated.enqueue(wait=True)
        waits = await gated.enqueue()
        await asyncio.sleep(0.5)
        async with scheduler.watch() as watch, asyncio.timeout(60):
            await scheduler.cancel_run(later.id)
            await heard(watch, later.id, "cancelled")
            await scheduler.retry_run(ended.id)
            await heard(watch, ended.id, "succeeded")
            gate.set()
            await heard(watch, waits.id, "succeeded")


async def heard(watch: looks.Watch, run_id: str, state: str) -> Change:
    """The change to this state. Raises TimeoutError of the block around it."""
    async for change in watch:
        if (change.kind, change.id, change.state) == ("run", run_id, state):
            return change
    raise AssertionError("the watching has ended")
