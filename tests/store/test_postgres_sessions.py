"""What the settings of a database, or another version of Hourbell, do to our sessions on it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from hourbell.engine.planning import plan_fires
from hourbell.errors import StoreRejected, StoreUnavailable
from hourbell.model.ids import new_run_id
from hourbell.model.run import NewRun
from hourbell.model.run_state import Origin
from hourbell.model.schedule import Declaration, Source
from hourbell.store.postgres import PostgresStore
from hourbell.store.postgres.database import TRANSACTION_TIMEOUT_SINCE
from hourbell.store.statements import migrations
from hourbell.triggers import At
from support.pooler import pooled


@pytest.fixture
async def connection(postgres_url: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()


async def enqueue(store: PostgresStore) -> None:
    run = NewRun(id=new_run_id(datetime.now(UTC)), task="ring", origin=Origin.ENQUEUE, args={})
    assert [one.id for one in await store.enqueue([run])] == [run.id]


@pytest.mark.parametrize("fault", ["SELECT 1 / 0, $1, $2", "SELECT pg_terminate_backend(pg_backend_pid()), $1, $2"])
async def test_a_request_outlives_its_hint(postgres_url: str, connection: Any, fault: str) -> None:
    store = PostgresStore(postgres_url, pool=1)
    await store.open()
    try:
        notify = store._named["listening.notify"]
        store._named["listening.notify"] = replace(notify, text=fault.replace("$1, $2", "$1::text, $2::text"))
        wanted = [NewRun(id=new_run_id(datetime.now(UTC)), task="ring", origin=Origin.ENQUEUE, args={}) for _ in "ab"]
        keyed = replace(wanted[1], key="k", key_period=timedelta(minutes=1))
        for request in (wanted[0], keyed):
            assert [run.id for run in await store.enqueue([request], hint=True)] == [request.id]
        with pytest.raises((StoreUnavailable, StoreRejected)):
            await store.hint()
        await enqueue(store)
        assert await connection.fetchval("SELECT count(*) FROM hourbell.runs") == 3
    finally:
        await store.close()


@pytest.mark.bare
@pytest.mark.parametrize("pooler", [False, True])
async def test_many_nodes_migrate_at_once_whatever_isolation_is_the_default(
    postgres_url: str, connection: Any, pooler: bool
) -> None:
    name = await connection.fetchval("SELECT current_database()")
    await connection.execute(f"ALTER DATABASE {name} SET default_transaction_isolation = 'repeatable read'")
    stores = [PostgresStore(postgres_url, pooler=pooler) for _ in range(4)]
    for store in stores:
        await store.open()
    try:
        applied = await asyncio.gather(*(store.migrate() for store in stores))
        assert sorted(map(len, applied)) == [0, 0, 0, len(migrations("postgres"))]
    finally:
        for store in stores:
            await store.close()


HOSTILE = {
    "statement_timeout": "100ms",
    "lock_timeout": "100ms",
    "idle_in_transaction_session_timeout": "100ms",
    "idle_session_timeout": "500ms",
    "transaction_timeout": "400ms",
    "default_transaction_deferrable": "on",
}


async def test_limits_that_are_set_for_everybody_do_not_decide_how_long_our_statements_may_take(
    postgres_url: str, connection: Any
) -> None:
    database = await connection.fetchval("SELECT current_database()")
    known = {row["name"] for row in await connection.fetch("SELECT name FROM pg_settings")}
    for name, value in HOSTILE.items():
        if name in known:
            await connection.execute(f"ALTER DATABASE {database} SET {name} = '{value}'")
    store = PostgresStore(postgres_url)
    await store.open()
    heard: list[object] = []
    listening = asyncio.create_task(store.listen(heard.append))
    try:
        await store.migrate()
        async with store._connections.of("read") as ours:
            await ours.execute("SELECT pg_sleep(1.5)")
        await enqueue(store)
        assert heard, "nobody listens"
        assert not listening.done(), "the listening session was ended because it was silent"
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await store.close()


async def test_a_column_that_a_newer_version_adds_disturbs_no_verb(postgres_url: str, connection: Any) -> None:
    store = PostgresStore(postgres_url)
    await store.open()
    try:
        await store.migrate()
        for _ in range(3):  # the driver keeps a statement's plan from its second use on
            await enqueue(store)
        await connection.execute("ALTER TABLE hourbell.runs ADD COLUMN tide text")
        await enqueue(store)
    finally:
        await store.close()


PLAN = partial(plan_fires, lease=timedelta(seconds=15))
DUE = Declaration(
    id="bell",
    task="ring",
    trigger=At("2020-01-01T00:00:00Z"),
    args={},
    policies={},
    inherited={},
    source=Source.CALL,
    digest="1",
)


def stop_in_a_question(store: PostgresStore, after: str, asking: asyncio.Event, *, half: bool = True) -> None:
    """After this statement it sends half a question and nothing more, as a process does that is stopped just then;
    without ``half`` not even that."""
    database: Any = store._postgres
    send = database.send

    async def sending(connection: Any, asked: Any) -> Any:
        found = await send(connection, asked)
        if asked.statement == after:
            if half:
                await connection.prepare("SELECT 'half of a question'")
            asking.set()
            await asyncio.Event().wait()
        return found

    database.send = sending


@pytest.mark.parametrize("half", [True, False], ids=["asking", "between"])
async def test_a_frozen_client_keeps_no_row_locked(
    postgres_url: str, connection: Any, half: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a question the server ignores both the idle transaction's timeout and the statement's: it is reading. Between
    two the idle transaction's timeout is all that servers before 17 have."""
    if not half:
        monkeypatch.setattr("hourbell.store.postgres.database.TRANSACTION_TIMEOUT_SINCE", 1_000)
    frozen, other = PostgresStore(postgres_url, patience=0.5), PostgresStore(postgres_url)
    await frozen.open()
    await other.open()
    try:
        await frozen.migrate()
        if half and connection.get_server_version().major < TRANSACTION_TIMEOUT_SINCE:
            pytest.skip("this PostgreSQL cannot end a transaction as a whole")
        await other.add_schedule(DUE, "error")
        asking = asyncio.Event()
        stop_in_a_question(frozen, "firing.lock", asking, half=half)
        victim = asyncio.create_task(frozen.fire_due(10, PLAN))
        await asyncio.wait_for(asking.wait(), 20)
        assert (await other.fire_due(10, PLAN)).locked == 0, "the row is not locked by the one that stands still"
        async with asyncio.timeout(20):
            while not (await other.fire_due(10, PLAN)).locked:  # noqa: ASYNC110 - the server tells nobody
                await asyncio.sleep(0.1)
        victim.cancel()
        with contextlib.suppress(asyncio.CancelledError, StoreUnavailable):
            await victim
    finally:
        await frozen.close()
        await other.close()


