"""Runs for due times that have passed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hourbell.model.backfill import refuse_resting
from hourbell.model.ids import new_run_ids
from hourbell.store.scripts import overlap
from hourbell.store.scripts.rows import fire_values, schedule_from
from hourbell.store.scripts.schedules import missing_schedule
from hourbell.store.scripts.script import Script, batch, call

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


def backfill(schedule_id: str, origin: str, fires: Sequence[datetime]) -> Script[int]:
    """See `ScheduleStore.backfill`. All of them wait; whose turn it is goes at once."""
    locked = yield call("schedules.lock", ids=[schedule_id])
    if not locked:
        raise missing_schedule(schedule_id)
    schedule, now = schedule_from(locked[0]), locked[0]["now_at"]
    refuse_resting(schedule)
    rows = [
        {**fire_values(schedule, run_id), "origin": origin, "fire_at": fire_at, "delay": None}
        for run_id, fire_at in zip(new_run_ids(now, len(fires)), sorted(fires), strict=True)
    ]
    inserted = yield batch("runs.insert", rows)
    if inserted:
        yield from overlap.take_turns({schedule_id: schedule})
    return len(inserted)
