"""Claiming, where the database has no SKIP LOCKED: the writer's transaction is the lock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hourbell.model.run import Claim
from hourbell.model.run_state import RunState
from hourbell.store.scripts.rows import run_from
from hourbell.store.scripts.script import Row, Script, batch, call

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def claim_at_once(
    node_id: str, claim_id: str, limit: int, tasks: Mapping[str, int], queues: Sequence[str] | None, suspects: int
) -> Script[Claim | None]:
    """See `RunStore.claim`: one statement, for databases with row locks."""
    rows = yield call(
        "claiming.claim",
        node=node_id,
        claim_id=claim_id,
        limit=limit,
        tasks=list(tasks),
        rooms=list(tasks.values()),
        queues=list(queues) if queues is not None else None,
        suspects=suspects,
    )
    if not rows[0]["is_live"]:
        return None
    return _claim(rows[0]["now_at"], [row for row in rows if row["id"] is not None])


def claim_in_steps(
    node_id: str, claim_id: str, limit: int, tasks: Mapping[str, int], queues: Sequence[str] | None, suspects: int
) -> Script[Claim | None]:
    """See `RunStore.claim`: look, choose, take; for databases where the transaction holds everything."""
    if not (yield call("nodes.is_live", node=node_id)):
        return None
    clock = yield call("clock.read")
    places = yield call("claiming.places", tasks=list(tasks), queues=list(queues) if queues is not None else None)
    found: list[Row] = []
    for place in places:
        room = min(tasks[place["task"]], limit, suspects if place["suspect"] else limit)
        if room > 0:
            found.extend((yield call("claiming.candidates", **place, room=room)))
    chosen = _chosen(sorted(found, key=_order), dict(tasks), suspects)[:limit]
    taken = yield batch("claiming.take", [{"id": row["id"]} for row in chosen], node=node_id, claim_id=claim_id)
    return _claim(clock[0]["now_at"], taken)


def _chosen(ordered: Sequence[Row], rooms: dict[str, int], suspects: int) -> list[Row]:
    """Those for which there is room: so many of a task over all queues, so many suspects over all tasks."""
    chosen = []
    for row in ordered:
        if rooms[row["task"]] > 0 and (suspects > 0 or not row["suspect"]):
            rooms[row["task"]] -= 1
            suspects -= row["suspect"]
            chosen.append(row)
    return chosen


def _order(row: Row) -> tuple[Any, ...]:
    return (row["priority"], row["run_at"], row["id"])


def _claim(now: Any, rows: Sequence[Row]) -> Claim:
    runs = sorted((run_from(row) for row in rows), key=lambda run: (run.priority, run.run_at, run.id))
    return Claim(
        now,
        tuple(run for run in runs if run.state is RunState.RUNNING),
        tuple(run for run in runs if run.state is RunState.SKIPPED),
    )
