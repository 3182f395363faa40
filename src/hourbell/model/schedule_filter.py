"""Which schedules a list shows, and in which order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from hourbell.errors import InvalidArguments

if TYPE_CHECKING:
    from hourbell.model.schedule import Schedule, ScheduleState

ScheduleSort = Literal["id", "next_fire_at"]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a list by ``next_fire_at``: those without one stand at the end, equal ones by id."""

    next_fire_at: datetime | None
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleFilter:
    """Which schedules a list shows; None means any.

    ``text``  what the id, the task's name or the note contains, upper and lower case told apart. ``sort``  by id, or by
    the next fire, earliest first and those without one last. ``cursor`` is what `cursor_after` said of the last
    schedule of the page before.
    """

    state: ScheduleState | None = None
    task: str | None = None
    text: str | None = None
    sort: ScheduleSort = "id"
    cursor: str | None = None
    limit: int = 50

    def cursor_after(self, schedule: Schedule) -> str:
        """The cursor of the page that begins after this schedule."""
        if self.sort == "id":
            return schedule.id
        at = schedule.next_fire_at
        return f"{(at - _EPOCH) // _TICK if at is not None else ''},{schedule.id}"

    @property
    def position(self) -> Position | None:
        """The cursor of a list by next fire. Raises InvalidArguments when it is none."""
        if self.cursor is None:
            return None
        at, comma, schedule_id = self.cursor.partition(",")
        try:
            if comma and schedule_id:
                return Position(_EPOCH + _TICK * int(at) if at else None, schedule_id)
        except (ValueError, OverflowError):
            pass
        raise InvalidArguments(
            "cursor: give the next_cursor of the page before, under the same sort, or None", at="cursor"
        )

    def wants(self, schedule: Schedule) -> bool:
        """Whether the list shows it, on this page or another."""
        told = (schedule.id, schedule.task, schedule.note or "")
        return (
            (self.state is None or schedule.state is self.state)
            and (self.task is None or schedule.task == self.task)
            and (self.text is None or any(self.text in one for one in told))
        )
