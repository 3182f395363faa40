"""Somebody wrote nonsense into our tables: it is that row's misfortune, never the loops' nor that of a list."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from hourbell import Calendar, Every, Scheduler
from hourbell.fastapi import api_router, jobs_router

Write = Callable[[str], Awaitable[None]]
DEEP = "[" * 100_000

# What somebody writes into which column of a schedule.
SCHEDULES = {
    "trigger": "trigger_spec = 'x'",
    "trigger list": "trigger_spec = '[]'",
    "trigger kind": """trigger_spec = '{"kind": "moon"}'""",
    "trigger deep": f"trigger_spec = '{DEEP}'",
    "args": "args = '{'",
    "args list": "args = '[1]'",
    "policies": "policies = 'x'",
    "policies list": "policies = '[]'",
    "policy unknown": """policies = '{"nobody": 1}'""",
    "policy wrong": """policies = '{"overlap": 7, "grace": "soon", "jitter": [], "blackout": 3}'""",
    "policy retry": """policies = '{"retry": {"attempts": "many"}}'""",
    "inherited": "inherited = 'null'",
    "declared": "declared = 'x'",
    "calendar": """policies = '{"blackout": ["bad"]}'""",
}
RUNS = {
    "args": "args = 'x'",
    "args deep": f"args = '{DEEP}'",
    "policies": "policies = 'x'",
    "policies list": "policies = '[1]'",
    "policy unknown": """policies = '{"nobody": 1}'""",
    "policy wrong": """policies = '{"retry": "often", "timeout": "long"}'""",
    "progress": "progress = 'x'",
    "key": "key = '\n'",
}
# Another version may have stored these, and they wait for a node of it.
WAIT = {"policy unknown", "policy wrong"}


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, sqlite_path: Path) -> tuple[str, Write]:
    """An address, and a way to write there past us."""
    if request.param == "sqlite":

        async def write(text: str) -> None:
            connection = sqlite3.connect(sqlite_path, timeout=30, isolation_level=None)
            connection.execute(text.replace("hourbell.", ""))
            connection.close()

        return f"sqlite:///{sqlite_path}", write
    url = str(request.getfixturevalue("postgres_url"))

    async def write_there(text: str) -> None:
        connection = await asyncpg.connect(url)
        await connection.execute(text)
        await connection.close()

    return url, write_there


@pytest.fixture
async def poisoned(place: tuple[str, Write]) -> AsyncIterator[tuple[Scheduler, dict[str, str]]]:
    """A scheduler on a database with nonsense in many rows, and the ids of the runs by what is wrong with them."""
    url, write = place
    scheduler = Scheduler(url, poll=0.1, drain=0.2, lease=30)

    @scheduler.task(name="t")
    async def task(number: int = 0) -> None: ...

    async with scheduler:
        await scheduler.add_calendar("bad", Calendar(days=["2030-12-25"]))
        for name in SCHEDULES:
            await scheduler.add_schedule("t", Every(seconds=1), id=name)
        await scheduler.add_schedule("t", Every(seconds=0.2), id="good", overlap="allow")
        runs = {name: (await task.options(delay=timedelta(hours=1)).enqueue()).id for name in RUNS}
        for name, change in SCHEDULES.items():
            await write(f"UPDATE hourbell.schedules SET {change} WHERE id = '{name}'")
        for name, run_id in runs.items():
            await write(f"UPDATE hourbell.runs SET {RUNS[name]}, run_at = created_at WHERE id = '{run_id}'")
        await write("UPDATE hourbell.calendars SET spec = 'x'")
        yield scheduler, runs


async def refused(scheduler: Scheduler) -> list[str]:
    """The lists and rows that cannot be read over REST."""
    app = FastAPI()
    app.include_router(api_router(scheduler, allow_anonymous=True))
    app.include_router(jobs_router(scheduler, allow_anonymous=True))
    found = []
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        schedules = [f"/schedules/{name}" for name in SCHEDULES]
        runs = [f"/runs/{run.id}" for run in await scheduler.list_runs(limit=500)]
        for path in ("/schedules?limit=100", "/runs?limit=100", "/nodes", "/audit", "/jobs", *schedules, *runs):
            answer = await client.get(path)
            if answer.status_code != 200:
                found.append(f"{path}: {answer.status_code}")
        for name in SCHEDULES:
            if (await client.get(f"/schedules/{name}/preview")).status_code >= 500:
                found.append(f"preview of {name}")
            for verb in ("pause", "resume", "trigger"):
                answer = await client.post(f"/schedules/{name}/{verb}")
                if answer.status_code >= 500:
                    found.append(f"{verb} {name}: {answer.status_code}")
        found += [path for path in ("/health",) if (await client.get(path)).status_code >= 500]
    return found


@pytest.mark.slow
async def test_everything_can_be_read(poisoned: tuple[Scheduler, dict[str, str]]) -> None:
    assert await refused(poisoned[0]) == []


@pytest.mark.slow
async def test_what_is_sound_goes_on_and_what_is_not_fails_alone(
    poisoned: tuple[Scheduler, dict[str, str]], place: tuple[str, Write]
) -> None:
    scheduler, runs = poisoned
    async with scheduler.lifespan():
        await place[1]("UPDATE hourbell.nodes SET queues = 'x'")
        for name in runs.keys() - WAIT:
            ended = await scheduler.wait(runs[name], 60)
            assert ended.state == ("succeeded" if name in ("progress", "key") else "failed"), f"{name}: {ended}"
        # Whatever fires next does so after all of that has been looked at more than once.
        async with asyncio.timeout(60):
            for _ in range(5):
                await scheduler.wait(await next_of(scheduler, "good"))
        assert (await scheduler.health()).database.ok
        for name in WAIT:
            assert not (await scheduler.get_run(runs[name])).state.final
    assert await refused(scheduler) == []


async def next_of(scheduler: Scheduler, schedule_id: str) -> str:
    """The next run of this schedule."""
    known = {run.id for run in await scheduler.list_runs(schedule_id=schedule_id, limit=5)}
    while True:
        for run in await scheduler.list_runs(schedule_id=schedule_id, limit=5):
            if run.id not in known:
                return run.id
        await asyncio.sleep(0.05)
