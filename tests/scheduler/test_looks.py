"""Looking at what changes, again and again."""

from __future__ import annotations

import asyncio
import logging

import pytest

from engine.bench import PATIENCE, until
from engine.faulty_store import FaultyStore
from hourbell import Scheduler
from hourbell.clock import SystemClock
from hourbell.store.memory import MemoryStore


async def test_a_look_that_fails_for_whatever_reason_is_not_the_last(caplog: pytest.LogCaptureFixture) -> None:
    store = FaultyStore(MemoryStore(SystemClock()))
    scheduler = Scheduler(store, poll=0.1)

    @scheduler.task
    async def quick() -> None: ...

    async with scheduler, scheduler.watch() as watch:
        store.faults.before("see_runs", ValueError("a row that nobody can read"), times=3)
        with caplog.at_level(logging.ERROR, "hourbell.scheduler"):
            await until(store.faults.nothing_planned)
            run = await quick.enqueue()
            change = await asyncio.wait_for(anext(watch), PATIENCE)
    assert change.id == run.id
    assert len(caplog.records) == 1, "it is said once"
