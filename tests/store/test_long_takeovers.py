"""Who held much is taken over from in bounded steps: each a transaction, whatever breaks between two of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from hourbell.model.node import NewNode, NodeState
from hourbell.model.run_state import Outcome, RunState
from hourbell.store.postgres import PostgresStore
from hourbell.store.scripts import nodes
from hourbell.store.statements import load
from store.conftest import Pair
from store.test_crash_points import LEASE, claim, enqueue, register
from support.faults import Point
from support.plans import COUNTED, explained, plan_of, prepared, rows_read

FIRST = {"postgres": "nodes.hand_on", "sqlite": "nodes.found"}
"""What each batch begins with."""


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs at a time."""
    monkeypatch.setattr(nodes, "MOST_AT_ONCE", 2)


async def holding(pair: Pair, count: int) -> list[str]:
    """A node that holds so many runs and is about to be found dead; one of them may not start again."""
    await register(pair, "a", "b")
    runs = [await enqueue(pair, on_lost="fail" if number == 0 else "retry") for number in range(count)]
    assert len(await claim(pair, "a", "c1")) == count
    pair.clock.advance(20)
    return [run.id for run in runs]


async def is_handed_on_once(pair: Pair, runs: list[str]) -> None:
    for number, run_id in enumerate(runs):
        run = await pair.other.get_run(run_id)
        assert (run.state, run.losses, run.attempt) == (RunState.FAILED if number == 0 else RunState.QUEUED, 1, 1)
        assert [one.outcome for one in await pair.other.list_attempts(run_id)] == ([Outcome.LOST] if number else [])


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("pair", ["sqlite", "postgres"], indirect=True)
async def test_each_transaction_hands_on_so_much_and_no_more(pair: Pair) -> None:
    runs = await holding(pair, 5)
    rescue = await pair.struck.rescue({"a": 0})
    assert (rescue.dead, rescue.requeued, rescue.failed, rescue.is_cut_short) == (("a",), 4, 1, False)
    assert [run.id for run in rescue.ended] == [runs[0]]
    first = FIRST[pair.kind]
    steps = [step for step in pair.faults.seen if step in (first, "commit")]
    assert steps[:6] == [first, "commit"] * 3
    assert first not in steps[6:]
    await is_handed_on_once(pair, runs)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("pair", ["sqlite", "postgres"], indirect=True)
async def test_a_list_that_ends_with_a_batch_is_looked_at_once_more(pair: Pair) -> None:
    runs = await holding(pair, 4)
    assert (await pair.struck.rescue({"a": 0})).requeued == 3
    assert pair.faults.seen.count(FIRST[pair.kind]) == 3
    await is_handed_on_once(pair, runs)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("step", ["first", "commit"])
@pytest.mark.parametrize("pair", ["sqlite", "postgres"], indirect=True)
async def test_what_breaks_between_two_batches_leaves_the_rest_to_the_next_look(
    pair: Pair, step: str, moment: Any
) -> None:
    runs = await holding(pair, 5)
    pair.faults.arm(Point(FIRST[pair.kind] if step == "first" else step, moment, nth=2))
    rescue = await pair.struck.rescue({"a": 0})
    assert pair.faults.struck
    assert rescue.dead == ("a",)
    assert rescue.is_cut_short
    assert rescue.requeued + rescue.failed == 2, "what was done before it is told"
    assert {node.id: node.state for node in await pair.other.list_nodes()}["a"] is NodeState.DEAD
    assert (await pair.other.upkeep("b")).lost, "whoever looks finds the rest"
    await pair.other.rescue({})
    assert not (await pair.other.upkeep("b")).lost
    await is_handed_on_once(pair, runs)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("verb", ["retire_node", "register_node"])
@pytest.mark.parametrize("pair", ["sqlite", "postgres"], indirect=True)
async def test_a_node_that_ends_by_itself_leaves_the_rest_as_well(pair: Pair, verb: str) -> None:
    runs = await holding(pair, 5)
    pair.faults.arm(Point(FIRST[pair.kind], "before", nth=2))
    if verb == "retire_node":
        await pair.struck.retire_node("a")
    else:
        await pair.struck.register_node(NewNode(id="c", host="h", pid=1, lease=LEASE, version="1", replaces="a"))
    assert pair.faults.struck
    assert (await pair.other.upkeep("b")).lost
    await pair.other.rescue({})
    assert await pair.other.held("a") == []
    assert {(await pair.other.get_run(run)).state for run in runs[1:]} == {RunState.QUEUED}


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("pair", ["sqlite", "postgres"], indirect=True)
async def test_two_that_take_over_at_once_leave_nothing_and_hand_on_nothing_twice(pair: Pair) -> None:
    runs = await holding(pair, 9)
    rescues = await asyncio.gather(pair.struck.rescue({"a": 0}), pair.other.rescue({"a": 0}), pair.other.rescue({}))
    assert sum(rescue.requeued for rescue in rescues) == 8
    assert sum(rescue.failed for rescue in rescues) == 1
    assert await pair.other.held("a") == []
    await is_handed_on_once(pair, runs)