async def test_behind_a_pooler_the_log_says_once_that_nodes_ask(
    postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "hourbell.store")
    async with pooled(postgres_url) as through:
        behind, beside = PostgresStore(through, pooler=True), PostgresStore(postgres_url)
        await behind.open()
        await beside.open()
        try:
            heard = asyncio.Event()
            for _ in range(2):
                await asyncio.wait_for(behind.listen(lambda _: heard.set()), 20)
            assert not heard.is_set(), "what a session sends to itself through a pooler proves nothing"
            listening = asyncio.create_task(beside.listen(lambda _: heard.set()))
            await asyncio.wait_for(heard.wait(), 20)
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
        finally:
            await behind.close()
            await beside.close()
    (said,) = caplog.messages
    assert "hints do not arrive" in said
    assert "HOURBELL_DIRECT_URL" in said


@contextlib.asynccontextmanager
async def falling_silent(url: str, silent: asyncio.Event) -> AsyncIterator[str]:
    """The address of a line on which, once it is silent, nothing comes back, and nobody ends a connection."""
    parts = urlsplit(url)

    async def passed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while said := await reader.read(65536):
                if not silent.is_set():
                    writer.write(said)
        await asyncio.Event().wait()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, asks = await asyncio.open_connection(parts.hostname, parts.port)
        try:
            await asyncio.gather(passed(reader, asks), passed(answers, writer))
        finally:
            for end in (asks, writer):
                end.transport.abort()

    lines: set[asyncio.Task[None]] = set()
    server = await asyncio.start_server(
        lambda reader, writer: lines.add(asyncio.create_task(serve(reader, writer))), "127.0.0.1", 0
    )
    port = server.sockets[0].getsockname()[1]
    try:
        yield urlunsplit(parts._replace(netloc=f"{parts.username}@127.0.0.1:{port}"))
    finally:
        server.close()
        for line in lines:
            line.cancel()
        await asyncio.gather(*lines, return_exceptions=True)


