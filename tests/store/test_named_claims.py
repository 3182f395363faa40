"""A hint that names its run: the text that PostgreSQL carries, and a claim that writes nothing where it gets none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from hourbell.model.hint import Hint
from hourbell.model.ids import new_run_id
from hourbell.model.node import NewNode
from hourbell.model.run import NewRun
from hourbell.model.run_state import Origin
from hourbell.store.postgres import PostgresStore, hint_text
from hourbell.store.statements import load

PATIENCE = 30.0
RUN = "0190c5a0-0000-7000-8000-000000000001"


def request(**fields: Any) -> NewRun:
    return NewRun(id=new_run_id(datetime.now(UTC)), task="ring", origin=Origin.ENQUEUE, args={}, **fields)


def test_a_text_says_what_was_put_into_it() -> None:
    for hint in (Hint(RUN, "module:task", "default"), Hint(RUN, "two\nlines", "ü x"), None):
        assert hint_text.read(hint_text.text_of("sender", hint)) == ("sender", hint)


def test_what_does_not_fit_in_is_left_out() -> None:
    for hint in (Hint("id", "task", "two\nlines"), Hint("id", "task", "x" * 2_000), Hint("id", "😀" * 2_000, "q")):
        assert hint_text.text_of("sender", hint) == "sender"
    longest = hint_text.text_of("sender", Hint("id", "😀" * 1_400, "q"))
    assert longest != "sender"
    assert len(longest.encode()) < 8_000, "PostgreSQL would refuse it"


def test_versions_understand_each_other() -> None:
    assert hint_text.read("sender of an earlier version") == ("sender of an earlier version", None)
    assert hint_text.read("sender\nand\nless than is said") == ("sender", None)
    assert not hint_text.text_of("sender", Hint("id", "task", "q")).startswith("proof:")


def test_what_anybody_notifies_is_a_hint_that_names_nothing() -> None:
    """As the id of a run the database would refuse it, and the claim with it."""
    for nonsense in ("", "x", RUN[:-1], f"{RUN}0", "'; DROP", RUN.replace("-", "")):
        assert hint_text.read(f"sender\n{nonsense}\nq\ntask") == ("sender", None)


@pytest.fixture
async def store(postgres_url: str) -> AsyncIterator[PostgresStore]:
    store = PostgresStore(postgres_url)
    await store.open()
    await store.register_node(NewNode(id="a", host="h", pid=1, lease=timedelta(seconds=60), version="1"))
    yield store
    await store.close()


async def test_a_node_is_told_which_run_it_is_and_not_of_its_own(store: PostgresStore, postgres_url: str) -> None:
    heard: asyncio.Queue[Hint | None] = asyncio.Queue()
    other = PostgresStore(postgres_url)
    await other.open()
    listening = asyncio.create_task(store.listen(heard.put_nowait))
    try:
        assert await asyncio.wait_for(heard.get(), PATIENCE) is None
        own, run = request(), request(queue="läuft")
        await store.enqueue([own], hint=True)
        await store.hint()
        await other.enqueue([run], hint=True)
        assert await asyncio.wait_for(heard.get(), PATIENCE) == Hint(run.id, "ring", "läuft")
        await other.hint()
        assert await asyncio.wait_for(heard.get(), PATIENCE) is None
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await other.close()


async def asked_by_name(connection: Any, run_id: str, node: str = "a") -> tuple[int, bool]:
    """How many runs the statement gives, and whether it has written anything, which a commit would wait for."""
    statement = load("postgres", "hourbell")["claiming.named"]
    wanted = {"node": node, "claim_id": "c", "id": run_id, "task": "ring", "queue": "default"}
    async with connection.transaction():
        rows = await connection.fetch(statement.text, *map(wanted.get, statement.parameters))
        wrote = await connection.fetchval("SELECT pg_current_xact_id_if_assigned() IS NOT NULL")
    return sum(row["id"] is not None for row in rows), wrote


async def test_who_gets_nothing_waits_neither_for_the_disk_nor_for_who_gets_it(
    store: PostgresStore, postgres_url: str
) -> None:
    first, second = [await asyncpg.connect(postgres_url) for _ in range(2)]
    try:
        (run,) = await store.enqueue([request()])
        assert await asked_by_name(first, new_run_id(datetime.now(UTC))) == (0, False), "it is not there"
        async with first.transaction():
            await first.execute("SELECT 1 FROM hourbell.runs WHERE id = $1 FOR NO KEY UPDATE", run.id)
            assert await asyncio.wait_for(asked_by_name(second, run.id), PATIENCE) == (0, False), "another has it"
        assert await asked_by_name(second, run.id) == (1, True)
        assert await asked_by_name(first, run.id) == (0, False), "it is taken"
    finally:
        await first.close()
        await second.close()


async def test_a_node_that_is_marked_dead_meanwhile_gets_nothing(store: PostgresStore, postgres_url: str) -> None:
    """It waits for the lock of who marks it, and then looks at its row as that has become."""
    rescuer, claimer = [await asyncpg.connect(postgres_url) for _ in range(2)]
    try:
        (run,) = await store.enqueue([request()])
        transaction = rescuer.transaction()
        await transaction.start()
        await rescuer.execute("SELECT 1 FROM hourbell.nodes WHERE id = 'a' FOR UPDATE")
        claiming = asyncio.create_task(asked_by_name(claimer, run.id))
        await asyncio.wait({claiming}, timeout=0.3)
        assert not claiming.done(), "the node's row is not its lock"
        await rescuer.execute("UPDATE hourbell.nodes SET state = 'dead' WHERE id = 'a'")
        await transaction.commit()
        assert (await asyncio.wait_for(claiming, PATIENCE))[0] == 0
        assert (await store.get_run(run.id)).state == "queued"
    finally:
        await rescuer.close()
        await claimer.close()
