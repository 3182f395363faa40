"""Who was there when something was due: each way in which nobody was is told from the others."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hourbell.model.node import Node, NodeState
from hourbell.model.presence import presence
from hourbell.model.survey import Survey

DUE = datetime(2030, 1, 1, 3, tzinfo=UTC)
NOW = DUE + timedelta(hours=6)


def node(node_id: str, started: timedelta, until: timedelta, **fields: Any) -> Node:
    """Times are counted from the due time."""
    known = Node(
        id=node_id,
        host="h",
        pid=1,
        state=NodeState.LIVE,
        started_at=DUE + started,
        lease_until=DUE + until,
        running=0,
        version="1",
    )
    return replace(known, **fields)


def told(*nodes: Node, now: datetime = NOW) -> str | None:
    return presence(Survey(now=now, nodes=nodes), DUE)


HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
BACK = node("back", 5 * HOUR, 7 * HOUR)


def test_nobody_was_there() -> None:
    assert told(BACK) == "no node was there then, the first that is live now started at 2030-01-01T08:00:00Z"
    stopped = node("before", -9 * HOUR, -MINUTE, state=NodeState.STOPPED)
    assert (told(BACK, stopped) or "").endswith(", the last one before had ended by 2030-01-01T02:59:00Z")
    other = node("other", -9 * HOUR, -MINUTE, state=NodeState.DEAD, pid=2)
    assert (told(BACK, other) or "").startswith("no node was there then")


def test_the_process_was_there_and_the_database_was_not() -> None:
    lost = node("lost", -9 * HOUR, -MINUTE, state=NodeState.DEAD)
    assert told(BACK, lost) == (
        "the process 1 on h was there and had no lease from 2030-01-01T02:59:00Z to 2030-01-01T08:00:00Z: "
        "the database was away from it, or it stood still"
    )
    another = replace(lost, process="boot 1 2 3")
    assert (told(replace(BACK, process="boot 1 2 4"), another) or "").startswith("no node was there then")


def test_a_node_was_there_all_the_time() -> None:
    steady = node("steady", -9 * HOUR, 7 * HOUR)
    assert told(BACK, steady) == (
        "the process 1 on h held its lease then and was kept from it: its log of that time says by what"
    )


def test_what_the_rows_do_not_tell() -> None:
    assert told() is None
    assert told(node("gone", -9 * HOUR, -MINUTE, state=NodeState.DEAD)) is None, "that no node is live is said already"
    assert told(replace(BACK, lease_until=NOW + 99 * HOUR), now=DUE + timedelta(days=2)) is None, "rows are pruned"
