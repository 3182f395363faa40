"""What is read of runs, and what operators do to single ones."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hourbell.errors import Conflict, NotFound
from hourbell.model.ids import is_run_id, least_run_id
from hourbell.model.overlap import has_turns, takes_turns
from hourbell.model.retention import Pruned
from hourbell.model.run_state import RunState
from hourbell.store.scripts import overlap
from hourbell.store.scripts.rows import run_from, schedule_from
from hourbell.store.scripts.script import Row, Script, call, to_json

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from hourbell.model.retention import Retention
    from hourbell.model.run import Run
    from hourbell.model.run_state import Reason
    from hourbell.model.schedule import Schedule

MOST_SEEN = 20_000
"""Runs that a step of pruning looks at for those that have succeeded: what failed may be kept for much longer, and
stands between them."""

_KEPT_NODES = timedelta(days=1)
_KEPT_DECLARATIONS = timedelta(hours=1)


def missing_run(run_id: str) -> NotFound:
    """The error for an id that no run has."""
    return NotFound(f"there is no run {run_id!r}; it never was, or retention has deleted it")


def get_run(run_id: str) -> Script[Run]:
    """See `RunStore.get_run`."""
    return run_from((yield from _found(run_id)))


def _found(run_id: str) -> Script[Row]:
    rows = (yield call("runs.get", id=run_id)) if is_run_id(run_id) else ()
    if not rows:
        raise missing_run(run_id)
    return rows[0]


def cancel_run(run_id: str, reason: Reason) -> Script[Run]:
    """See `RunStore.cancel_run`."""
    yield from _found(run_id)
    rows = yield call("runs.cancel", id=run_id, reason=reason.value)
    if rows:
        return run_from(rows[0])
    run = yield from get_run(run_id)
    raise Conflict(f"run {run_id!r} is {run.state}: it has ended, and there is nothing to cancel")


def retry_run(run_id: str, args: Mapping[str, Any] | None = None) -> Script[Run]:
    """See `RunStore.retry_run`. The ended attempt becomes history before its place in the row is taken."""
    seen = yield from _found(run_id)
    schedule = yield from _locked_schedule(seen)
    rows = yield call("runs.lock", id=run_id)
    if not rows:
        raise missing_run(run_id)
    run = run_from(rows[0])
    if not run.state.final:
        raise Conflict(f"run {run_id!r} is {run.state}: wait until it has ended, or cancel it first")
    if run.state is RunState.SKIPPED and run.covers_count is not None:
        raise Conflict(f"run {run_id!r} stands for due times that did not run; trigger the schedule instead")
    yield call("runs.keep_attempt", id=run_id)
    requeued = yield call("runs.requeue", id=run_id, args=to_json(dict(args)) if args is not None else None)
    if schedule is None or not (has_turns(schedule) or takes_turns(None, run.origin)):
        return run_from(requeued[0])
    yield call("overlap.wait", id=run_id)
    yield from overlap.take_turns({schedule.id: schedule})
    return (yield from get_run(run_id))


def _locked_schedule(row: Row) -> Script[Schedule | None]:
    """The schedule of a run, locked before the run is; None when it has none, or none any more."""
    if row["schedule_id"] is None:
        return None
    locked = yield call("schedules.lock", ids=[row["schedule_id"]])
    return schedule_from(locked[0]) if locked else None


def retry_runs(run_ids: Collection[str]) -> Script[Sequence[Run]]:
    """See `RunStore.retry_runs`. All their schedules are locked before the first of them, as the order of locks is."""
    wanted = sorted(filter(is_run_id, run_ids))
    rows = yield call("runs.schedules", ids=wanted)
    if rows:
        yield call("schedules.lock", ids=sorted(row["schedule_id"] for row in rows))
    retried = []
    for run_id in wanted:
        with suppress(NotFound, Conflict):
            retried.append((yield from retry_run(run_id)))
    return retried


def prune(retention: Retention, limit: int, beyond: Mapping[RunState, str]) -> Script[Pruned]:
    """See `RunStore.prune`. Ids begin with their time of creation, so the oldest stand together in every index."""
    clock = yield call("clock.read")
    deleted, reached, is_cut_short = 0, {}, False
    for state, age in retention:
        left = limit - deleted
        if left <= 0:
            break
        within = {
            "beyond": beyond.get(state),
            "boundary": least_run_id(clock[0]["now_at"] - age),
            "retention": age,
            "limit": left,
        }
        if state is RunState.SUCCEEDED:
            rows = yield call("runs.prune_succeeded", **within, most=MOST_SEEN)
        else:
            rows = yield call("runs.prune_aside", state=state.value, **within)
        if rows:
            reached[state] = str(max(row["id"] for row in rows))
        if state is RunState.SUCCEEDED and len(rows) < left:
            # Half as many: all before that were looked at, also those in whose place others stand now.
            kept = yield call("runs.kept", beyond=within["beyond"], boundary=within["boundary"], most=MOST_SEEN // 2)
            if kept:
                reached[state], is_cut_short = str(kept[0]["id"]), True
        deleted += len(rows)
    if deleted < limit and not is_cut_short:
        yield call("nodes.prune", kept=_KEPT_NODES)
        yield call("declarations.prune", kept=_KEPT_DECLARATIONS)
        yield call("nodes.forget_tasks")
        boundary = least_run_id(clock[0]["now_at"] - retention.every)
        yield call("audit.prune", boundary=boundary, retention=retention.every, limit=limit)
        yield call("guards.prune", limit=limit)
    return Pruned(deleted, reached, is_cut_short)
