"""Policies that the scheduler states reach every run, however it came about; the task and the schedule say better."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from hourbell import At, Retry, Scheduler

PATIENCE = 60
TWICE, THRICE = Retry(attempts=2, first=0, jitter=False), Retry(attempts=3, first=0, jitter=False)


@pytest.mark.parametrize("origin", ["fire", "trigger", "enqueue"])
async def test_the_schedulers_policies_hold_for_every_run(database_url: str, origin: str) -> None:
    scheduler = Scheduler(database_url, retry=TWICE, poll=0.2)
    soon = datetime.now(UTC) + timedelta(seconds=1 if origin == "fire" else 3600)

    @scheduler.at(soon, id="bell", args={"note": "x"})
    async def ring(note: str = "") -> None:
        raise ValueError(note)

    @scheduler.at(soon, id="other", retry=THRICE)
    async def of_the_task() -> None:
        raise ValueError

    async with asyncio.timeout(PATIENCE), scheduler.lifespan():
        if origin == "enqueue":
            made = [await ring.enqueue(), await of_the_task.enqueue()]
        elif origin == "trigger":
            made = [await scheduler.trigger_schedule(name) for name in ("bell", "other")]
        else:
            while len(made := [run for run in (await scheduler.list_runs()).items if run.origin == "fire"]) < 2:  # noqa: ASYNC110 - a fire tells nobody
                await asyncio.sleep(0.05)
        ended = {run.task: await scheduler.wait(run) for run in made}
    assert {task.rpartition(".")[2]: run.failures for task, run in ended.items()} == {"ring": 2, "of_the_task": 3}


@pytest.mark.parametrize("origin", ["fire", "trigger"])
async def test_a_schedule_made_by_an_older_version_runs_as_its_task_says_now(database_url: str, origin: str) -> None:
    """Requests by hand had the retries and timeouts of the day on which the schedule was made."""
    if database_url == "memory://":
        pytest.skip("nothing outlives its process")
    older, newer = (Scheduler(database_url, poll=0.2) for _ in range(2))
    older.task(name="ring", retry=TWICE)(lambda: None)

    @newer.task(name="ring", retry=THRICE)
    async def ring() -> None:
        raise ValueError

    async with older:
        await older.migrate()
        soon = datetime.now(UTC) + timedelta(seconds=1 if origin == "fire" else 3600)
        await older.add_schedule("ring", At(soon), id="bell")
    async with asyncio.timeout(PATIENCE), newer.lifespan():
        if origin == "trigger":
            run = await newer.trigger_schedule("bell")
        else:
            while not (made := (await newer.list_runs()).items):  # noqa: ASYNC110 - a fire tells nobody
                await asyncio.sleep(0.05)
            run = made[0]
        assert (await newer.wait(run)).failures == 3
