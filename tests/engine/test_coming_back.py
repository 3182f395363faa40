"""Two applications on one database: while one restarts, the other leaves its schedules to it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import pairwise

import pytest

from engine.bench import Bench, until_async


async def nothing() -> None: ...


@pytest.mark.slow
async def test_a_restart_loses_no_fire_to_the_other_application() -> None:
    other = Bench(poll=0.1, poll_with_hints=0.1)
    mine = other.neighbour(poll=0.1, poll_with_hints=0.1)
    mine.task(nothing)
    mine.schedule("nothing", overlap="allow")
    async with other.running():
        async with mine.running():
            await until_async(lambda: _recorded(mine, 1))
        stored = await mine.store.get_schedule("nothing")
        # The other one finds it due again and again while nobody declares it.
        await asyncio.sleep(2.5)
        assert (await mine.store.get_schedule("nothing")).next_fire_at == stored.next_fire_at
        async with mine.running():
            await until_async(lambda: _recorded(mine, 5))
    runs = sorted(run.fire_at for run in await mine.runs() if run.fire_at is not None)
    assert {run.reason for run in await mine.runs()} == {None}
    assert {later - earlier for earlier, later in pairwise(runs)} == {timedelta(seconds=1)}


@pytest.mark.slow
async def test_what_does_not_come_back_is_undeclared_in_the_end() -> None:
    other = Bench(poll=0.1, poll_with_hints=0.1)
    mine = other.neighbour(poll=0.1, poll_with_hints=0.1)
    mine.task(nothing)
    mine.schedule("nothing")
    async with other.running():
        async with mine.running():
            await until_async(lambda: _recorded(mine, 1))
        asked = other.faults.asked["fire_due"]
        await until_async(lambda: _is_undeclared(mine))
        # Once when it is due and then every few seconds: to wait for somebody is no reason to spin.
        assert other.faults.asked["fire_due"] - asked <= 300


async def _recorded(bench: Bench, count: int) -> bool:
    return len(await bench.runs()) >= count


async def _is_undeclared(bench: Bench) -> bool:
    return str((await bench.store.get_schedule("nothing")).state) == "undeclared"
