"""A node whose process is gone, while the database is still at work on the last that it asked for."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from hourbell.clock import ManualClock
from hourbell.model.node import NewNode
from hourbell.model.run import Run
from hourbell.model.run_state import Outcome, RunState
from hourbell.sessions.asyncpg_transaction import AsyncpgTransaction
from hourbell.store.postgres import PostgresStore
from store.conftest import Pair
from store.test_crash_points import LEASE, STEPS, enqueue, strike, succeeded
from support.faults import Point

PROCESS = "boot 1 2 77 99"


async def held_by(pair: Pair) -> Run:
    """A run that a node holds whose process is about to be gone."""
    new = NewNode(id="a", host="h", pid=77, lease=LEASE, version="1", process=PROCESS)
    await pair.other.register_node(new)
    run = await enqueue(pair)
    await pair.other.claim("a", "c1", limit=10, tasks={"t": 10}, queues=None, suspects=1)
    return run


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("pair", ["sqlite", "postgres"], indirect=True)
async def test_a_rescuer_that_dies_itself_leaves_all_or_nothing(pair: Pair, moment: str) -> None:
    run = await held_by(pair)
    await strike(pair, Point("nodes.mark_gone", moment), lambda: pair.struck.rescue({}, {"a": PROCESS}))
    await pair.other.rescue({}, {"a": PROCESS})
    again = await pair.other.get_run(run.id)
    assert (again.state, again.losses, again.node_id) == (RunState.QUEUED, 1, None)
    assert [kept.outcome for kept in await pair.other.list_attempts(run.id)] == [Outcome.LOST]


@pytest.mark.parametrize("pair", ["sqlite", "postgres"], indirect=True)
async def test_a_certain_death_is_one_statement_more(pair: Pair) -> None:
    await held_by(pair)
    pair.faults.seen.clear()
    await pair.struck.rescue({"a": 9}, {"a": PROCESS})
    first, *rest = STEPS[pair.kind]["rescue"]
    # What verbs have left to be ended is looked for after it, as in every rescue, and keeps none from its end.
    assert list(dict.fromkeys(pair.faults.seen)) == [first, "nodes.mark_gone", *rest, "endings.list"]


@pytest.mark.parametrize("ends_well", [True, False], ids=["commit", "rollback"])
@pytest.mark.parametrize("said", ["claim", "settle"])
async def test_what_a_dead_process_asked_last_is_waited_for(postgres_url: str, said: str, ends_well: bool) -> None:
    """Its claim holds the node's row, which the rescue passes over; its report holds the run's, which it waits for."""
    store = PostgresStore(postgres_url, ManualClock())
    await store.open()
    connection = await asyncpg.connect(postgres_url)
    try:
        await store.migrate()
        pair = Pair("postgres", ManualClock(), store, store, None)  # type: ignore[arg-type]
        run = await held_by(pair)
        next_one = await enqueue(pair)
        transaction = connection.transaction()
        await transaction.start()
        verbs = await store.within(AsyncpgTransaction(connection))
        if said == "claim":
            claim = await verbs.claim("a", "c2", limit=10, tasks={"t": 10}, queues=None, suspects=1)
            assert claim is not None
            assert [one.id for one in claim.runs] == [next_one.id]
        else:
            accepted = await verbs.settle("a", [succeeded(await store.get_run(run.id))])
            assert list(accepted) == [run.id]
        rescuing = asyncio.create_task(store.rescue({}, {"a": PROCESS}))
        await asyncio.wait({rescuing}, timeout=0.5)
        assert rescuing.done() is (said == "claim")
        await (transaction.commit() if ends_well else transaction.rollback())
        rescue = await rescuing
        assert rescue.dead == (() if said == "claim" else ("a",))
        await store.rescue({}, {"a": PROCESS})
        states = [(await store.get_run(one.id)).state for one in (run, next_one)]
        settled_it = said == "settle" and ends_well
        assert states == [RunState.SUCCEEDED if settled_it else RunState.QUEUED, RunState.QUEUED]
        assert await store.held("a") == []
    finally:
        await connection.close()
        await store.close()
