"""What the constructor takes: a database in several forms, settings and default policies by name."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import create_async_engine

from hourbell import HourbellError, InvalidArguments, Scheduler, TriggerError
from hourbell.clock import ManualClock
from hourbell.scheduler.application_engine import connect_args_of
from hourbell.store.memory import MemoryStore


def test_settings_and_policies_by_name() -> None:
    scheduler = Scheduler("memory://", lease=5, queues=["a"], retry=3, grace=60, timezone="Europe/Berlin")
    assert (scheduler.settings.lease, scheduler.settings.queues) == (5, ("a",))
    core = scheduler._core
    assert set(core.defaults) == {"retry", "grace"}


def test_what_is_neither_is_refused() -> None:
    with pytest.raises(InvalidArguments, match="did you mean 'overlap'"):
        Scheduler("memory://", overlapp="skip")  # type: ignore[call-arg]
    with pytest.raises(InvalidArguments, match="retry"):
        Scheduler("memory://", retry="often")  # type: ignore[arg-type]
    with pytest.raises(InvalidArguments, match="'lease'"):
        Scheduler("memory://", lease=1)
    with pytest.raises(TriggerError, match="Europe/Berlin"):
        Scheduler("memory://", timezone="europe/berlin")
    with pytest.raises(InvalidArguments, match="AsyncEngine"):
        Scheduler(5)


def test_the_environment_names_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOURBELL_DATABASE_URL", "postgresql://u:secret@h/db")
    assert repr(Scheduler()) == "<Scheduler on postgresql://u:***@h/db>"
    assert Scheduler("memory://").settings.database.kind == "memory"


async def test_takes_the_address_of_an_engine(tmp_path: Path) -> None:
    engine = create_async_engine("postgresql+asyncpg://u:p%40ss@h:5433/db?ssl=require&prepared_statement_cache_size=0")
    assert Scheduler(engine).settings.database.dsn == "postgresql://u:p%40ss@h:5433/db?sslmode=require"
    await engine.dispose()


async def test_a_plain_address_connects_with_and_without_an_ssl_mode(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server of the tests has no certificate: what insists on one is told so, and not asked again and again."""
    for mode in ("", "?sslmode=disable", "?sslmode=prefer", "?sslmode=allow"):
        monkeypatch.setenv("DATABASE_URL", postgres_url + mode)
        async with Scheduler() as scheduler:
            assert (await scheduler.health()).database.ok
    monkeypatch.setenv("DATABASE_URL", f"{postgres_url}?sslmode=require")
    with pytest.raises(HourbellError, match=r"(?i)ssl"):
        await Scheduler().open()


async def test_connects_as_the_engine_does(postgres_url: str) -> None:
    asked = []

    def password() -> str:
        asked.append(1)
        return "made at the moment"

    given = {"password": password, "server_settings": {"application_name": "quay", "work_mem": "5MB"}, "timeout": 0}
    engine = create_async_engine(postgres_url.replace("postgresql://", "postgresql+asyncpg://"), connect_args=given)
    async with Scheduler(engine) as scheduler:
        await scheduler.migrate()
        other = await asyncpg.connect(postgres_url)
        names = await other.fetch("SELECT application_name FROM pg_stat_activity WHERE datname = current_database()")
        await other.close()
    assert {"application_name": "quay"} in [dict(row) for row in names]
    assert engine.pool.checkedout() == 0, "the engine's own pool is left alone"
    await engine.dispose()


async def test_what_an_event_of_the_engine_changes_counts_too() -> None:
    engine = create_async_engine("postgresql+asyncpg://u:p@h/db?prepared_statement_cache_size=0")

    @event.listens_for(engine.sync_engine, "do_connect")
    def rotate(dialect: object, record: object, arguments: object, parameters: dict[str, object]) -> None:
        parameters["password"] = "rotated"

    found = connect_args_of(engine)
    assert (found["password"], found["user"], found["host"]) == ("rotated", "u", "h")
    assert "prepared_statement_cache_size" not in found
    assert connect_args_of("postgresql://u@h/db") == {}
    await engine.dispose()


async def test_takes_a_store_and_a_clock() -> None:
    clock = ManualClock()
    store = MemoryStore(clock)
    async with Scheduler(store, clock=clock) as scheduler:
        run = await scheduler.task(name="t")(lambda: None).enqueue()
        assert run.created_at == clock.now()
        assert await store.get_run(run.id) == run
        assert scheduler.clock is clock
