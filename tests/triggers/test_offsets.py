"""Changes of offset are found by asking; this checks what the questions rely on, on the zone data installed."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from hourbell.triggers.offsets import PROBE, OffsetChange, change_around, changes_between, find_change, offset_at
from hourbell.triggers.zones import zone, zone_names
from triggers.strategies import ODD_ZONES

HOUR = timedelta(hours=1)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type]


def test_the_changes_of_a_year() -> None:
    berlin = zone("Europe/Berlin")
    spring, autumn = changes_between(berlin, utc(2026, 1, 1), utc(2027, 1, 1))
    assert (spring.instant, spring.before, spring.after) == (utc(2026, 3, 29, 1), HOUR, 2 * HOUR)
    assert (autumn.instant, autumn.before, autumn.after) == (utc(2026, 10, 25, 1), 2 * HOUR, HOUR)
    assert (spring.skips, autumn.skips) == (True, False)
    assert (spring.size, autumn.size) == (HOUR, HOUR)
    assert (spring.first.hour, spring.end.hour) == (2, 3)
    assert (autumn.first.hour, autumn.end.hour) == (2, 3)


@pytest.mark.parametrize("place", [UTC, timezone(HOUR)])
def test_a_fixed_offset_never_changes(place: timezone) -> None:
    assert list(changes_between(place, utc(1, 1, 1), utc(9999, 1, 1))) == []


def test_the_ends_of_the_stretch() -> None:
    berlin, change = zone("Europe/Berlin"), utc(2026, 3, 29, 1)
    second = timedelta(seconds=1)
    assert [found.instant for found in changes_between(berlin, change - second, change)] == [change]
    assert list(changes_between(berlin, change, change + second)) == []
    assert list(changes_between(berlin, change, change)) == []


def test_the_change_around_a_local_time() -> None:
    berlin = zone("Europe/Berlin")
    local = datetime(2026, 3, 29, 2, 0)  # noqa: DTZ001
    change = change_around(berlin, local)
    assert change is not None
    assert change.instant == utc(2026, 3, 29, 1)
    assert change_around(berlin, local - timedelta(seconds=1)) is None
    assert change_around(berlin, local + HOUR) is None


@pytest.mark.slow
def test_no_zone_has_two_changes_that_hide_each_other() -> None:
    """Day by day, which is enough to see that no two changes are as close as two questions."""
    step = timedelta(days=1)
    for name in sorted(zone_names()):
        place = ZoneInfo(name)
        instant, end = utc(1900, 1, 1), utc(2040, 1, 1)
        seen = [instant]
        before = instant.astimezone(place).utcoffset()
        while instant < end:
            instant += step
            after = instant.astimezone(place).utcoffset()
            if after != before:
                assert instant - seen[-1] >= PROBE + step, f"{name} {instant}"
                seen.append(instant)
                before = after


def every_change(place: ZoneInfo) -> list[OffsetChange]:
    """All changes of more than a century, by asking for the offset of each day."""
    found: list[OffsetChange] = []
    instant, day = utc(1930, 1, 1), timedelta(days=1)
    before = offset_at(place, instant)
    while instant < utc(2040, 1, 1):
        after = offset_at(place, instant + day)
        if after != before:
            found.append(find_change(place, instant, instant + day, before, after))
        instant, before = instant + day, after
    return found


@pytest.mark.parametrize("name", [*ODD_ZONES, "Africa/Freetown", "America/Juneau", "Asia/Manila", "Europe/Lisbon"])
def test_no_change_of_a_stretch_is_missed_or_told_twice(name: str) -> None:
    """From and to instants minutes and days beside changes, where a question may come too early to see one."""
    place = ZoneInfo(name)
    known = every_change(place)
    draw = random.Random(name)
    beside = [utc(1931, 1, 1), *(change.instant for change in known), utc(2039, 1, 1)]
    for _ in range(300):
        start = draw.choice(beside) + timedelta(minutes=draw.randint(-7_000, 7_000), microseconds=draw.choice((0, 1)))
        end = start + timedelta(minutes=draw.choice((1, 100, 5_000, 50_000, 2_000_000)) * draw.random())
        expected = [change for change in known if start < change.instant <= end]
        assert list(changes_between(place, start, min(end, utc(2040, 1, 1)))) == expected
