"""What each loop asks goes by an index, however large the tables are: asserted on the plans, not on the clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from hourbell.clock import ManualClock
from hourbell.model.run import ROOM_FOR_SUSPECTS
from hourbell.store.sqlite import SqliteStore
from hourbell.store.statements import load
from support.lent_databases import Lending
from support.plans import COUNTED, MODES, nodes_of, plan_of

ROWS = 20_000
NOBODY = "00000000-0000-7000-8000-000000000000"
NEVER = "ffffffff-ffff-7fff-bfff-ffffffffffff"
LAST = "ffffffff-ffff-ffff-ffff-ffffffffffff"
INSTANT = datetime(2030, 1, 1, tzinfo=UTC)
BIG = ("runs", "schedules", "run_logs", "audit", "guards")


CROWD = f"""
    INSERT INTO hourbell.schedules (id, task, trigger_spec, args, policies, inherited, state, source, next_fire_at,
                                    created_at, updated_at)
    SELECT 's' || n, 't', '{{}}', '{{}}', '{{}}', '{{}}', 'active', 'call', now() + n * interval '1 minute', now(),
           now()
    FROM generate_series(1, {ROWS}) n;
    INSERT INTO hourbell.runs (id, schedule_id, task, args, state, origin, queue, priority, on_lost, lost_limit,
                               created_at, run_at, finished_at, fire_at)
    SELECT gen_random_uuid(), 's' || n % 100, CASE WHEN n % 1000 = 0 THEN 'rare' ELSE 'common' END, '{{}}', state,
           'fire', 'default', 0, 'retry', 5, now(), now(), CASE WHEN state <> 'queued' THEN now() END,
           now() + n * interval '1 second'
    FROM generate_series(1, {2 * ROWS}) n,
         LATERAL (SELECT CASE WHEN n <= {ROWS} THEN 'queued' ELSE 'succeeded' END) AS k (state);
    INSERT INTO hourbell.nodes (id, host, pid, version, state, started_at, lease_until)
    SELECT 'n' || n, 'h', 1, '1', 'live', now(), now() + interval '15 seconds' FROM generate_series(1, 20) n;
    INSERT INTO hourbell.run_logs (run_id, attempt, number, logged_at, level, logger, message)
    SELECT r.id, 1, n, now(), 20, 'app', 'hello'
    FROM (SELECT id FROM hourbell.runs WHERE state = 'succeeded' LIMIT {ROWS // 20}) r, generate_series(1, 20) n;
    INSERT INTO hourbell.audit (id, done_at, action, subject, subject_id, actor)
    SELECT gen_random_uuid(), now(), 'pause', 'schedule', 's' || n % 100, 'a' || n % 100
    FROM generate_series(1, {ROWS}) n;
    INSERT INTO hourbell.guards (kind, name, period, state, owner, fence, lease_until, taken_at, ended_at,
                                 expires_at)
    SELECT 'once', 'g' || n, 'always', 'done', 'o', n, now(), now(), now(), now() + n * interval '1 minute'
    FROM generate_series(1, {ROWS}) n;
    ANALYZE hourbell.schedules, hourbell.runs, hourbell.nodes, hourbell.run_logs, hourbell.audit,
            hourbell.guards;"""


async def fill(url: str) -> None:
    """20,000 far schedules, 20,000 waiting runs of one task, 20,000 finished ones and a few due of another task."""
    connection = await asyncpg.connect(url)
    await connection.execute(CROWD)
    await connection.close()


@pytest.fixture(scope="module")
def crowded_url(lending: Lending) -> Iterator[str]:
    """One crowd for all that only ask; what they change nevertheless they take back."""
    lent = lending.lend()
    asyncio.run(fill(lent.url))
    yield lent.url
    lending.take_back(lent)


@pytest.fixture
async def own_crowd(postgres_url: str) -> AsyncIterator[Any]:
    """For what would be in the way of others, even taken back, or cannot be taken back."""
    await fill(postgres_url)
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()


@pytest.fixture
async def crowded(crowded_url: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(crowded_url)
    async with rolled_back(connection):
        yield connection
    await connection.close()


ASKED: dict[str, dict[str, Any]] = {
    "firing.lock": {
        "limit": 100, "exclude": [], "node": "n1", "until": INSTANT, "longest": timedelta(milliseconds=20),
    },
    "firing.record": {
        "id": [NOBODY], "schedule_id": ["s1"], "plan": [1], "fire_at": [INSTANT], "next_fire_at": [INSTANT],
        "run_at": [INSTANT], "start_by": [None], "queue": ["default"], "priority": [0], "policies": [None],
        "on_lost": ["retry"], "lost_limit": [5], "is_taken": [True], "node": "n1", "claim_id": "c",
    },
    "schedules.write": {
        "id": ["s1"], "task": ["t"], "trigger_spec": ["{}"], "args": ["{}"], "policies": ["{}"], "inherited": ["{}"],
        "state": ["active"], "source": ["code"], "note": [None], "digest": ["1"], "declared": [None],
        "next_fire_at": [INSTANT], "last_fire_at": [None], "last_skip_id": [None], "last_skip_reason": [None],
        "resume_at": [None],
    },
    "pauses.lock_over": {"limit": 100, "exclude": []},
    "overlap.count": {"ids": ["s1", "s2"]},
    "overlap.announce": {"ids": ["s1", "s2"]},
    "overlap.release": {"id": ["s1", "s2"], "due": [1, 0], "put_off": [0, 1]},
    "overlap.waiting": {"after": "", "limit": 100},
    "endings.end": {"id": "s1", "reason": "paused", "until": None, "limit": 100},
    "claiming.claim": {
        "node": "n1", "claim_id": "c", "limit": 100, "tasks": ["rare"], "rooms": [100], "queues": None, "suspects": 1,
        "all_suspects": ROOM_FOR_SUSPECTS, "slots": 100,
        "limited": [], "names": [], "mosts": [], "since": None, "until": None,
    },
    "claiming.named": {"node": "n1", "claim_id": "c", "id": NOBODY, "task": "rare", "queue": "default"},
    "claiming.lock_limits": {"node": "n1", "tasks": ["rare"]},
    "settling.succeed": {
        "node": "n1", "id": [NOBODY], "attempt": [1], "result": [None], "started_at": [INSTANT],
        "finished_at": [INSTANT],
    },
    "settling.settle": {
        "node": "n1", "id": [NOBODY], "attempt": [1], "state": ["failed"], "outcome": ["failed"], "failed": [True],
        "delay": [timedelta(0)], "error": ["e"], "result": [None], "started_at": [INSTANT], "finished_at": [INSTANT],
    },
    "watching.waiting": {"patience": timedelta(seconds=15)},
    "runs.waiting": {"queue": "default", "task": "rare", "limit": 100},
    "watching.next_work": {
        "node": "n1", "tasks": ["rare"], "queues": None, "lease": timedelta(seconds=15), "running": 0,
        "clock_offset": None, "fires": 500,
    },
    "nodes.upkeep": {"node": "n1"},
    "runs.held": {"node": "n1"},
    "nodes.gone": {},
    "nodes.hand_on": {"nodes": ["n1"], "is_loss": True, "outcome": "lost", "limit": 1_000},
    "logs.note_progress": {"node": "n1", "id": [NOBODY], "attempt": [1], "progress": ["{}"]},
    "logs.add": {
        "run_id": [NOBODY], "attempt": [1], "number": [1], "logged_at": [INSTANT], "level": [20], "logger": ["app"],
        "message": ["hello"],
    },
    "logs.trim": {"run_id": [NOBODY], "attempt": [1], "first_number": [3]},
    "logs.forget": {"run_id": [NOBODY], "first_attempt": [3]},
    "logs.list": {"id": NOBODY, "past_attempt": 0, "past_number": 0, "attempt": None, "limit": 100},
    "runs.prune_succeeded": {
        "beyond": NOBODY, "boundary": NOBODY, "retention": timedelta(days=1), "limit": 100, "most": 1_000,
    },
    "runs.kept": {"beyond": NOBODY, "boundary": NOBODY, "most": 1_000},
    "runs.prune_aside": {
        "beyond": None, "boundary": NOBODY, "retention": timedelta(days=1), "limit": 100, "state": "skipped",
    },
    "audit.prune": {"boundary": NOBODY, "retention": timedelta(days=1), "limit": 100},
    "audit.list": {"limit": 51},
    "runs.list_aside": {"state": "failed", "limit": 51, "most": 1_000, "cursor": LAST, "task": "rare"},
    "runs.list_of_schedule": {"schedule_id": "s1", "limit": 51, "most": 1_000, "cursor": LAST},
    "runs.list_tracked": {"tracking_id": "request", "limit": 51, "most": 1_000, "cursor": LAST},
    "runs.list_running": {"state": "running", "limit": 51, "cursor": LAST},
    "runs.seen_aside": {"state": "failed", "most": 1_000, "cursor": LAST},
    "runs.schedules": {"ids": [NOBODY]},
    "guards.look": {"kind": "once", "name": "g1", "period": "always"},
    "guards.end": {
        "kind": "once", "name": "g1", "period": "always", "owner": "o", "fence": 1, "state": "done",
        "keep": timedelta(days=1),
    },
    "guards.renew": {
        "kind": ["once"], "name": ["g1"], "period": ["always"], "owner": ["o"], "fence": [1],
        "lease": timedelta(seconds=15),
    },
    "guards.prune": {"limit": 100},
    "changes.runs": {"since": NEVER, "ids": [NOBODY], "limit": 500, "waiting": 500},
    "changes.schedules": {"since": NEVER, "ids": ["s1"], "limit": 500},
}  # fmt: skip


@pytest.mark.parametrize("name", list(ASKED))
async def test_postgresql_never_reads_a_whole_table(crowded: Any, name: str) -> None:
    """Neither where it knows the values and may choose, nor in the plan for all values, which sessions of ours make
    without the choice."""
    for mode in MODES:
        async with rolled_back(crowded):
            await crowded.execute(f"SET enable_seqscan = {'off' if mode == 'force_generic_plan' else 'on'}")
            plan = await plan_of(crowded, load("postgres", "hourbell")[name], ASKED[name], mode=mode)
        scans = [
            (node["Node Type"], node.get("Relation Name")) for node in nodes_of(plan) if "Scan" in node["Node Type"]
        ]
        assert scans, "the plan names no scan at all: this test has looked at the wrong thing"
        assert not [scan for scan in scans if scan[0] == "Seq Scan" and scan[1] in BIG], (mode, plan)


async def test_successes_are_written_in_the_order_of_their_ids(own_crowd: Any) -> None:
    """Nothing locks them before, so this is what keeps two writers from waiting for each other: one by one by the
    primary key, in the order of the reports, or, where the table is known to be empty, both in that of the key."""
    statements = load("postgres", "hourbell")
    await own_crowd.execute(statements["transaction.session"].text.format(idle=0, limit=0))
    for empty in (False, True):
        if empty:
            await own_crowd.execute("TRUNCATE hourbell.runs CASCADE")
            await own_crowd.execute("VACUUM ANALYZE hourbell.runs")
        plan = await plan_of(own_crowd, statements["settling.succeed"], ASKED["settling.succeed"])
        (joined,) = [node for node in nodes_of(plan) if node["Node Type"].endswith(("Loop", "Join"))]
        (by_key,) = [side for side in joined["Plans"] if side.get("Index Name") == "runs_pkey"]
        (reports,) = [side for side in joined["Plans"] if side is not by_key]
        assert "Sort" in [node["Node Type"] for node in nodes_of(reports)]
        if empty:
            assert joined["Node Type"] == "Merge Join", plan
        else:
            assert joined["Node Type"] == "Nested Loop", plan
            assert "id = " in by_key["Index Cond"], "a table that is not empty is read whole"


@pytest.mark.parametrize("name", ["runs.list_aside", "runs.prune_aside"])
async def test_what_did_not_succeed_is_found_among_its_own_kind(crowded: Any, name: str) -> None:
    """The primary key would find it too, by reading every run that succeeded."""
    statement = load("postgres", "hourbell")[name]
    for mode in MODES:
        plan = await plan_of(crowded, statement, ASKED[name], mode=mode)
        used = {node.get("Index Name") for node in nodes_of(plan)}
        assert "runs_aside" in used, (mode, used)


@pytest.mark.parametrize(
    "name, own",
    [("runs.list_of_schedule", {"runs_history", "runs_of_schedule"}), ("runs.list_tracked", {"runs_tracked"})],
)
async def test_a_history_is_found_among_all_others(own_crowd: Any, name: str, own: set[str]) -> None:
    """Also where the planner takes it for a third of all there is, and would find its newest by the primary key at
    once: they may be the oldest of all."""
    await own_crowd.execute("UPDATE hourbell.runs SET schedule_id = 's1', tracking_id = 'request' WHERE random() < 0.3")
    await own_crowd.execute("VACUUM ANALYZE hourbell.runs")
    statement = load("postgres", "hourbell")[name]
    for mode in MODES:
        plan = await plan_of(own_crowd, statement, ASKED[name], mode=mode)
        used = {node["Index Name"] for node in nodes_of(plan) if "Index Name" in node}
        assert used == own, mode


async def test_what_ends_with_a_schedule_is_found_by_that(crowded: Any) -> None:
    """The index of the queue, or that of all its fires, would find it among what others wait for or what it did."""
    statement = load("postgres", "hourbell")["endings.end"]
    for mode in MODES:
        plan = await plan_of(crowded, statement, ASKED["endings.end"], mode=mode)
        used = {node.get("Index Name") for node in nodes_of(plan)}
        assert used - {None} == {"runs_of_schedule", "runs_pkey"}, mode


@pytest.mark.parametrize("name", ["claiming.claim", "watching.next_work"])
async def test_a_queue_that_seems_short_is_read_by_its_own_index(own_crowd: Any, name: str) -> None:
    """By any other, what was queued before and cannot be cleared away yet would be read with it."""
    statements = load("postgres", "hourbell")
    await own_crowd.execute(statements["transaction.session"].text.format(idle=0, limit=0))
    await own_crowd.execute("DELETE FROM hourbell.runs WHERE state IN ('queued', 'running')")
    await own_crowd.execute("VACUUM ANALYZE hourbell.runs")
    statement = statements[name]
    for mode in MODES:
        plan = await plan_of(own_crowd, statement, ASKED[name], mode=mode)
        used = {node.get("Index Name") for node in nodes_of(plan)}
        of_runs = {index for index in used if index is not None and index.startswith("runs_")}
        assert "runs_claim" in of_runs
        assert of_runs <= {"runs_claim", "runs_pkey", "runs_limited", "runs_asked_to_end"}, mode


async def test_a_run_is_found_by_its_name_also_by_who_made_the_plan_before(own_crowd: Any) -> None:
    """A node keeps its plan from its start on, when there may be nothing to claim: what looks cheap then, the index of
    the queue, would be read from the first run of that task to the last."""
    statements = load("postgres", "hourbell")
    await own_crowd.execute(statements["transaction.session"].text.format(idle=0, limit=0))
    await own_crowd.execute("SET plan_cache_mode = force_generic_plan")
    statement = statements["claiming.named"]
    for gone in ("DELETE FROM hourbell.runs WHERE state IN ('queued', 'running')", "TRUNCATE hourbell.runs CASCADE"):
        await own_crowd.execute(gone)
        await own_crowd.execute("VACUUM ANALYZE hourbell.runs")
        plan = await plan_of(own_crowd, statement, ASKED["claiming.named"])
        used = {node.get("Index Name") for node in nodes_of(plan)}
        assert {index for index in used if index is not None and index.startswith("runs_")} == {"runs_pkey"}, gone


async def test_a_backlog_of_one_task_is_not_read_for_another(crowded: Any) -> None:
    statement = load("postgres", "hourbell")["claiming.claim"]
    plan = await plan_of(crowded, statement, ASKED["claiming.claim"], options=COUNTED)
    read = sum(
        node["Actual Loops"] * (node["Actual Rows"] + node.get("Rows Removed by Filter", 0))
        for node in nodes_of(plan)
        if node.get("Relation Name") == "runs" and "Scan" in node["Node Type"]
    )
    assert 0 < read <= 200, f"{read} rows of runs were read to claim 20"


async def test_only_a_limited_task_is_counted_and_by_its_own_index(own_crowd: Any) -> None:
    await own_crowd.execute(
        f"""
        INSERT INTO hourbell.runs (id, task, args, state, origin, queue, priority, on_lost, lost_limit, created_at,
                                   node_id, attempt, limited)
        SELECT gen_random_uuid(), CASE WHEN n % 1000 = 0 THEN 'rare' ELSE 'common' END, '{{}}', 'running', 'enqueue',
               'default', 0, 'retry', 5, now(), 'n2', 1, 1
        FROM generate_series(1, {ROWS}) n;
        ANALYZE hourbell.runs;
        """
    )
    await own_crowd.execute("SET plan_cache_mode = force_generic_plan")
    for limited in (False, True):
        async with rolled_back(own_crowd):
            await counts_only(own_crowd, limited)


@asynccontextmanager
async def rolled_back(connection: Any) -> AsyncIterator[None]:
    transaction = connection.transaction()
    await transaction.start()
    yield
    await transaction.rollback()


async def counts_only(connection: Any, limited: bool) -> None:
    statement = load("postgres", "hourbell")["claiming.claim"]
    limit = {"limited": ["rare"], "names": ["rare"], "mosts": [25]} if limited else {}
    plan = await plan_of(connection, statement, ASKED["claiming.claim"] | limit, options=COUNTED)
    counts = [node for node in nodes_of(plan) if node.get("Index Name") == "runs_limited"]
    assert counts, "nothing counts what is running"
    assert sum(node["Actual Loops"] for node in counts) == limited
    assert sum(node["Actual Loops"] * node["Actual Rows"] for node in counts) == (20 if limited else 0)
    assert sum(node["Actual Rows"] for node in nodes_of(plan) if node["Node Type"] == "ModifyTable") == (
        5 if limited else 20
    )


@pytest.mark.parametrize(
    "name",
    [
        *("firing.record", "firing.refused", "firing.move"),
        *(
            "firing.lock",
            "pauses.lock_over",
            "claiming.places",
            "claiming.limited",
            "claiming.candidates",
            "claiming.take",
            "claiming.named",
            "settling.succeed",
            "settling.succeeded",
            "watching.next_work",
        ),
        *(
            "watching.waiting",
            "runs.waiting",
            "runs.held",
            "nodes.gone",
            "nodes.found",
            "nodes.upkeep",
            "logs.note_progress",
            "logs.list",
            "logs.trim",
            "logs.forget",
        ),
        *("overlap.count", "overlap.announce", "overlap.release", "overlap.waiting"),
        *("runs.list_aside", "runs.list_of_schedule", "runs.list_tracked"),
        *("runs.prune_aside", "runs.prune_succeeded", "runs.kept", "runs.schedules"),
        "audit.prune",
        *("guards.look", "guards.end", "guards.renew", "guards.prune"),
    ],
)
async def test_sqlite_never_reads_a_whole_table(sqlite_path: Path, name: str) -> None:
    store = SqliteStore(sqlite_path, ManualClock())
    await store.open()
    await store.migrate()
    statement = load("sqlite")[name]
    values = dict.fromkeys(statement.parameters) | {"exclude": "[]", "limit": 10, "room": 10}

    def explained(connection: Any) -> list[str]:
        found = connection.execute("EXPLAIN QUERY PLAN " + statement.text, values).fetchall()
        return [line[3] for line in found]

    lines = await store._sqlite.on("read", explained)
    await store.close()
    assert any("USING" in line for line in lines), lines
    made = {f"SCAN {line.split()[1]}" for line in lines if line.startswith("CO-ROUTINE")}
    whole = [line for line in lines if line.startswith("SCAN") and line.split()[1] in (*BIG, "d", "r")]
    whole = [line for line in whole if line not in made]
    assert not [line for line in whole if "INDEX" not in line], lines
    if name.endswith("_aside"):
        assert any("runs_aside" in line for line in lines), lines


async def test_what_an_old_snapshot_keeps_is_not_read_again_by_each_claim(crowded: Any, postgres_url: str) -> None:
    """Runs that were claimed stand in the index for as long as somebody's snapshot may see them there."""
    old = await asyncpg.connect(postgres_url)
    await old.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    await old.fetchval("SELECT count(*) FROM hourbell.runs")
    done = (
        "UPDATE hourbell.runs SET state = 'succeeded', finished_at = now() WHERE state = 'queued' AND task = 'common'"
    )
    await crowded.execute(done)
    statement = load("postgres", "hourbell")["claiming.claim"]
    read = {}
    now = await crowded.fetchval("SELECT now()")
    for since, until in ((None, None), (now, None), (None, now - timedelta(days=1))):
        asked = ASKED["claiming.claim"] | {"tasks": ["common"], "since": since, "until": until}
        plan = await plan_of(crowded, statement, asked, options=f"BUFFERS, {COUNTED}")
        read[since, until] = sum(
            node["Shared Hit Blocks"] + node["Shared Read Blocks"]
            for node in nodes_of(plan)
            if node.get("Index Name") == "runs_claim"
        )
    await old.close()
    whole, *bounded = read.values()
    assert max(bounded) * 20 < whole, read