async def test_a_store_is_closed_soon_although_its_line_is_dead(postgres_url: str) -> None:
    silent = asyncio.Event()
    async with falling_silent(postgres_url, silent) as url:
        store = PostgresStore(url)
        await store.open()
        await store.migrate()
        for lane in ("fire", "renew", "claim", "settle", "verbs"):
            async with store._connections.of(lane) as connection:
                await connection.execute("SELECT 1")
        silent.set()
        began = asyncio.get_running_loop().time()
        await store.close()
        assert asyncio.get_running_loop().time() - began < 4, "each connection was waited for"


async def test_a_question_that_nobody_answers_is_given_up(postgres_url: str, connection: Any) -> None:
    """Whoever would end it on the server stands still with it: only a limit on this side is left."""
    store = PostgresStore(postgres_url, patience=0.5)
    await store.open()
    others = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    stopped: list[int] = []
    try:
        await store.migrate()
        assert list(await store.held("node")) == []
        stopped = [row["pid"] for row in await connection.fetch(others)]
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        async with asyncio.timeout(20):
            with pytest.raises(StoreUnavailable):
                await store.held("node")
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
        await store.close()


async def test_what_a_fire_asks_is_known_to_the_server_before_the_first_is_due(postgres_url: str) -> None:
    store = PostgresStore(postgres_url)
    await store.open()
    try:
        await store.migrate()
        report = await store.fire_due(1, partial(plan_fires, lease=timedelta(seconds=15)))
        assert report.locked == 0
        async with store._connections.of("fire") as connection:
            known = await connection.fetch("SELECT statement FROM pg_prepared_statements")
        asked = {store._named[name].text for name in ("firing.lock", "overlap.count", "firing.record")}
        assert asked <= {row["statement"] for row in known}
        async with store._connections.of("settle") as connection:
            known = await connection.fetch("SELECT statement FROM pg_prepared_statements")
        assert store._named["settling.succeed"].text in {row["statement"] for row in known}
    finally:
        await store.close()


async def test_a_session_that_has_learnt_to_read_only_is_not_asked_again(postgres_url: str) -> None:
    store = PostgresStore(postgres_url, pool=1)
    await store.open()
    try:
        await store.migrate()
        async with store._connections.of("read") as connection:
            await connection.execute("SET default_transaction_read_only = on")
        await store.ping(writing=True)
        async with store._connections.of("read") as connection:
            assert await connection.fetchval("SHOW default_transaction_read_only") == "off"
    finally:
        await store.close()


async def test_a_rehearsal_leaves_a_session_that_knows_what_is_settled(postgres_url: str) -> None:
    store = PostgresStore(postgres_url)
    await store.open()
    try:
        assert await store.settle("nobody", ()) == {}
        assert list(store._connections._own) == ["settle"]
        async with store._connections.of("settle") as kept:
            known = await kept.fetch("SELECT statement FROM pg_prepared_statements")
        assert store._named["settling.succeed"].text in {row["statement"] for row in known}
    finally:
        await store.close()
