"""The verbs of who looks after it."""

from __future__ import annotations

import pytest

from hourbell import InvalidArguments, Scheduler


@pytest.mark.bare
async def test_migrates_without_being_opened(database_url: str) -> None:
    scheduler = Scheduler(database_url)
    applied = await scheduler.migrate()
    assert bool(applied) == (database_url != "memory://")
    assert list(await scheduler.migrate()) == []
    await scheduler.open(migrate=False)
    assert len(await scheduler.list_runs()) == 0
    await scheduler.close()
    await scheduler.close()


async def test_the_script_does_what_migrate_does(postgres_url: str) -> None:
    scheduler = Scheduler(postgres_url, schema="by_hand")
    import asyncpg

    connection = await asyncpg.connect(postgres_url)
    async with connection.transaction():
        await connection.execute(scheduler.migration_script())
    await connection.close()
    assert list(await scheduler.migrate()) == []
    async with scheduler:
        task = scheduler.task(name="t")(lambda: None)
        await task.enqueue()
        assert len(await scheduler.list_runs()) == 1


def test_there_is_no_script_for_a_file() -> None:
    with pytest.raises(InvalidArguments, match="SQLite"):
        Scheduler("sqlite:///x.db").migration_script()


async def test_tasks_by_name(scheduler: Scheduler) -> None:
    assert [task.name for task in await scheduler.list_tasks()] == ["add", "greet"]
