"""Health, readiness and liveness in each kind of trouble: what they say is so, and is said in time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from engine.faulty_store import FaultyStore
from hourbell import Scheduler
from hourbell.clock import ManualClock, SystemClock
from hourbell.errors import StoreUnavailable
from hourbell.fastapi import api_router
from hourbell.scheduler.health import Health
from hourbell.store.memory import MemoryStore
from hourbell.store.postgres import PostgresStore

PATIENCE = 60
SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


async def nothing() -> None: ...


@asynccontextmanager
async def probed(scheduler: Scheduler) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    app.include_router(api_router(scheduler, allow_anonymous="read"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        yield client


async def statuses(scheduler: Scheduler) -> tuple[int, int, int]:
    """Of health, readiness and liveness."""
    async with probed(scheduler) as client:
        found = [await client.get(f"/health{probe}") for probe in ("", "/ready", "/live")]
        for told in (answer.json() for answer in found[:2]):
            assert (told["status"] == "ok") == (told["reasons"] == []), told
        return found[0].status_code, found[1].status_code, found[2].status_code


async def until(scheduler: Scheduler, so: Callable[[Health], bool]) -> Health:
    """The first health of which something is true."""
    async with asyncio.timeout(PATIENCE):
        while not so(health := await scheduler.health()):  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.05)
        return health


@pytest.fixture
async def operator(postgres_url: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()


@asynccontextmanager
async def silent_server() -> AsyncIterator[int]:
    """A port that takes connections and says nothing, as a machine that was cut off does."""
    over = asyncio.Event()

    async def silence(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.close()

    server = await asyncio.start_server(silence, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        over.set()
        server.close()


@pytest.mark.slow
async def test_a_database_that_says_nothing_is_down_before_a_probe_gives_up() -> None:
    async with silent_server() as port:
        scheduler = Scheduler(f"postgresql://nobody@127.0.0.1:{port}/nowhere")
        await scheduler.open(migrate=False)
        try:
            async with asyncio.timeout(PATIENCE):
                health = await scheduler.health()
            assert (health.status, health.database.ok) == ("down", False)
            assert health.reasons == ("database: it has not answered for 1 s",)
            assert await statuses(scheduler) == (503, 503, 200)
        finally:
            await scheduler.close()


async def test_a_database_is_not_blamed_for_a_loop_that_stood_still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hourbell.scheduler.health._ANSWER", 0.1)
    store = MemoryStore(SystemClock())
    ping = store.ping

    async def slowly(**asked: bool) -> datetime:
        await asyncio.sleep(0.05)
        return await ping(**asked)

    monkeypatch.setattr(store, "ping", slowly)
    scheduler = Scheduler(store)
    async with scheduler:
        asyncio.get_running_loop().call_later(0.02, time.sleep, 0.4)
        assert (await scheduler.health()).status == "ok"


async def test_an_application_that_starts_without_its_database_says_so() -> None:
    scheduler = Scheduler("postgresql://nobody@127.0.0.1:1/nowhere")
    async with asyncio.timeout(PATIENCE), scheduler.lifespan():
        health = await scheduler.health()
        assert (health.status, health.database.ok, health.node.id) == ("down", False, None)
        assert "check that it runs" in health.reasons[0]
        assert await statuses(scheduler) == (503, 503, 200)


async def test_a_database_that_only_reads_is_down_also_for_who_is_no_node(postgres_url: str, operator: Any) -> None:
    scheduler = Scheduler(postgres_url)
    async with scheduler:
        assert (await scheduler.health()).status == "ok"
        name = await operator.fetchval("SELECT current_database()")
        await operator.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        await operator.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        health = await until(scheduler, lambda health: "only reads" in str(health.reasons))
        assert health.status == "down"
        assert await statuses(scheduler) == (503, 503, 200)
        task = scheduler.task(name="nothing")(nothing)
        with pytest.raises(StoreUnavailable, match="must lead to the primary"):
            await task.enqueue()
        await operator.execute("SET default_transaction_read_only = off")
        await operator.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")


async def test_a_database_that_writes_again_is_believed_at_once(postgres_url: str, operator: Any) -> None:
    async with Scheduler(postgres_url) as scheduler:
        name = await operator.fetchval("SELECT current_database()")
        await operator.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        await operator.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await until(scheduler, lambda health: "only reads" in str(health.reasons))
        # All sessions of the pool are opened now, and each has learnt that it may only read.
        async with asyncio.timeout(PATIENCE):
            while await operator.fetchval(SESSIONS) < 4:
                await asyncio.gather(*(scheduler.list_runs() for _ in range(8)))
        await operator.execute("SET default_transaction_read_only = off")
        await operator.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        assert (await scheduler.health()).status == "ok"


async def test_tables_that_somebody_holds_are_told_from_a_database_that_is_away(
    postgres_url: str, operator: Any
) -> None:
    scheduler = Scheduler(postgres_url)
    async with asyncio.timeout(PATIENCE), scheduler:
        async with operator.transaction():
            await operator.execute("LOCK TABLE hourbell.runs IN ACCESS EXCLUSIVE MODE")
            health = await scheduler.health()
            assert await statuses(scheduler) == (503, 503, 200)
        assert (health.status, health.database.ok) == ("down", True)
        assert "its tables are locked by somebody" in health.reasons[0]
        assert (await scheduler.health()).status == "ok"


async def test_a_schema_that_is_too_old_says_what_to_do(postgres_url: str, operator: Any) -> None:
    scheduler = Scheduler(postgres_url)
    async with scheduler:
        assert (await scheduler.health()).status == "ok"
        await operator.execute(
            "DELETE FROM hourbell.migrations WHERE version = (SELECT max(version) FROM hourbell.migrations)"
        )
        health = await scheduler.health()
        assert (health.status, health.database.ok) == ("down", True)
        assert "hourbell migrate" in health.reasons[0]
        assert await statuses(scheduler) == (503, 503, 200)


@pytest.mark.slow
async def test_a_database_without_room_is_told_and_costs_the_node_its_lease() -> None:
    """What a full disk does: it answers, and refuses whatever would be written."""
    store = FaultyStore(MemoryStore(SystemClock()))
    scheduler = Scheduler(store, lease=3)
    async with asyncio.timeout(PATIENCE), scheduler.lifespan():
        await until(scheduler, lambda health: health.status == "ok")
        for verb in ("renew", "register_node", "fire_due", "claim"):
            store.faults.before(verb, StoreUnavailable("no space left on device"), times=1_000_000)
        health = await until(scheduler, lambda health: health.node.error is not None)
        assert (health.status, "no space left" in health.reasons[-1]) == ("degraded", True)
        assert (await statuses(scheduler))[2] == 200
        health = await until(scheduler, lambda health: health.node.state == "away")
        assert health.status == "down"
        assert await statuses(scheduler) == (503, 503, 200)


async def test_a_clock_that_has_gone_back_is_told_with_how_far() -> None:
    clock = ManualClock(datetime(2030, 1, 1, tzinfo=UTC))
    scheduler = Scheduler(MemoryStore(clock))
    task = scheduler.task(name="nothing")(nothing)
    async with scheduler:
        await task.enqueue()
        assert (await scheduler.health()).status == "ok"
        clock.bend(-3600)
        health = await scheduler.health()
        assert health.status == "degraded"
        assert "has gone back by 3600 s" in health.reasons[0]
        assert await statuses(scheduler) == (200, 200, 200), "it answers, and is no reason to send requests elsewhere"
        clock.advance(3600)
        assert (await scheduler.health()).status == "ok"


async def test_without_hints_all_is_well_and_slower(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def deaf(_: PostgresStore, __: Callable[[], None]) -> None:
        """As behind a transaction pooler."""

    monkeypatch.setattr(PostgresStore, "listen", deaf)
    scheduler = Scheduler(postgres_url)
    async with asyncio.timeout(PATIENCE), scheduler.lifespan():
        health = await until(scheduler, lambda health: health.node.state == "live")
        assert (health.status, health.node.hints) == ("ok", False)
