"""From facts to findings: each fact that is out of order has its finding, and each finding says what to do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hourbell.model.database_facts import DatabaseFacts, IndexFacts, SessionFacts, TableFacts
from hourbell.model.diagnosis import Facts, Finding, ago, counted, some
from hourbell.model.findings import diagnosed
from hourbell.model.node import Node, NodeState
from hourbell.model.schedule import Schedule, ScheduleState, Source
from hourbell.model.stranded import Stranded
from hourbell.model.survey import Orphan, Serving, Survey, Waiting

NOW = datetime(2030, 1, 1, tzinfo=UTC)
MB = 1024**2


def node(node_id: str = "a", **fields: Any) -> Node:
    known = Node(
        id=node_id,
        host="h",
        pid=1,
        state=NodeState.LIVE,
        started_at=NOW,
        lease_until=NOW + timedelta(seconds=15),
        running=0,
        version="1",
    )
    return replace(known, **fields)


def schedule(**fields: Any) -> Schedule:
    known = Schedule(
        id="s",
        task="t",
        trigger_spec={"kind": "every", "seconds": 60},
        args={},
        policies={},
        inherited={},
        state=ScheduleState.ACTIVE,
        source=Source.CALL,
        created_at=NOW,
        updated_at=NOW,
        next_fire_at=NOW + timedelta(hours=1),
    )
    return replace(known, **fields)


def survey(**fields: Any) -> Survey:
    known = Survey(
        now=NOW, nodes=(node(),), serving=(Serving(node_id="a", tasks={"t": None}, queues=None),), states={"active": 1}
    )
    return replace(known, **fields)


def postgres(**fields: Any) -> DatabaseFacts:
    return DatabaseFacts(**{"kind": "postgres", "version": "PostgreSQL 17.1", "role": "app", **fields})


def facts(**fields: Any) -> Facts:
    return Facts(**{"now": NOW, "lease": 15.0, "poll": 1.0, "database": postgres(), "survey": survey(), **fields})


def of_database(**fields: Any) -> Facts:
    return facts(database=postgres(**fields))


def of_survey(**fields: Any) -> Facts:
    return facts(survey=survey(**fields))


DUE = NOW - timedelta(minutes=5)
OLD = SessionFacts(
    pid=7,
    name="report",
    role="app",
    client="10.0.0.3",
    state="idle in transaction",
    seconds=3_600.0,
    tables=("runs",),
)
LATE = Waiting(queue="q", task="t", count=3, since=DUE)
LIMITED = (Serving(node_id="a", tasks={"t": 2}, queues=None),)


@pytest.mark.parametrize(
    "seen,about,severity,what,do",
    [
        (of_database(too_old="PostgreSQL 14"), "version", "problem", "older than", "upgrade"),
        (of_database(pending=("0001_x",)), "schema", "problem", "0001_x pending", "run `hourbell migrate`"),
        (of_database(pending=("0001_x",), can_migrate=False), "schema", "problem", "0001_x", "app may not"),
        (of_database(read_only=True), "read-only", "problem", "standby", "primary"),
        (of_database(lacking=("UPDATE on runs",)), "rights", "problem", "app lacks UPDATE on runs", "GRANT"),
        (facts(hints="lost"), "hints", "notice", "every 1 s", "HOURBELL_DIRECT_URL"),
        (
            facts(hints="lost", database=postgres(pooled=True)),
            "pooler",
            "problem",
            "transaction mode",
            "HOURBELL_POOLER",
        ),
        (facts(hints="lost", database=postgres(pooled=True), pooler=True), "hints", "notice", "pooler", "DIRECT_URL"),
        (of_database(kind="sqlite", damage=("page 3",)), "integrity", "problem", "page 3", "backup"),
        (of_database(kind="sqlite", journal="delete"), "journal", "problem", "delete", "local disk"),
        (of_database(kind="sqlite", journal="wal", wal_size=65 * MB), "wal", "notice", "65 MB", "transaction"),
        (facts(offset=-7.0), "clock", "notice", "this host by -7.0 s", "NTP"),
        (of_survey(nodes=(node(clock_offset=60.0),)), "clock", "notice", "node a) by +60.0 s", "NTP"),
        (of_survey(nodes=(node(), node("b", version="2"))), "versions", "notice", "1, 2", "deploy"),
        (of_survey(nodes=(), serving=()), "no-node", "problem", "nobody fires 1 active schedule or", "hourbell worker"),
        (
            of_survey(nodes=(node(), node("b", pid=2, state=NodeState.DEAD))),
            "dead-nodes",
            "notice",
            "h pid 2",
            "memory",
        ),
        (of_survey(nodes=(node(), node("b", state=NodeState.DEAD))), "lost-leases", "notice", "h pid 1", "its log"),
        (of_survey(nodes=(node(), node("b", pid=2, lease_until=DUE))), "dead-nodes", "notice", "5 min ago", "others"),
        (of_survey(schedules=(schedule(task="x"),)), "unknown-task", "problem", "x", "aliases"),
        (of_survey(schedules=(schedule(next_fire_at=DUE),)), "overdue", "problem", "5 min ago: s", "logs"),
        (
            of_survey(schedules=(schedule(policies={"blackout": ["c"]}),)),
            "calendar",
            "problem",
            "c",
            "calendars add NAME",
        ),
        (of_survey(schedules=(schedule(trigger_spec={"kind": "moon"}),)), "unreadable", "problem", "s", "version"),
        (of_survey(schedules=(schedule(policies={"shape": 1}),)), "unreadable", "problem", "s", "edit"),
        (
            of_survey(failing=("s",)),
            "failing",
            "notice",
            "1 schedule of which each of the last 3 runs has failed: s",
            "s --state failed",
        ),
        (of_survey(schedules=(schedule(state=ScheduleState.UNDECLARED),)), "undeclared", "problem", "s", "remove ID"),
        (
            of_survey(schedules=(schedule(state=ScheduleState.PAUSED, note="why", next_fire_at=DUE),)),
            "paused",
            "notice",
            "s (why)",
            "resume ID",
        ),
        (
            of_survey(stranded=(Stranded(queue="q", task="x", since=DUE, count=1, known=False),)),
            "stranded",
            "problem",
            "no live node knows this task",
            "aliases",
        ),
        (of_survey(waiting=(LATE,)), "unclaimed", "problem", "3 due runs of task 't'", "slots"),
        (of_survey(waiting=(LATE,), serving=LIMITED, running={"t": 2}), "limit", "notice", "2 of 2", "concurrency"),
        (
            of_survey(orphans=(Orphan(run_id="r", task="t", node_id="gone"),)),
            "orphans",
            "problem",
            "gone",
            "takes them over",
        ),
        (of_database(missing=("runs_claim",)), "missing-index", "problem", "runs_claim", "migrate --sql"),
        (
            of_database(indexes=(IndexFacts(name="i", size=0, entries=0, scans=0, valid=False),)),
            "invalid-index",
            "problem",
            "i",
            "REINDEX INDEX CONCURRENTLY i",
        ),
        (
            of_database(indexes=(IndexFacts(name="i", size=90 * MB, entries=10, scans=1),)),
            "index-bloat",
            "notice",
            "i (90 MB for 10 entries)",
            "REINDEX",
        ),
        (of_database(unused=("enable_indexscan",)), "index-scans", "problem", "enable_indexscan", "RESET"),
        (
            of_database(tables=(TableFacts(name="runs", live=10, dead=20_000),)),
            "dead-rows",
            "notice",
            "20,000 dead, 10 live",
            "vacuum and analyze the table runs",
        ),
        (of_database(oldest=OLD), "long-transaction", "notice", "begun 60 min ago", "pg_terminate_backend(7)"),
        (
            of_database(oldest=replace(OLD, pid=None, name="x1"), tables=(TableFacts(name="runs", live=9, dead=5),)),
            "long-transaction",
            "notice",
            "'x1' (role app, begun 60 min ago) has the oldest transaction",
            "ROLLBACK PREPARED 'x1'",
        ),
        (
            of_database(holders=(replace(OLD, shuts=True),)),
            "locks",
            "problem",
            "pid 7 (report, role app, from 10.0.0.3, idle in transaction, begun 60 min ago) holds locks on runs;",
            "pg_terminate_backend(7)",
        ),
        (
            of_database(holders=(replace(OLD, waiting=2, behind=(8,)),)),
            "locks",
            "problem",
            "has runs in its open transaction, and 2 sessions here wait for it",
            "waits itself for pid 8",
        ),
        (
            of_database(holders=(OLD,)),
            "locks",
            "notice",
            "has runs in its open transaction;",
            "pg_terminate_backend(7)",
        ),
        (
            of_database(holders=(replace(OLD, shuts=True, name="hourbell migrate 1@h"),)),
            "locks",
            "problem",
            "hourbell migrate",
            "wait",
        ),
        (of_database(kind="sqlite", free=70_000), "disk", "problem", "68 kB are left", "make room"),
        (of_database(unread="no answer"), "unread", "problem", "no answer", "what the server is busy with"),
    ],
)
def test_each_fault_has_its_finding(seen: Facts, about: str, severity: str, what: str, do: str) -> None:
    (found,) = diagnosed(seen).findings
    assert (found.about, found.severity) == (about, severity)
    assert what in found.what
    assert (
        do.replace("remove s", "remove ID").replace("resume ID", "resume ID").replace("add c", "add NAME") in found.do
    )
    assert diagnosed(seen).healthy == (severity == "notice")


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    assert diagnosed(facts()) == replace(diagnosed(facts()), findings=())
    assert diagnosed(facts(survey=None)).healthy
    well = postgres(
        tables=(TableFacts(name="runs", live=1_000_000, dead=500_000),),
        indexes=(IndexFacts(name="i", size=90 * MB, entries=1_000_000, scans=1),),
        oldest=replace(OLD, seconds=30.0),
        free=20 * MB,
        pooled=True,
    )
    assert diagnosed(facts(database=well, offset=0.5)).findings == ()


def test_a_limit_that_is_not_reached_explains_nothing() -> None:
    (found,) = diagnosed(of_survey(waiting=(LATE,), serving=LIMITED, running={"t": 1})).findings
    assert found.about == "unclaimed"


def test_what_is_stranded_is_told_once() -> None:
    stranded = Stranded(queue="q", task="t", since=DUE, count=3, known=True)
    (found,) = diagnosed(of_survey(waiting=(LATE,), stranded=(stranded,))).findings
    assert found.about == "stranded"


def test_without_a_node_only_that_is_told() -> None:
    schedules = (schedule(task="x"), schedule(id="late", next_fire_at=DUE))
    (found,) = diagnosed(of_survey(nodes=(), serving=(), schedules=schedules, waiting=(LATE,))).findings
    assert "begins 3 due runs" in found.what


def test_a_node_of_an_older_version_may_run_anything() -> None:
    old = (Serving(node_id="a", tasks={}, queues=None, says=False),)
    assert diagnosed(of_survey(serving=old, schedules=(schedule(task="x"),))).findings == ()


def test_problems_come_first() -> None:
    found = diagnosed(facts(offset=60.0, database=postgres(read_only=True))).findings
    assert [one.severity for one in found] == ["problem", "notice"]


def test_a_new_process_in_the_place_of_one_that_died_is_not_the_same() -> None:
    """In a container each process may have the host's name and the number of the one before it."""
    died = node("b", state=NodeState.DEAD, process="boot 1 2 3")
    for now, about in (("boot 1 2 4", "dead-nodes"), ("boot 1 2 3", "lost-leases"), (None, "lost-leases")):
        (found,) = diagnosed(of_survey(nodes=(node(process=now), died))).findings
        assert (found.about, found.named) == (about, ("b",))


def test_a_node_that_is_seen_to_be_gone_is_dead_before_its_lease_ends() -> None:
    killed = node("b", pid=2, state=NodeState.DEAD, lease_until=NOW + timedelta(seconds=9))
    (found,) = diagnosed(of_survey(nodes=(node(), killed))).findings
    assert "h pid 2 (0 s ago)" in found.what


def test_words() -> None:
    assert [counted(n, "run") for n in (0, 1, 2)] == ["0 runs", "1 run", "2 runs"]
    assert some(list("abcdefg")) == "a, b, c, d, e and 2 more"
    assert [ago(NOW - timedelta(seconds=n), NOW) for n in (5, 119, 120, 7200, 200_000)] == [
        "5 s ago",
        "119 s ago",
        "2 min ago",
        "2 h ago",
        "2 d ago",
    ]
    assert Finding(about="a", severity="notice", what="w", do="d").named == ()
