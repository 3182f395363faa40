"""Which fires there must be, computed without asking the product: every second of a closed range."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from .recorded import RecordedSchedule

SECOND = timedelta(seconds=1)


def every_second(first: datetime, last: datetime) -> list[datetime]:
    """All whole seconds from the first to the last, both included."""
    count = (last - first) // SECOND
    return [first + step * SECOND for step in range(count + 1)]


def whole(instant: datetime) -> datetime:
    """The whole second of an instant, in UTC."""
    return instant.astimezone(UTC).replace(microsecond=0)


def expected_fires(schedules: Iterable[RecordedSchedule], until: datetime | None = None) -> dict[str, list[datetime]]:
    """By schedule: every second from the first after it was stored to the end of its cursor's range, both included.

    For intervals of one second without a start. ``until`` is their declared end; without one the range ends where
    the cursor says that it has come to.
    """
    expected = {}
    for schedule in schedules:
        last = until if until is not None else schedule.last_fire_at
        first = whole(schedule.created_at) + SECOND
        expected[schedule.id] = every_second(first, last) if last is not None else []
    return expected
