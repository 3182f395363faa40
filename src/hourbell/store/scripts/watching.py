"""When there will be something to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hourbell.model.plan import NextWork
from hourbell.store.scripts.script import Row, Script, call

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence


def next_work_at_once(node_id: str, tasks: Collection[str], queues: Sequence[str] | None) -> Script[NextWork]:
    """See `NodeStore.next_work`: one statement, for databases that can walk an index inside it."""
    rows = yield call(
        "watching.next_work",
        node=node_id,
        tasks=list(tasks),
        queues=list(queues) if queues is not None else None,
    )
    row = rows[0]
    return NextWork(
        now=row["now_at"],
        fire_due=bool(row["fire_due"]),
        next_fire_at=row["next_fire_at"],
        run_due=bool(row["run_due"]),
        next_run_at=row["next_run_at"],
        next_lease_expiry=row["lease_until"],
    )


def next_work_in_steps(node_id: str, tasks: Collection[str], queues: Sequence[str] | None) -> Script[NextWork]:
    """See `NodeStore.next_work`: step by step, for a database that is part of this process."""
    rows = yield call("watching.schedules", node=node_id)
    found = rows[0]
    due = False
    later = []
    for place in (yield from heads()):
        if place["task"] in tasks and (queues is None or place["queue"] in queues):
            looked = yield call("watching.place", **place)
            due = due or bool(looked[0]["is_due"])
            if looked[0]["next_run_at"] is not None:
                later.append(looked[0]["next_run_at"])
    return NextWork(
        now=found["now_at"],
        fire_due=bool(found["fire_due"]),
        next_fire_at=found["next_fire_at"],
        run_due=due,
        next_run_at=min(later, default=None),
        next_lease_expiry=found["lease_until"],
    )


def heads() -> Script[list[Row]]:
    """Every (queue, task, suspect, priority) that has queued runs: one probe of the index each."""
    places: list[Row] = []
    rows = yield call("heads.first")
    while rows:
        places.append(rows[0])
        rows = yield call("heads.next", **rows[0])
    return places
