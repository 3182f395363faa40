"""What the constructor takes: a database in several forms, settings and default policies by name."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from hourbell import InvalidArguments, Scheduler, TriggerError
from hourbell.clock import ManualClock
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


async def test_takes_a_store_and_a_clock() -> None:
    clock = ManualClock()
    store = MemoryStore(clock)
    async with Scheduler(store, clock=clock) as scheduler:
        run = await scheduler.task(name="t")(lambda: None).enqueue()
        assert run.created_at == clock.now()
        assert await store.get_run(run.id) == run
        assert scheduler.clock is clock
