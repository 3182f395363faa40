"""What a `CalendarEvery` means, worked out the slow way: dates by adding again and again, times by asking the zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from triggers.brute_force import fires_of

DAY = timedelta(days=1)


def list_dates(first: date, months: int, days: int, last: date) -> list[date]:
    """Every date of the count up to `last`. Months first, then days; a month without the day has none."""
    found: list[date] = []
    year, month, shift = first.year, first.month, 0
    while year <= last.year:
        try:
            day = date(year, month, first.day) + timedelta(days=shift)
        except (ValueError, OverflowError):
            pass
        else:
            if day > last:
                break
            found.append(day)
        for _ in range(months):
            month += 1
            if month == 13:
                year, month = year + 1, 1
        shift += days
        if date(year if year < 9999 else 9998, month, 1) + timedelta(days=min(shift, 300_000)) > last + 40 * DAY:
            break
    return found


def list_calendar_fires(
    dates: list[date], at: time, zone: ZoneInfo, gap: str, fold: str, start: datetime, end: datetime
) -> list[datetime]:
    """Every fire on these dates later than `start` and not later than `end`, in UTC."""
    fires: set[datetime] = set()
    for day in dates:
        if start.date() - 3 * DAY <= day <= end.date() + 3 * DAY:
            fires |= fires_of(datetime.combine(day, at), zone, gap, fold)
    return sorted(fire.astimezone(UTC) for fire in fires if start < fire <= end)


@lru_cache(maxsize=10_000)
def first_of(zone: ZoneInfo, local: datetime) -> datetime:
    """The first instant at which the wall clock shows this time or, over a gap, a later one; found minute by minute."""
    instant = local.replace(tzinfo=UTC) - timedelta(hours=16)
    while instant.astimezone(zone).replace(tzinfo=None) < local:
        instant += timedelta(minutes=1) if instant.second == 0 else timedelta(seconds=60 - instant.second)
    while (instant - timedelta(seconds=1)).astimezone(zone).replace(tzinfo=None) >= local:
        instant -= timedelta(seconds=1)
    return instant
