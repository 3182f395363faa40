"""What a cron expression means, worked out the slow way from the documented rule.

Nothing here is taken from the product: it lists every local minute (or second) of a window, asks of each field
whether it matches, and asks the zone how often that local time exists.

The rule (cron(8) and crontab(5) as Debian documents them, and the two overrides):

- A time matches when every field does; of the two day fields one is enough when neither begins with `*` or `?`, nor
  the day of the week with `+`.
- `L` is the last day of the month, `L-n` the one with n days after it, `LW` the last from Monday to Friday, `nW` the
  one from Monday to Friday that is nearest to the n-th in a month that has an n-th, `d#k` the k-th such weekday of the
  month, `dL` its last.
- A local time that exists once is a fire. One that a change of the clock skips or repeats is treated by policy:
  expressions whose minute or hour begins with `*` follow the wall clock (skipped: nothing, repeated: both); others
  run at the first instant after the gap (once), or at the first of the two. `gap` and `fold` replace this.
- Changes of more than three hours are no daylight saving: the wall clock is followed.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
THREE_HOURS = timedelta(hours=3)
DAY = timedelta(days=1)


def list_fires(
    expr: str, zone: ZoneInfo, gap: str | None, fold: str | None, start: datetime, end: datetime
) -> list[datetime]:
    """Every fire later than `start` and not later than `end`, in UTC, in order."""
    fields = expr.lower().split()
    if len(fields) == 5:
        fields = ["0", *fields]
        tick = timedelta(minutes=1)
    else:
        tick = timedelta(seconds=1)
    seconds, minutes, hours, days, months, weekdays = fields
    follows = minutes.startswith("*") or hours.startswith("*")
    gap = gap or ("skip" if follows else "next_valid")
    fold = fold or ("both" if follows else "first")

    good_seconds = {n for n in range(60) if field_has(seconds, n, 0, 59)}
    good_minutes = {n for n in range(60) if field_has(minutes, n, 0, 59)}
    good_hours = {n for n in range(24) if field_has(hours, n, 0, 23)}
    fires: set[datetime] = set()
    # Local times under either offset; a fire may stem from up to three hours before, moved out of a gap.
    offsets = offset(start.astimezone(zone)), offset(end.astimezone(zone))
    local = start.replace(tzinfo=None, second=0, microsecond=0) + min(offsets) - timedelta(hours=4)
    local = local.replace(second=0)
    last = end.replace(tzinfo=None) + max(offsets)
    while local <= last:
        if not date_matches(days, months, weekdays, local):
            local = local.replace(hour=0, minute=0, second=0) + DAY
        elif local.hour not in good_hours:
            local = local.replace(minute=0, second=0) + timedelta(hours=1)
        elif local.minute not in good_minutes:
            local = local.replace(second=0) + timedelta(minutes=1)
        else:
            if local.second in good_seconds:
                steady = steady_offset(zone, local.replace(minute=0, second=0))
                if steady is None:
                    fires |= fires_of(local, zone, gap, fold)
                else:
                    fires.add((local - steady).replace(tzinfo=UTC))
            local += tick
    return sorted(fire for fire in fires if start < fire <= end)


def date_matches(days: str, months: str, weekdays: str, when: datetime) -> bool:
    if not field_has(months, when.month, 1, 12, MONTHS):
        return False
    both = weekdays.startswith("+")
    in_month = any(day_matches(piece, when.date()) for piece in days.split(","))
    in_week = any(weekday_matches(piece, when.date()) for piece in weekdays.removeprefix("+").split(","))
    if both or days[0] in "*?" or weekdays[0] in "*?":
        return in_month and in_week
    return in_month or in_week


@lru_cache(maxsize=100_000)
def day_matches(piece: str, day: date) -> bool:
    """One piece of the day of the month, on one day."""
    month = days_of_month(day)
    if piece == "?":
        return True
    if piece == "l":
        return day == month[-1]
    if piece.startswith("l-"):
        left = [one for one in month if one > day]
        return len(left) == int(piece[2:])
    if piece == "lw":
        return day == [one for one in month if one.isoweekday() <= 5][-1]
    if piece.endswith("w"):
        wanted = [one for one in month if one.day == int(piece[:-1])]
        # No two working days are equally far: before a Saturday is the Friday, behind a Sunday the Monday.
        working = [one for one in month if one.isoweekday() <= 5]
        return bool(wanted) and day == min(working, key=lambda one: abs(one - wanted[0]))
    return piece_has(piece, day.day, 1, 31, (), 1)


@lru_cache(maxsize=100_000)
def weekday_matches(piece: str, day: date) -> bool:
    """One piece of the day of the week, on one day."""
    if piece == "?":
        return True
    same = [one for one in days_of_month(day) if one.isoweekday() == day.isoweekday()]
    if "#" in piece:
        name, nth = piece.split("#")
        return weekday_matches(name, day) and same.index(day) + 1 == int(nth)
    if piece.endswith("l"):
        return weekday_matches(piece[:-1], day) and day == same[-1]
    return piece_has(piece, day.isoweekday() % 7, 0, 6, WEEKDAYS, 0, high_number=7)


def days_of_month(day: date) -> list[date]:
    found = [day.replace(day=1)]
    while (found[-1] + DAY).month == day.month:
        found.append(found[-1] + DAY)
    return found


@lru_cache(maxsize=100_000)
def field_has(text: str, value: int, low: int, high: int, names: tuple[str, ...] = ()) -> bool:
    return any(piece_has(piece, value, low, high, names, low) for piece in text.split(","))


def piece_has(
    piece: str, value: int, low: int, high: int, names: tuple[str, ...], zero: int, high_number: int | None = None
) -> bool:
    """Count up from the first value by the step, round the end when the range wraps, and see whether it is met.

    `high_number` is the greatest number that may be written, where that is not the greatest value (7 for Sunday).
    """
    span, _, step_text = piece.partition("/")
    step = int(step_text or 1)
    count = high - low + 1
    if span == "*":
        first, last = low, high
    else:
        words = [zero + names.index(word) if word in names else int(word) for word in span.split("-")]
        first = words[0]
        until = (high if high_number is None else high_number) if step_text else first
        last = words[1] if len(words) == 2 else until
    if last < first:
        last += count
    return any((met - low) % count + low == value for met in range(first, last + 1, step))


@lru_cache(maxsize=4096)
def steady_offset(zone: ZoneInfo, hour: datetime) -> timedelta | None:
    """The one offset that holds all through a local hour; None when there may be another.

    A change within the hour shows at its ends: no zone changes twice in an hour.
    """
    ends = (hour, hour.replace(minute=59, second=59))
    found = {offset(moment.replace(tzinfo=zone, fold=fold)) for moment in ends for fold in (0, 1)}
    return found.pop() if len(found) == 1 else None


def fires_of(local: datetime, zone: ZoneInfo, gap: str, fold: str) -> set[datetime]:
    """The instants at which one matching local time runs."""
    instants = sorted(
        {
            instant
            for which in (0, 1)
            if (instant := local.replace(tzinfo=zone, fold=which).astimezone(UTC)).astimezone(zone).replace(tzinfo=None)
            == local
        }
    )
    if len(instants) == 1:
        return set(instants)
    if not instants:
        before, after = offset(local.replace(tzinfo=zone, fold=0)), offset(local.replace(tzinfo=zone, fold=1))
        if after - before > THREE_HOURS or gap == "skip":
            return set()
        return {end_of_gap(zone, local, before, after)}
    if instants[1] - instants[0] > THREE_HOURS or fold == "both":
        return set(instants)
    return {instants[0]} if fold == "first" else {instants[1]}


@lru_cache(maxsize=4096)
def end_of_gap(zone: ZoneInfo, local: datetime, before: timedelta, after: timedelta) -> datetime:
    """Look at every second from before the gap until the new offset holds."""
    instant = (local - after).replace(tzinfo=UTC)
    while instant.astimezone(zone).utcoffset() == before:
        instant += timedelta(seconds=1)
    return instant


def offset(moment: datetime) -> timedelta:
    found = moment.utcoffset()
    assert found is not None
    return found


@lru_cache(maxsize=1024)
def changes_of(zone: ZoneInfo) -> tuple[datetime, ...]:
    """The last hours (UTC) before each change of the zone's offset from 1970 to 2037, found by asking day by day."""
    found: list[datetime] = []
    day = datetime(1970, 1, 1, tzinfo=UTC)
    before = offset(day.astimezone(zone))
    while day.year < 2038:
        after = offset((day + DAY).astimezone(zone))
        if after != before:
            hours = [day + timedelta(hours=number) for number in range(24)]
            found.append([hour for hour in hours if offset(hour.astimezone(zone)) == before][-1])
        day, before = day + DAY, after
    return tuple(found)
