"""Changes of offset are found by asking; this checks what the questions rely on, on the zone data installed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from hourbell.triggers.offsets import PROBE, change_around, changes_between
from hourbell.triggers.zones import zone, zone_names

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
