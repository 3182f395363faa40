"""What a row must satisfy, and how it goes in and out: instants in UTC, JSON copied, so that nobody shares it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hourbell.errors import StoreRejected
from hourbell.model.run_state import RunState

if TYPE_CHECKING:
    from hourbell.model.run import Run
    from hourbell.model.schedule import Schedule


def checked_run(run: Run) -> Run:
    """The row as it is stored. Raises StoreRejected when it is impossible."""
    running = run.state is RunState.RUNNING
    _check(run.attempt >= 1 or not running, run.id, "is running without an attempt")
    _check(run.node_id is not None or not running, run.id, "is running without a node")
    _check(run.node_id is None or run.state is not RunState.QUEUED, run.id, "is queued under a node")
    _check(run.state.final == (run.finished_at is not None), run.id, "is final exactly when it has finished_at")
    return replace(
        fresh_run(run),
        created_at=run.created_at.astimezone(UTC),
        fire_at=_utc(run.fire_at),
        covers_until=_utc(run.covers_until),
        run_at=_utc(run.run_at),
        start_by=_utc(run.start_by),
        started_at=_utc(run.started_at),
        finished_at=_utc(run.finished_at),
        cancel_requested_at=_utc(run.cancel_requested_at),
    )


def checked_schedule(schedule: Schedule) -> Schedule:
    """The row as it is stored. Raises StoreRejected when it is impossible."""
    upcoming, last = schedule.next_fire_at, schedule.last_fire_at
    _check(
        upcoming is None or last is None or upcoming > last, schedule.id, "has a cursor not later than its last fire"
    )
    return replace(
        fresh_schedule(schedule),
        next_fire_at=_utc(upcoming),
        last_fire_at=_utc(last),
        resume_at=_utc(schedule.resume_at),
    )


def fresh_run(run: Run) -> Run:
    """A copy that shares nothing that can be changed."""
    return replace(run, args=copied(run.args), policies=copied(run.policies), result=copied(run.result))


def fresh_schedule(schedule: Schedule) -> Schedule:
    """A copy that shares nothing that can be changed."""
    return replace(
        schedule,
        trigger_spec=copied(schedule.trigger_spec),
        args=copied(schedule.args),
        policies=copied(schedule.policies),
        inherited=copied(schedule.inherited),
        declared=copied(schedule.declared),
    )


def read_result(text: str | None) -> Any:
    """A result as its node wrote it. Raises StoreRejected when it is not JSON."""
    try:
        return json.loads(text) if text is not None else None
    except ValueError as error:
        raise StoreRejected(f"a result is not JSON ({error}); serialise it before settling the run") from None


def copied(value: Any) -> Any:
    """The value through JSON, as a database would have it: a tuple comes back as a list. Raises StoreRejected for what
    is no JSON."""
    if value is None or value == {}:
        return value if value is None else {}
    try:
        return json.loads(json.dumps(value))
    except (TypeError, ValueError) as error:
        raise StoreRejected(f"a value is not JSON ({error}); convert it before it is stored") from None


def _utc(instant: datetime | None) -> datetime | None:
    return instant.astimezone(UTC) if instant is not None else None


def _check(holds: bool, row_id: str, rule: str) -> None:
    if not holds:
        raise StoreRejected(f"row {row_id!r} {rule}; nothing was written")
