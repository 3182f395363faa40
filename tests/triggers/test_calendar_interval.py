"""`CalendarEvery`: dates of the calendar, months without the day, changes of the clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hourbell import CalendarEvery, TriggerError
from hourbell.triggers import Trigger
from hourbell.triggers.date_grid import DateGrid
from triggers.brute_force import changes_of
from triggers.brute_force_calendar import DAY, list_calendar_fires, list_dates
from triggers.strategies import ODD_ZONES, fixed
from triggers.whole_lists import check_list, check_words

START = datetime(2026, 1, 1, tzinfo=UTC)


def days(trigger: Trigger, count: int, after: datetime = START) -> list[str]:
    found = []
    instant: datetime | None = after
    for _ in range(count):
        assert instant is not None
        instant = trigger.next_after(instant)
        found.append(instant.isoformat() if instant is not None else "-")
    return found


def test_a_month_without_the_day_is_passed_over() -> None:
    trigger = CalendarEvery(months=1, start_day="2026-01-31")
    assert [day[:10] for day in days(trigger, 5)] == [
        "2026-01-31", "2026-03-31", "2026-05-31", "2026-07-31", "2026-08-31",
    ]  # fmt: skip
    leap = CalendarEvery(years=1, start_day="2024-02-29", time="12:00")
    assert [day[:10] for day in days(leap, 3)] == ["2028-02-29", "2032-02-29", "2036-02-29"]
    assert leap.next_after(datetime(2096, 3, 1, tzinfo=UTC)) == datetime(2104, 2, 29, 12, tzinfo=UTC)
    assert leap.prev_before(datetime(2104, 1, 1, tzinfo=UTC)) == datetime(2096, 2, 29, 12, tzinfo=UTC)


def test_the_start_and_the_end_are_included() -> None:
    trigger = CalendarEvery(weeks=2, time="09:30", start_day=date(2026, 1, 5), end_day="2026-02-02")
    assert days(trigger, 4) == [
        "2026-01-05T09:30:00+00:00", "2026-01-19T09:30:00+00:00", "2026-02-02T09:30:00+00:00", "-",
    ]  # fmt: skip
    assert trigger.prev_before(datetime(2026, 1, 5, 9, 30, tzinfo=UTC)) is None
    assert trigger.prev_before(datetime(2030, 1, 1, tzinfo=UTC)) == datetime(2026, 2, 2, 9, 30, tzinfo=UTC)


def test_it_keeps_its_time_on_the_wall_clock() -> None:
    trigger = CalendarEvery(days=1, time="09:00", timezone="Europe/Berlin")
    assert days(trigger, 2, datetime(2026, 3, 28, tzinfo=UTC)) == [
        "2026-03-28T09:00:00+01:00", "2026-03-29T09:00:00+02:00",
    ]  # fmt: skip


def test_a_skipped_time_is_not_run_unless_asked_for_and_a_repeated_one_is_run_once() -> None:
    night = datetime(2026, 3, 28, 12, tzinfo=UTC)
    every = {"days": 1, "time": "02:30", "timezone": "Europe/Berlin"}
    assert days(CalendarEvery(**every), 1, night) == ["2026-03-30T02:30:00+02:00"]
    assert days(CalendarEvery(**every, gap="next_valid"), 1, night) == ["2026-03-29T03:00:00+02:00"]
    autumn = datetime(2026, 10, 24, 12, tzinfo=UTC)
    assert days(CalendarEvery(**every), 2, autumn) == ["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"]
    assert days(CalendarEvery(**every, fold="second"), 1, autumn) == ["2026-10-25T02:30:00+01:00"]
    assert days(CalendarEvery(**every, fold="both"), 2, autumn) == [
        "2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00",
    ]  # fmt: skip


def test_without_a_start_it_counts_from_the_day_on_which_it_is_stored() -> None:
    trigger = CalendarEvery(weeks=1, time="09:00").localized("Asia/Tokyo")
    with pytest.raises(TriggerError, match="no start yet"):
        trigger.next_after(START)
    stored = trigger.anchored(datetime(2026, 1, 4, 20, tzinfo=UTC))  # the 5th in Tokyo
    assert days(stored, 1, datetime(2026, 1, 4, 20, tzinfo=UTC)) == ["2026-01-05T09:00:00+09:00"]
    assert stored.anchored(START) is stored
    assert stored.declared_spec() == trigger.to_spec()
    assert Trigger.from_spec(stored.to_spec()) == stored
    daily = CalendarEvery(days=1)
    assert daily.anchored(START) is daily, "there is nothing to count from"


def test_an_anchor_after_the_end_leaves_nothing_to_fire() -> None:
    trigger = CalendarEvery(weeks=1, end_day="2020-01-01").anchored(START)
    assert trigger.next_after(START) is None
    assert trigger.prev_before(START) is None


@pytest.mark.parametrize(
    "given, words",
    [
        ({}, "at least a day"),
        ({"months": -1}, "months must be a whole number"),
        ({"months": 1.5}, "months must be a whole number"),
        ({"days": True}, "days must be a whole number"),
        ({"years": 101}, "longest is 100 years"),
        ({"days": 10**30}, "longest is 100 years"),
        ({"days": 1, "time": "25:00"}, "time: '25:00' is not a time of day"),
        ({"days": 1, "time": "9"}, "is not a time of day"),
        ({"days": 1, "time": time(9, tzinfo=UTC)}, "time of the wall clock"),
        ({"days": 1, "time": 9}, "time must be a time of day"),
        ({"days": 1, "start_day": "2026-02-30"}, "start_day: '2026-02-30' is not a day"),
        ({"days": 1, "start_day": datetime(2026, 1, 1, tzinfo=UTC)}, "start_day must be a date"),
        ({"days": 1, "start_day": "0001-01-01"}, "out of bounds"),
        ({"days": 1, "start_day": "2026-01-02", "end_day": "2026-01-01"}, "can never fire: its end_day"),
        (
            {
                "days": 1,
                "time": "02:30",
                "start_day": "2026-03-29",
                "end_day": "2026-03-29",
                "timezone": "Europe/Berlin",
            },
            "which the change of the clock skips",
        ),
        ({"days": 1, "timezone": "Nowhere"}, "timezone: 'Nowhere'"),
        ({"days": 1, "gap": "later"}, "gap must be one of"),
    ],
)
def test_refusals(given: dict[str, Any], words: str) -> None:
    with pytest.raises(TriggerError, match=words):
        CalendarEvery(**given)


@pytest.mark.parametrize(
    "trigger, words",
    [
        (CalendarEvery(days=1, time="09:00"), "every day at 09:00"),
        (
            CalendarEvery(weeks=2, start_day="2026-01-05", timezone="UTC"),
            "every 2 weeks at 00:00, counted from Monday 2026-01-05, UTC",
        ),
        (
            CalendarEvery(months=1, start_day="2026-01-31"),
            "every month on the 31st at 00:00, counted from Saturday 2026-01-31",
        ),
        (
            CalendarEvery(years=1, start_day="2026-05-01"),
            "every year on 1 May at 00:00, counted from Friday 2026-05-01",
        ),
        (CalendarEvery(years=1, months=6, days=3), "every 1 year, 6 months and 3 days at 00:00"),
        (
            CalendarEvery(days=10, end_day="2030-01-01", gap="skip"),
            "every 10 days at 00:00, until 2030-01-01; a time that the clock skips is left out",
        ),
    ],
)
def test_words(trigger: Trigger, words: str) -> None:
    assert trigger.explain() == words


grids = st.builds(
    DateGrid,
    st.dates(date(1960, 1, 1), date(2060, 12, 31)) | st.sampled_from((date(2024, 2, 29), date(2026, 1, 31))),
    st.integers(0, 30) | st.sampled_from((12, 48, 1200)),
    st.integers(0, 40) | st.sampled_from((7, 365)),
).filter(lambda grid: grid.months or grid.days)


@fixed(600)
@given(grids, st.integers(0, 5000), st.integers(0, 40_000))
def test_dates_are_those_of_adding_again_and_again(grid: DateGrid, length: int, offset: int) -> None:
    start = grid.first + timedelta(days=offset - 400)
    end = start + timedelta(days=length)
    expected = [day for day in list_dates(grid.first, grid.months, grid.days, end) if start <= day]
    found = []
    day = start
    while (step := grid.first_step(day)) is not None and (date_ := grid.at(step)) is not None and date_ <= end:
        found.append(date_)
        day = date_ + DAY
    assert found == expected
    assert grid.count(start, end + DAY) == len(expected)
    back = []
    day = end
    while (step := grid.last_step(day)) is not None and (date_ := grid.at(step)) is not None and date_ >= start:
        back.append(date_)
        day = date_ - DAY
    assert back[::-1] == expected


@st.composite
def windows(draw: st.DrawFn) -> tuple[str, datetime, time]:
    """A zone, an instant mostly near a change of its clock, and a time of day mostly inside of it."""
    name = draw(st.sampled_from(ODD_ZONES))
    changes = changes_of(ZoneInfo(name))
    if changes and draw(st.integers(0, 3)):
        change = draw(st.sampled_from(changes))
        local = (change + timedelta(hours=1)).astimezone(ZoneInfo(name))
        at = (datetime.combine(local, time(local.hour)) + draw(st.integers(-8, 8)) * timedelta(minutes=15)).time()
        return name, change, at
    return name, datetime.fromtimestamp(draw(st.integers(0, 2_000_000_000)), UTC), time(draw(st.integers(0, 23)), 30)


@pytest.mark.slow
@fixed(400)
@given(
    windows(),
    st.sampled_from(((0, 1), (0, 1), (0, 2), (0, 7), (1, 0), (2, 0), (12, 0), (1, 1))),
    st.integers(0, 40),
    st.none() | st.integers(0, 90),
    st.sampled_from((None, "skip", "next_valid")),
    st.sampled_from((None, "first", "second", "both")),
)
def test_fires_are_those_of_the_slow_way(
    window: tuple[str, datetime, time],
    period: tuple[int, int],
    before: int,
    length: int | None,
    gap: Any,
    fold: Any,
) -> None:
    name, middle, at = window
    zone = ZoneInfo(name)
    first = middle.astimezone(zone).date() - before * DAY
    last = None if length is None else first + length * DAY
    try:
        trigger = CalendarEvery(
            months=period[0], days=period[1], time=at, start_day=first, end_day=last, timezone=name, gap=gap, fold=fold
        )
    except TriggerError:
        trigger = None
    start, end = middle - timedelta(days=50), middle + timedelta(days=100)
    dates = list_dates(first, *period, min(last, end.date() + 3 * DAY) if last is not None else end.date() + 3 * DAY)
    expected = list_calendar_fires(dates, at, zone, gap or "skip", fold or "first", start, end)
    if trigger is None:
        assert expected == []
        return
    check_list(trigger, expected, start, end, near=[middle])
    check_words(trigger)
