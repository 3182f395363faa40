"""A backfill: runs for due times that have passed, asked for by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hourbell.errors import Conflict
from hourbell.model.run_state import Origin
from hourbell.model.schedule import ScheduleState

if TYPE_CHECKING:
    from datetime import datetime

    from hourbell.model.schedule import Schedule

MOST_FIRES = 10_000
"""Due times that one backfill may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfill:
    """What a backfill made. ``fires`` are its due times, oldest first; ``made`` of them got a run by this call: the
    others have theirs from an earlier call with the same ``id``, or nothing was to be made at all."""

    id: str
    schedule_id: str
    start: datetime
    end: datetime
    fires: tuple[datetime, ...]
    made: int

    @property
    def origin(self) -> str:
        """The ``origin`` of its runs."""
        return origin_of(self.id)


def origin_of(backfill_id: str) -> str:
    """The ``origin`` of the runs of a backfill: one run a due time and backfill."""
    return f"{Origin.BACKFILL}:{backfill_id}"


def refuse_resting(schedule: Schedule) -> None:
    """Raise Conflict when runs of this schedule are not wanted now: it is paused, or nobody knows it any more."""
    if schedule.state is ScheduleState.PAUSED:
        raise Conflict(f"schedule {schedule.id!r} is paused, which ends its backfills: resume it first")
    if schedule.state is ScheduleState.UNDECLARED:
        raise Conflict(f"schedule {schedule.id!r} is declared by no live node: nobody would run what is backfilled")
