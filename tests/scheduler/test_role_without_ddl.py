"""A database role that may change rows and nothing else, made by the lines that the documentation gives."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from datetime import timedelta
from urllib.parse import urlsplit

import asyncpg
import pytest

from hourbell import Every, MigrationNeeded, Scheduler
from hourbell.acting import acting
from support.pages import ROOT, blocks


@pytest.fixture
async def role_url(postgres_url: str) -> AsyncIterator[str]:
    """The address of a migrated database, for the role of the page."""
    async with Scheduler(postgres_url):
        pass
    role = f"app_{secrets.token_hex(4)}"
    (lines,) = (block.text for block in blocks(ROOT / "docs" / "howto" / "database-role.md"))
    connection = await asyncpg.connect(postgres_url)
    await connection.execute(lines.replace(" app", f" {role}"))
    address = urlsplit(postgres_url)
    yield address._replace(netloc=f"{role}:change%20me@{address.netloc.rpartition('@')[2]}").geturl()
    await connection.execute(f"DROP OWNED BY {role}; DROP ROLE {role};")
    await connection.close()


async def test_it_does_all_that_a_node_does(role_url: str) -> None:
    scheduler = Scheduler(role_url, poll=0.2, drain=1)

    @scheduler.every(hours=1, id="declared")
    async def work() -> int:
        return 42

    async with scheduler.lifespan():
        run = await scheduler.wait(await work.enqueue(), 60)
        assert (run.state, run.result) == ("succeeded", 42)
        with acting("ada"):
            await scheduler.add_schedule(work, Every(hours=1), id="s")
            await scheduler.pause_schedule("s")
            await scheduler.resume_schedule("s")
            triggered = await scheduler.trigger_schedule("s")
            assert (await scheduler.wait(triggered, 60)).state == "succeeded"
            await scheduler.remove_schedule("s")
        later = await work.options(delay=timedelta(hours=1)).enqueue()
        await scheduler.cancel_run(later.id)
        await scheduler.retry_run(later.id)
        assert len(await scheduler.list_audit(actor="ada")) == 5
        assert await scheduler.migrate() == []
        assert (await scheduler.health()).status == "ok"


async def test_it_may_not_change_the_schema_and_says_what_to_do(role_url: str, postgres_url: str) -> None:
    connection = await asyncpg.connect(role_url)
    for text in (
        "CREATE TABLE hourbell.mine (id int)",
        "DROP TABLE hourbell.runs",
        "ALTER TABLE hourbell.runs ADD x int",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(text)
    await connection.close()
    owner = await asyncpg.connect(postgres_url)
    await owner.execute("DELETE FROM hourbell.migrations WHERE version = 17")
    await owner.execute("DROP TABLE hourbell.audit")
    await owner.close()
    with pytest.raises(MigrationNeeded, match="hourbell migrate"):
        await Scheduler(role_url).open()
