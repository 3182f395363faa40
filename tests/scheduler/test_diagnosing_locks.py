"""Tables that somebody holds: who it is, said by the one command that must not wait for them itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from hourbell import Scheduler
from hourbell.model.diagnosis import Diagnosis
from hourbell.model.findings import of_sessions
from hourbell.store.postgres import PostgresStore, examining

pytestmark = pytest.mark.slow
PATIENCE = 120


@pytest.fixture
async def url(postgres_url: str) -> str:
    async with Scheduler(postgres_url):
        return postgres_url


@pytest.fixture
async def report(url: str) -> AsyncIterator[Any]:
    """A session of somebody else's."""
    connection = await asyncpg.connect(url, server_settings={"application_name": "monthly report"})
    yield connection
    connection.terminate()


async def diagnosed(url: str) -> Diagnosis:
    store = PostgresStore(url, patience=1.0, verbs_patience=1.0)
    scheduler = Scheduler(store)
    await scheduler.open(migrate=False)
    try:
        async with asyncio.timeout(PATIENCE):
            return await scheduler.diagnose()
    finally:
        await scheduler.close()


@pytest.mark.parametrize("table", ["runs", "nodes", "migrations"])
async def test_a_table_that_somebody_has_locked(
    url: str, report: Any, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examining, "_PATIENCE", timedelta(0))
    await report.execute(f"BEGIN; LOCK TABLE hourbell.{table} IN ACCESS EXCLUSIVE MODE")
    diagnosis = await diagnosed(url)
    assert {one.about for one in diagnosis.findings} == {"unread", "locks"}
    (locks,) = [one for one in diagnosis.findings if one.about == "locks"]
    assert locks.named == (str(report.get_server_pid()),)
    assert "monthly report" in locks.what
    assert table in locks.what


async def test_rows_that_somebody_has_locked_and_forgotten(
    url: str, report: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examining, "_LONG", timedelta(0))
    await report.execute("BEGIN; SELECT FROM hourbell.schedules FOR UPDATE")
    (finding,) = (await diagnosed(url)).findings
    assert (finding.about, finding.severity, finding.named) == ("locks", "notice", (str(report.get_server_pid()),))


async def test_who_keeps_a_migration_from_its_tables(url: str, report: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examining, "_PATIENCE", timedelta(0))
    await report.execute(
        "DELETE FROM hourbell.migrations WHERE version = (SELECT max(version) FROM hourbell.migrations)"
    )
    await report.execute("BEGIN; SELECT FROM hourbell.runs")
    findings = {one.about: one for one in (await diagnosed(url)).findings}
    assert findings.keys() == {"schema", "locks"}
    assert findings["locks"].named == (str(report.get_server_pid()),)


async def test_who_is_waited_for_and_waits_himself(url: str, report: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An ALTER TABLE behind a transaction that has only read keeps everybody out."""
    monkeypatch.setattr(examining, "_PATIENCE", timedelta(0))
    await report.execute("BEGIN; SELECT FROM hourbell.runs")
    altering = await asyncpg.connect(url)
    waiting = asyncio.create_task(altering.execute("ALTER TABLE hourbell.runs ADD COLUMN extra text"))
    try:
        asked = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = $1"
        async with asyncio.timeout(PATIENCE):
            while not await report.fetchval(asked, altering.get_server_pid()):  # noqa: ASYNC110 - the server tells nobody
                await asyncio.sleep(0.01)
        findings = {one.named[0]: one for one in (await diagnosed(url)).findings if one.about == "locks"}
        assert "1 session here waits for it" in findings[str(report.get_server_pid())].what
        assert "let that end first" in findings[str(altering.get_server_pid())].do
        assert str(report.get_server_pid()) in findings[str(altering.get_server_pid())].do
    finally:
        altering.terminate()
        await asyncio.gather(waiting, return_exceptions=True)


async def test_a_transaction_that_nobody_ends(url: str, report: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_sessions, "LONG", 0.05)
    async with report.transaction():  # between its statements it keeps nothing that is dead
        await report.execute("SELECT 1")
        await asyncio.sleep(0.1)
        assert (await diagnosed(url)).findings == ()
    async with report.transaction(isolation="repeatable_read"):
        await report.fetch("SELECT 1")
        await asyncio.sleep(0.1)
        (finding,) = (await diagnosed(url)).findings
    assert (finding.about, finding.named) == ("long-transaction", (str(report.get_server_pid()),))
    assert "monthly report" in finding.what
