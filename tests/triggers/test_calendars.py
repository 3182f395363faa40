"""`Calendar`: which instants it covers, judged by looking at the wall clock of each."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hourbell import Calendar, TriggerError
from triggers.brute_force import changes_of
from triggers.brute_force_calendar import first_of
from triggers.strategies import ODD_ZONES, fixed

NOON = datetime(2030, 12, 25, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def test_days_weekdays_and_ranges() -> None:
    calendar = Calendar(days=["2030-12-25"], weekdays=["Sat", "sunday"], ranges=[("2030-12-30", date(2031, 1, 1))])
    covered = [day for day in range(1, 32) if calendar.covers(datetime(2030, 12, day, 12, tzinfo=UTC))]
    assert covered == [1, 7, 8, 14, 15, 21, 22, 25, 28, 29, 30, 31]
    assert calendar.covers(datetime(2031, 1, 1, 23, 59, 59, tzinfo=UTC)), "a range of days includes its last"
    assert not calendar.covers(datetime(2031, 1, 2, tzinfo=UTC))
    assert calendar.weekdays == ("sat", "sun")


def test_days_are_those_of_its_zone() -> None:
    calendar = Calendar(days=["2030-12-25"], timezone="Asia/Tokyo")
    assert calendar.covers(datetime(2030, 12, 24, 15, tzinfo=UTC))
    assert not calendar.covers(datetime(2030, 12, 25, 15, tzinfo=UTC))
    assert Calendar(days=["2030-12-25"]).localized("Asia/Tokyo") == calendar
    assert calendar.localized("UTC") is calendar


def test_ranges_of_instants_end_before_their_end() -> None:
    fixed_range = Calendar(ranges=[("2030-12-25T11:00:00Z", NOON)])
    assert [fixed_range.covers(NOON + minute * timedelta(minutes=30)) for minute in (-3, -2, -1, 0)] == [
        False, True, True, False,
    ]  # fmt: skip
    wall = Calendar(ranges=[("2030-12-25T21:00:00", "2030-12-25T22:00:00")], timezone="Asia/Tokyo")
    assert wall.covers(NOON)
    assert wall.to_spec()["ranges"] == [["2030-12-25T21:00:00", "2030-12-25T22:00:00"]]


def test_days_in_a_row_are_one_window() -> None:
    calendar = Calendar(days=["2030-12-24", "2030-12-26", "2030-12-25"], weekdays=["sat", "sun"])
    window = calendar.cover.around(datetime(2030, 12, 25, 12, tzinfo=UTC))
    assert window is not None
    assert (window.start, window.end) == (datetime(2030, 12, 24, tzinfo=UTC), datetime(2030, 12, 27, tzinfo=UTC))
    weekend = calendar.cover.around(datetime(2030, 12, 28, 12, tzinfo=UTC))
    assert weekend is not None
    assert (weekend.start, weekend.end) == (datetime(2030, 12, 28, tzinfo=UTC), datetime(2030, 12, 30, tzinfo=UTC))


def test_a_calendar_of_nothing_covers_nothing() -> None:
    assert not Calendar().covers(NOON)
    assert Calendar().explain() == "nothing"
    assert Calendar().cover.following(NOON) is None


@pytest.mark.parametrize(
    "calendar, words",
    [
        (Calendar(weekdays=["sun", "sat"]), "Saturday and Sunday"),
        (Calendar(days=["2030-12-25", "2030-12-24"], timezone="UTC"), "2030-12-24 and 2030-12-25, UTC"),
        (Calendar(days=[f"2030-12-{day}" for day in range(10, 20)], weekdays=["mon"]), "Monday and 10 days"),
        (Calendar(ranges=[("2030-12-24", "2031-01-01")]), "2030-12-24 to 2031-01-01"),
    ],
)
def test_words(calendar: Calendar, words: str) -> None:
    assert calendar.explain() == words


@pytest.mark.parametrize(
    "given, words",
    [
        ({"days": "2030-12-25"}, "days must be a list"),
        ({"days": [5]}, "days must be a date"),
        ({"days": ["2030-13-01"]}, "is not a day"),
        ({"days": (f"{year}-01-01" for year in range(1000, 9000))}, "the most are 5000"),
        ({"weekdays": ["someday"]}, "'someday' is no day of the week"),
        ({"weekdays": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]}, "all seven"),
        ({"weekdays": [None]}, "no day of the week"),
        ({"ranges": ["2030-12-25"]}, "must be a pair"),
        ({"ranges": [("2030-12-25", "2030-12-24")]}, "ends before it begins"),
        ({"ranges": [(NOON, NOON)]}, "ends before it begins"),
        ({"ranges": [("2030-12-24", NOON)]}, "two days or two instants"),
        ({"ranges": [("2030-12-24T00:00:00", NOON)]}, "only one has an offset"),
        ({"ranges": [("soon", "later")]}, "'soon' is not an instant"),
        ({"timezone": "Nowhere"}, "timezone: 'Nowhere'"),
    ],
)
def test_refusals(given: dict[str, Any], words: str) -> None:
    with pytest.raises(TriggerError, match=words):
        Calendar(**given)


@pytest.mark.parametrize(
    "spec, words",
    [
        (None, "must be an object"),
        ({"day": []}, "unknown field 'day'"),
        ({"days": "2030-12-25"}, "'days' must be a list"),
        ({"days": {"a": 1}}, "'days' must be a list"),
        ({"ranges": ["ab"]}, "list of two texts"),
        ({"ranges": [["2030-12-24"]]}, "must be a pair"),
        ({"timezone": 5}, "timezone must be a zone's name"),
    ],
)
def test_refused_specs(spec: Any, words: str) -> None:
    with pytest.raises(TriggerError, match=words):
        Calendar.from_spec(spec)


@st.composite
def calendars(draw: st.DrawFn) -> tuple[Calendar, datetime]:
    """A calendar with days and hours near an instant, mostly one at which the clock of its zone changes."""
    name = draw(st.sampled_from(ODD_ZONES))
    changes = changes_of(ZoneInfo(name))
    middle = draw(st.sampled_from(changes)) if changes else NOON
    around = middle.astimezone(ZoneInfo(name)).date()
    days = [around + shift * DAY for shift in draw(st.lists(st.integers(-4, 4), max_size=4))]
    ranges = []
    for _ in range(draw(st.integers(0, 2))):
        first, last = sorted((draw(st.integers(-96, 96)), draw(st.integers(-96, 96))))
        if first < last:
            begin = datetime.combine(around, time()) + timedelta(hours=1)
            ranges.append((begin + first * timedelta(minutes=30), begin + last * timedelta(minutes=30)))
    weekdays = draw(st.sets(st.sampled_from(("mon", "tue", "wed", "thu", "fri", "sat", "sun")), max_size=6))
    return Calendar(days=days, ranges=ranges, weekdays=weekdays, timezone=name), middle


def is_covered(calendar: Calendar, zone: ZoneInfo, instant: datetime) -> bool:
    """Each day from its first moment to that of the next, each range likewise."""
    local = instant.astimezone(zone).date()
    names = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    for day in (local - DAY, local, local + DAY):
        if day in calendar.days or names[day.weekday()] in calendar.weekdays:
            begin, end = (first_of(zone, datetime.combine(one, time())) for one in (day, day + DAY))
            if begin <= instant < end:
                return True
    return any(
        first_of(zone, first) <= instant < first_of(zone, last)
        for first, last in calendar.ranges
        if isinstance(first, datetime) and isinstance(last, datetime)
    )


@pytest.mark.slow
@fixed(60)
@given(calendars())
def test_cover_is_what_the_wall_clock_says(given: tuple[Calendar, datetime]) -> None:
    calendar, middle = given
    zone = ZoneInfo(str(calendar.timezone))
    assert Calendar.from_spec(json.loads(json.dumps(calendar.to_spec()))) == calendar
    assert hash(Calendar.from_spec(calendar.to_spec())) == hash(calendar)
    assert calendar.explain()
    cover = calendar.cover
    instants = [middle + step * timedelta(minutes=90) for step in range(-30, 31)]
    covered = [cover.covers(instant) for instant in instants]
    assert covered == [is_covered(calendar, zone, instant) for instant in instants]
    for instant, inside in zip(instants, covered, strict=True):
        window = cover.around(instant)
        assert (window is not None) == inside
        if window is not None:
            assert window.start <= instant < window.end
            assert all(cover.covers(other) for other in instants if window.start <= other < window.end)
        following = cover.following(instant)
        end = window.end if window is not None else instant
        if following is not None:
            assert following > instant
        for other in instants:
            if end <= other and (following is None or other < following) and window is None:
                assert not cover.covers(other), "nothing is covered before the next window starts"
