"""`diagnose`, with faults that really happen: each is made, and found; nothing else is."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hourbell import Calendar, Every, Scheduler
from hourbell.clock import ManualClock, SystemClock
from hourbell.model.diagnosis import Diagnosis, Finding
from hourbell.model.editing import Edit
from hourbell.model.findings import of_database, of_postgres
from hourbell.model.limit import Limit
from hourbell.model.node import NewNode
from hourbell.model.schedule import ScheduleState
from support.by_hand import executed
from support.pooler import pooled

PATIENCE = 60
LEASE = timedelta(seconds=10)
KNOWN = {"greet": None, "limited": 1}


async def nothing() -> None: ...


@pytest.fixture
async def calm(database_url: str) -> AsyncIterator[Scheduler]:
    """A scheduler whose time stands still, a live node of another process, and nothing wrong."""
    scheduler = Scheduler(database_url, clock=ManualClock(), lease=LEASE)
    scheduler.task(name="greet")(nothing)
    scheduler.task(name="limited", concurrency=1)(nothing)
    scheduler.task(name="unheard-of")(nothing)
    async with scheduler:
        await join(scheduler)
        yield scheduler


async def join(scheduler: Scheduler, node_id: str = "n", **fields: Any) -> None:
    known = NewNode(id=node_id, host="h", pid=1, lease=timedelta(days=1), version="1", tasks=KNOWN)
    await scheduler._core.store.register_node(replace(known, **fields))


def later(scheduler: Scheduler, seconds: float) -> None:
    assert isinstance(scheduler.clock, ManualClock)
    scheduler.clock.advance(seconds)


async def found(scheduler: Scheduler) -> Finding:
    """The one thing that is wrong."""
    (finding,) = (await scheduler.diagnose()).findings
    return finding


async def test_nothing_is_wrong(calm: Scheduler) -> None:
    await calm.add_schedule("greet", Every(hours=1))
    await calm.trigger_schedule("greet")
    diagnosis = await calm.diagnose()
    assert diagnosis.findings == ()
    assert diagnosis.healthy
    assert diagnosis.facts.hints in ("arrive", "none")


async def test_no_node_is_live(calm: Scheduler) -> None:
    await calm.add_schedule("greet", Every(hours=1))
    await calm._core.store.retire_node("n")
    assert (await found(calm)).about == "no-node"


async def test_a_node_died(calm: Scheduler) -> None:
    await join(calm, "short", lease=LEASE, pid=2)
    later(calm, 11)
    finding = await found(calm)
    assert (finding.about, finding.named) == ("dead-nodes", ("short",))
    await calm._core.store.rescue({"short": 0})
    assert (await found(calm)).named == ("short",)


async def test_live_nodes_of_two_versions(calm: Scheduler) -> None:
    await join(calm, "newer", version="2")
    assert (await found(calm)).about == "versions"


async def test_a_clock_that_is_off(calm: Scheduler) -> None:
    await calm._core.store.renew("n", timedelta(days=1), 0, 3600.0)
    finding = await found(calm)
    assert (finding.about, "+3600.0 s" in finding.what) == ("clock", True)


async def test_a_schedule_whose_task_nobody_knows(calm: Scheduler) -> None:
    await calm.add_schedule("unheard-of", Every(hours=1), id="s")
    finding = await found(calm)
    assert (finding.about, finding.named) == ("unknown-task", ("s",))


async def test_a_schedule_that_nobody_fires(calm: Scheduler) -> None:
    await calm.add_schedule("greet", Every(minutes=1), id="s")
    later(calm, 71)
    finding = await found(calm)
    assert (finding.about, finding.named) == ("overdue", ("s",))


async def test_a_calendar_that_is_gone(calm: Scheduler) -> None:
    await calm.add_calendar("holidays", Calendar(weekdays=["sun"]))
    await calm.add_schedule("greet", Every(minutes=1), id="s", blackout="holidays")
    assert (await calm.diagnose()).healthy
    await calm.remove_calendar("holidays", force=True)
    for _ in range(2):
        finding = await found(calm)
        assert (finding.about, finding.named) == ("calendar", ("s",))
        later(calm, 71)


async def test_a_schedule_that_this_version_cannot_read(calm: Scheduler) -> None:
    await calm.add_schedule("greet", Every(minutes=1), id="s")
    await calm._core.store.edit_schedule("s", lambda row, _: Edit(replace(row, trigger_spec={"kind": "moon"})))
    later(calm, 71)
    assert (await found(calm)).about == "unreadable"


async def test_a_schedule_that_nobody_declares(calm: Scheduler) -> None:
    await calm.add_schedule("greet", Every(hours=1), id="s")
    await calm._core.store.edit_schedule("s", lambda row, _: Edit(replace(row, state=ScheduleState.UNDECLARED)))
    assert (await found(calm)).about == "undeclared"


async def test_a_pause_that_passes_over_due_times(calm: Scheduler) -> None:
    await calm.add_schedule("greet", Every(minutes=1), id="s")
    await calm.pause_schedule("s", note="broken printer")
    assert (await calm.diagnose()).findings == ()
    later(calm, 71)
    finding = await found(calm)
    assert (finding.about, "s (broken printer)" in finding.what) == ("paused", True)
    assert (await calm.diagnose()).healthy


async def test_runs_in_a_queue_that_nobody_serves(calm: Scheduler) -> None:
    await calm._core.store.retire_node("n")
    await join(calm, "m", queues=("other",))
    await calm._core.find_task("greet").enqueue()
    later(calm, 11)
    finding = await found(calm)
    assert (finding.about, finding.named) == ("stranded", ("greet", "default"))
    assert finding.do.startswith("start one")


async def test_runs_that_nobody_takes_though_somebody_could(calm: Scheduler) -> None:
    await calm._core.find_task("greet").enqueue()
    later(calm, 11)
    finding = await found(calm)
    assert (finding.about, finding.named) == ("unclaimed", ("greet", "default"))


async def test_runs_that_wait_for_their_limit(calm: Scheduler) -> None:
    limited = calm._core.find_task("limited")
    await limited.enqueue()
    await limited.enqueue()
    claim = await calm._core.store.claim(
        "n", "c", limit=9, tasks={"limited": 9}, queues=None, suspects=9, limits=[Limit(("limited",), 1)]
    )
    assert claim is not None
    assert len(claim.runs) == 1
    later(calm, 11)
    finding = await found(calm)
    assert (finding.about, "1 of 1 are running" in finding.what) == ("limit", True)
    assert (await calm.diagnose()).healthy


async def test_a_run_whose_node_is_gone(calm: Scheduler, database_url: str) -> None:
    await join(calm, "gone")
    run = await calm._core.find_task("greet").enqueue()
    await calm._core.store.claim("gone", "c", limit=1, tasks={"greet": 1}, queues=None, suspects=1)
    await forget_node(calm, database_url, "gone")
    finding = await found(calm)
    assert (finding.about, finding.named) == ("orphans", (run.id,))


async def forget_node(scheduler: Scheduler, database_url: str, node_id: str) -> None:
    """Somebody deletes the row by hand."""
    if database_url == "memory://":
        tables: Any = scheduler._core.store._tables  # type: ignore[attr-defined]
        with tables.transaction():
            tables.nodes.drop(node_id)
    elif database_url.startswith("sqlite"):
        database: Any = scheduler._core.store._sqlite  # type: ignore[attr-defined]
        await database.on("write", lambda c: c.execute("DELETE FROM nodes WHERE id = ?", (node_id,)).fetchall())
    else:
        await executed(database_url, f"DELETE FROM hourbell.nodes WHERE id = '{node_id}'")


async def test_what_a_node_says_of_its_hosts_clock(postgres_url: str) -> None:
    class Ahead(SystemClock):
        def host_now(self) -> datetime:
            return super().host_now() + timedelta(hours=1)

    wrong = Scheduler(postgres_url, clock=Ahead(), lease=3)
    wrong.every(hours=1, id="s")(nothing)
    right = Scheduler(postgres_url)
    async with asyncio.timeout(PATIENCE), wrong.lifespan(), right:
        while not (finding := await of(right, "clock")):  # noqa: ASYNC110 - the node tells nobody
            await asyncio.sleep(0.1)
        # As exact as answers are quick.
        assert re.search(r" \+(3599\.\d|3600\.\d) s", finding.what)
        assert re.search(r"this host by \+(3599|3600)", (await wanted(wrong, "clock")).what)


# PostgreSQL


@pytest.fixture
async def url(postgres_url: str) -> str:
    """A migrated database, with nobody in it."""
    async with Scheduler(postgres_url):
        return postgres_url


async def diagnosed(url: str, **settings: Any) -> Diagnosis:
    scheduler = Scheduler(url, **settings)
    await scheduler.open(migrate=False)
    try:
        return await scheduler.diagnose()
    finally:
        await scheduler.close()


async def of(scheduler: Scheduler, about: str) -> Finding | None:
    return next((one for one in (await scheduler.diagnose()).findings if one.about == about), None)


async def wanted(scheduler: Scheduler, about: str) -> Finding:
    finding = await of(scheduler, about)
    assert finding is not None
    return finding


async def the_one(url: str, **settings: Any) -> Finding:
    (finding,) = (await diagnosed(url, **settings)).findings
    return finding


@pytest.mark.bare
async def test_no_schema(postgres_url: str) -> None:
    finding = await the_one(postgres_url)
    assert (finding.about, finding.named[0]) == ("schema", "0001_initial")


async def test_a_migration_is_missing(url: str) -> None:
    await executed(url, "DELETE FROM hourbell.migrations WHERE version = 18")
    assert (await the_one(url)).named == ("0018_clock_offsets",)


async def test_a_pooler_in_transaction_mode(url: str) -> None:
    async with pooled(url) as through:
        finding = await the_one(through)
        assert (finding.about, finding.severity) == ("pooler", "problem")
        told = await diagnosed(through, pooler=True)
        assert ([one.about for one in told.findings], told.healthy) == (["hints"], True)
        assert (await diagnosed(through, pooler=True, direct_url=url)).findings == ()


async def test_a_pooler_for_sessions_does_no_harm(url: str) -> None:
    async with pooled(url, in_transactions=False) as through:
        told = await diagnosed(through)
        assert (told.findings, told.facts.database.pooled, told.facts.hints) == ((), True, "arrive")
    assert not (await diagnosed(url)).facts.database.pooled


async def test_a_role_that_lacks_rights(url: str) -> None:
    role = f"poor_{url.rpartition('_')[2]}"
    await executed(
        url,
        f"CREATE ROLE {role} LOGIN PASSWORD 'x'",
        f"GRANT USAGE ON SCHEMA hourbell TO {role}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA hourbell TO {role}",
        f"GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA hourbell TO {role}",
        f"REVOKE UPDATE ON hourbell.runs FROM {role}",
    )
    try:
        told = await diagnosed(f"postgresql://{role}:x@{url.partition('@')[2]}")
        (finding,) = told.findings
        assert (finding.about, finding.named) == ("rights", ("UPDATE on runs",))
        await executed(url, f"REVOKE SELECT ON hourbell.runs FROM {role}")
        told = await diagnosed(f"postgresql://{role}:x@{url.partition('@')[2]}")
        assert (told.findings[0].named, told.facts.survey) == (("SELECT on runs", "UPDATE on runs"), None)
    finally:
        await executed(url, f"DROP OWNED BY {role}", f"DROP ROLE {role}")


async def test_a_database_that_cannot_be_written_to(url: str) -> None:
    name = url.rpartition("/")[2]
    await executed(url, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    assert (await the_one(url)).about == "read-only"


async def test_indexes_that_are_gone_broken_or_not_used(url: str) -> None:
    name = url.rpartition("/")[2]
    await executed(
        url,
        "DROP INDEX hourbell.runs_claim",
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'hourbell.schedules_due'::regclass",
        f"ALTER DATABASE {name} SET enable_indexscan = off",
    )
    assert {one.about: one.named for one in (await diagnosed(url)).findings} == {
        "missing-index": ("runs_claim",),
        "invalid-index": ("schedules_due",),
        "index-scans": ("enable_indexscan",),
    }


async def test_dead_rows_and_worn_indexes(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_postgres, "DEAD", 1_000)
    monkeypatch.setattr(of_postgres, "_LARGE", 100_000)
    monkeypatch.setattr(of_postgres, "_PER_ENTRY", 100)
    await executed(
        url,
        "ALTER TABLE hourbell.runs SET (autovacuum_enabled = off)",
        """
        INSERT INTO hourbell.runs
            (id, task, args, state, origin, queue, priority, on_lost, lost_limit, created_at, run_at)
        SELECT gen_random_uuid(), 't', '{}', 'queued', 'enqueue', 'default', 0, 'retry', 5, now(), now()
        FROM generate_series(1, 5000)
        """,
        "DELETE FROM hourbell.runs",
    )
    async with asyncio.timeout(PATIENCE), Scheduler(url) as scheduler:
        while not (finding := await of(scheduler, "dead-rows")):  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.1)
        assert finding.named == ("runs",)
        await executed(url, "VACUUM hourbell.runs")
        assert "runs_claim" in (await wanted(scheduler, "index-bloat")).named
        await executed(url, "REINDEX TABLE hourbell.runs")
        while (await scheduler.diagnose()).findings:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.1)


# SQLite


@pytest.fixture
async def file_url(sqlite_path: Path) -> str:
    """A migrated file, with nobody in it."""
    async with Scheduler(f"sqlite:///{sqlite_path}"):
        return f"sqlite:///{sqlite_path}"


async def written(scheduler: Scheduler, *statements: str) -> None:
    database: Any = scheduler._core.store._sqlite  # type: ignore[attr-defined]
    for statement in statements:
        await database.on("write", lambda connection, text=statement: connection.execute(text).fetchall())


async def test_a_file_without_a_schema(sqlite_path: Path) -> None:
    await asyncio.to_thread(sqlite_path.touch)
    assert (await the_one(f"sqlite:///{sqlite_path}")).about == "schema"


async def test_a_damaged_file(file_url: str, sqlite_path: Path) -> None:
    async with Scheduler(file_url) as scheduler:
        await written(scheduler, "PRAGMA wal_checkpoint(TRUNCATE)")
    with sqlite_path.open("r+b") as file:  # the pages behind those of the schema's own table
        file.seek(5 * 4096)
        file.write(b"\xff" * 4096 * 8)
    finding = await the_one(file_url)
    assert (finding.about, finding.severity) == ("integrity", "problem")
    assert finding.named


async def test_a_file_whose_index_is_gone(file_url: str) -> None:
    async with Scheduler(file_url) as scheduler:
        await written(scheduler, "DROP INDEX runs_claim")
    assert (await the_one(file_url)).named == ("runs_claim",)


async def test_a_file_that_cannot_have_a_log(file_url: str, sqlite_path: Path) -> None:
    connection = sqlite3.connect(sqlite_path)
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()
    scheduler = Scheduler(file_url)
    # As on a network file system, where asking for the log is of no use.
    file: Any = scheduler._core.unopened_store._sqlite.file  # type: ignore[attr-defined]
    of_no_use = file._statements["examining.journal"]
    file._statements = {**file._statements, "connection.journal": of_no_use}
    await scheduler.open(migrate=False)
    try:
        assert [one.about for one in (await scheduler.diagnose()).findings] == ["journal"]
    finally:
        await scheduler.close()


async def test_a_log_that_cannot_be_emptied(file_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_database, "_LARGE_WAL", 100_000)
    async with Scheduler(file_url) as scheduler:
        scheduler.task(name="t")(nothing)
        assert (await scheduler.diagnose()).findings == ()
        for number in range(100):
            await scheduler.add_calendar(f"c{number}", Calendar(days=[f"2030-01-{day:02}" for day in range(1, 31)]))
        assert (await wanted(scheduler, "wal")).severity == "notice"