async def test_who_holds_much_and_lives_is_passed_over_in_one_step(postgres_url: str) -> None:
    """Whose runs are to be handed on is asked from one node to the next, not from run to run."""
    store = PostgresStore(postgres_url)
    await store.open()
    connection = await asyncpg.connect(postgres_url)
    try:
        await store.migrate()
        await store.register_node(NewNode(id="a", host="h", pid=1, lease=LEASE, version="1"))
        await connection.execute(
            """INSERT INTO hourbell.runs (id, task, args, state, origin, queue, priority, on_lost, lost_limit,
                                          created_at, run_at, node_id, claim_id, attempt)
               SELECT gen_random_uuid(), 't', '{}', 'running', 'enqueue', 'default', 0, 'retry', 5, now(), now(),
                      CASE WHEN n = 1 THEN 'gone' ELSE 'a' END, 'c', 1
               FROM generate_series(1, 20000) n"""
        )
        await connection.execute("VACUUM ANALYZE hourbell.runs")
        statement = load("postgres", "hourbell")["nodes.gone"]
        assert [row["node_id"] for row in await connection.fetch(statement.text)] == ["gone"]
        assert rows_read(await plan_of(connection, statement, {}, options=COUNTED)) < 20
        await connection.execute("UPDATE hourbell.runs SET node_id = 'a' WHERE node_id = 'gone'")
        await connection.execute("VACUUM ANALYZE hourbell.runs")
        statement = load("postgres", "hourbell")["nodes.upkeep"]
        assert not (await connection.fetch(statement.text, "a"))[0]["has_lost"]
        plan = await plan_of(connection, statement, {"node": "a"}, options=COUNTED)
        assert rows_read(plan) < 20, "nobody is looked for run by run"
        statement = load("postgres", "hourbell")["nodes.hand_on"]
        asked = {"nodes": ["a"], "is_loss": True, "outcome": "lost", "limit": 100}
        plan = await plan_of(connection, statement, asked, options=COUNTED)
        assert rows_read(plan) < 10 * 100, "of 20,000"
    finally:
        await connection.close()
        await store.close()


@pytest.fixture
async def kept(postgres_url: str) -> AsyncIterator[Any]:
    """A session that keeps one plan for all values, as those of the loops do, beside a table as it usually is: nothing
    runs. The table stays known as that, whatever becomes of it."""
    connection = await asyncpg.connect(postgres_url)
    try:
        await connection.execute("ALTER TABLE hourbell.runs SET (autovacuum_enabled = off)")
        await connection.execute(MADE.format(state="succeeded", finished_at="now()"))
        await connection.execute("VACUUM ANALYZE hourbell.runs")
        await connection.execute("SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off")
        yield connection
        await connection.execute("ALTER TABLE hourbell.runs RESET (autovacuum_enabled)")
    finally:
        await connection.close()


async def test_a_batch_reads_no_other_run_where_few_ran_when_its_plan_was_made(kept: Any) -> None:
    asked = {
        "nodes": ["a"], "node": "a", "is_loss": True, "outcome": "lost", "limit": 100,
        "id": [f"00000000-0000-7000-8000-{number:012}" for number in range(100)], "attempt": [1] * 100,
        "progress": ["1"] * 100, "started_at": ["now"] * 100,
    }  # fmt: skip
    said = {}
    for name in ("nodes.hand_on", "logs.note_progress", "runs.note_started"):
        statement = load("postgres", "hourbell")[name]
        said[name] = await prepared(kept, statement, asked, name=name.replace(".", "_"))
        await kept.execute(said[name])
    await kept.execute(MADE.format(state="running", finished_at="NULL"))
    for name, words in said.items():
        assert rows_read(await explained(kept, words, COUNTED)) < 10 * 100, (name, "of 20,000")


@pytest.mark.parametrize("name, state", [("runs.grow", "skipped"), ("overlap.delay", "queued")])
async def test_one_run_is_found_by_its_id_whatever_else_is_in_its_state(kept: Any, name: str, state: str) -> None:
    asked = {
        "id": ["00000000-0000-7000-8000-000000000001"], "covers_until": ["now"], "covers_count": [1], "run_at": ["now"],
    }  # fmt: skip
    said = await prepared(kept, load("postgres", "hourbell")[name], asked, name="one")
    await kept.execute(said)
    await kept.execute(
        f"UPDATE hourbell.runs SET state = '{state}', reason = 'r', node_id = NULL, "
        f"finished_at = {'now()' if state == 'skipped' else 'NULL'}"
    )
    plan = await explained(kept, said, f"BUFFERS, {COUNTED}")
    assert plan["Shared Hit Blocks"] < 20, "of some hundreds"


MADE = """
    INSERT INTO hourbell.runs (id, task, args, state, origin, queue, priority, on_lost, lost_limit, created_at, run_at,
                               node_id, claim_id, attempt, finished_at)
    SELECT gen_random_uuid(), 't', '{{}}', '{state}', 'enqueue', 'default', 0, 'retry', 5, now(), now(), 'a', 'c', 1,
           {finished_at}
    FROM generate_series(1, 20000) n
"""
