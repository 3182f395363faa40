"""What stands in the tables that may be in trouble."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hourbell.model.stored_json import names_from
from hourbell.model.survey import COUNTED_WAITING, FAILING, SURVEYED, Orphan, Serving, Survey, Waiting
from hourbell.store.scripts.rows import node_from, schedule_from
from hourbell.store.scripts.script import Row, Script, call
from hourbell.store.scripts.watching import stranded

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta


def survey(patience: timedelta) -> Script[Survey]:
    """See `NodeStore.survey`."""
    clock = yield call("clock.read")
    nodes = yield call("surveying.nodes", limit=SURVEYED)
    tasks = yield call("surveying.tasks")
    states = yield call("surveying.states")
    schedules = yield call("surveying.schedules", patience=patience, limit=SURVEYED)
    calendars = yield call("surveying.calendars", limit=SURVEYED)
    failing = yield call("surveying.failing", fires=FAILING, limit=SURVEYED, most=SURVEYED)
    orphans = yield call("surveying.orphans", limit=SURVEYED)
    waiting = yield from _waiting(patience)
    running = yield call("surveying.running")
    lost = yield from stranded(patience)
    now = clock[0]["now_at"]
    return Survey(
        now=now,
        nodes=tuple(node_from(row) for row in nodes),
        serving=tuple(_serving(row, tasks) for row in nodes if row["state"] == "live" and row["lease_until"] > now),
        states={row["state"]: row["number"] for row in states},
        schedules=tuple(schedule_from(row) for row in schedules),
        failing=tuple(row["id"] for row in failing),
        calendars=frozenset(row["name"] for row in calendars),
        orphans=tuple(Orphan(run_id=str(row["id"]), task=row["task"], node_id=row["node_id"]) for row in orphans),
        waiting=waiting,
        running={row["task"]: row["number"] for row in running},
        stranded=tuple(lost),
    )


def _waiting(patience: timedelta) -> Script[tuple[Waiting, ...]]:
    """Place by place, each counted so far and no further: there may be millions."""
    places = yield call("watching.waiting", patience=patience)
    found = []
    for row in places[:SURVEYED]:
        place = {"queue": row["queue"], "task": row["task"]}
        counted = yield call("surveying.waiting", **place, patience=patience, limit=COUNTED_WAITING)
        if counted[0]["number"]:
            found.append(Waiting(**place, count=counted[0]["number"], since=row["since_at"]))
    return tuple(found)


def _serving(node: Row, tasks: Sequence[Row]) -> Serving:
    said: Any = node["queues"]
    queues = names_from(said)
    return Serving(
        node_id=node["id"],
        tasks={row["task"]: row["concurrency"] for row in tasks if row["node_id"] == node["id"]},
        queues=tuple(queues) if queues is not None else None,
        says=said is not None,
    )
