"""Which dates match: the two day fields, the lengths of months, leap years, far dates."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hourbell.triggers import Cron
from triggers.brute_force import date_matches
from triggers.strategies import expressions, fixed, is_possible

DAY = timedelta(days=1)


def dates(expr: str, count: int, after: str = "2026-01-01") -> list[str]:
    trigger, at = Cron(expr), datetime.fromisoformat(after).replace(tzinfo=UTC) - timedelta(seconds=1)
    found: list[str] = []
    for _ in range(count):
        fire = trigger.next_after(at)
        assert fire is not None
        found.append(fire.date().isoformat())
        at = fire
    return found


@pytest.mark.parametrize(
    "expr,expected",
    [
        # Both day fields restricted: either is enough. 2026-02-13 and 2026-03-13 are Fridays.
        ("0 0 13 * fri", ["2026-01-02", "2026-01-09", "2026-01-13", "2026-01-16", "2026-01-23"]),
        # One begins with *: both must match.
        ("0 0 13 * *", ["2026-01-13", "2026-02-13", "2026-03-13"]),
        ("0 0 * * fri", ["2026-01-02", "2026-01-09"]),
        ("0 0 */13 * fri", ["2026-02-27", "2026-03-27", "2026-05-01", "2026-08-14", "2026-11-27"]),
        ("0 0 13 * */5", ["2026-02-13", "2026-03-13", "2026-09-13", "2026-11-13", "2026-12-13"]),
        ("0 0 *,13 * fri", ["2026-01-02", "2026-01-09", "2026-01-16"]),
        # Not begun with * although it names every day: the other one is not needed.
        ("0 0 1-31 * fri", ["2026-01-01", "2026-01-02", "2026-01-03"]),
        ("0 0 13 * 0-6", ["2026-01-01", "2026-01-02", "2026-01-03"]),
        ("0 0 31 * *", ["2026-01-31", "2026-03-31", "2026-05-31", "2026-07-31", "2026-08-31", "2026-10-31"]),
        ("0 0 30 * *", ["2026-01-30", "2026-03-30"]),
        ("0 0 29 2 *", ["2028-02-29", "2032-02-29"]),
        ("0 0 28 2 *", ["2026-02-28", "2027-02-28", "2028-02-28", "2029-02-28"]),
        ("0 0 * 2 7", ["2026-02-01", "2026-02-08", "2026-02-15", "2026-02-22", "2027-02-07"]),
        # With a + both must match, as it is written.
        ("0 0 13 * +fri", ["2026-02-13", "2026-03-13", "2026-11-13", "2027-08-13"]),
        ("0 0 1-7 * +mon", ["2026-01-05", "2026-02-02", "2026-03-02"]),
        ("0 0 * * +fri", ["2026-01-02", "2026-01-09"]),
        # ? is no restriction.
        ("0 0 ? * fri", ["2026-01-02", "2026-01-09", "2026-01-16"]),
        ("0 0 13 * ?", ["2026-01-13", "2026-02-13", "2026-03-13"]),
        ("0 0 ? * ?", ["2026-01-01", "2026-01-02"]),
        # The last day and those before it.
        ("0 0 L * *", ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"]),
        ("0 0 L 2 *", ["2026-02-28", "2027-02-28", "2028-02-29"]),
        ("0 0 l-2 * *", ["2026-01-29", "2026-02-26", "2026-03-29"]),
        ("0 0 L-29 * *", ["2026-01-02", "2026-03-02", "2026-04-01", "2026-05-02"]),
        ("0 0 L-30 * *", ["2026-01-01", "2026-03-01", "2026-05-01", "2026-07-01", "2026-08-01"]),
        ("0 0 1,L-1,L * *", ["2026-01-01", "2026-01-30", "2026-01-31", "2026-02-01", "2026-02-27"]),
        # The last working day: 31 January 2026 is a Saturday, 31 May a Sunday.
        ("0 0 LW * *", ["2026-01-30", "2026-02-27", "2026-03-31", "2026-04-30", "2026-05-29"]),
        # The nearest working day, never in another month: 1 February 2026 is a Sunday, 1 August a Saturday.
        ("0 0 1W * *", ["2026-01-01", "2026-02-02", "2026-03-02", "2026-04-01"]),
        ("0 0 1W 8 *", ["2026-08-03"]),
        ("0 0 15W * *", ["2026-01-15", "2026-02-16", "2026-03-16", "2026-04-15", "2026-05-15", "2026-06-15"]),
        ("0 0 15W 8 *", ["2026-08-14"]),
        ("0 0 31W * *", ["2026-01-30", "2026-03-31", "2026-05-29", "2026-07-31", "2026-08-31", "2026-10-30"]),
        ("0 0 30W 4 *", ["2026-04-30", "2027-04-30", "2028-04-28"]),
        ("0 0 29W 2 *", ["2028-02-29", "2032-02-27"]),
        ("0 0 1W,15W * *", ["2026-01-01", "2026-01-15", "2026-02-02", "2026-02-16"]),
        # The n-th and the last of a weekday.
        ("0 0 * * fri#2", ["2026-01-09", "2026-02-13", "2026-03-13"]),
        ("0 0 * * 5#5", ["2026-01-30", "2026-05-29", "2026-07-31"]),
        ("0 0 * * 0#1", ["2026-01-04", "2026-02-01", "2026-03-01"]),
        ("0 0 * * 7#1", ["2026-01-04", "2026-02-01", "2026-03-01"]),
        ("0 0 * * friL", ["2026-01-30", "2026-02-27", "2026-03-27"]),
        ("0 0 * * 7L", ["2026-01-25", "2026-02-22", "2026-03-29"]),
        ("0 0 * * mon#1,monL", ["2026-01-05", "2026-01-26", "2026-02-02", "2026-02-23"]),
        ("0 0 * 2 sun#5", ["2032-02-29", "2060-02-29"]),
        # The rules combine as numbers do: either day field is enough, unless one begins with * or +.
        ("0 0 L * fri#1", ["2026-01-02", "2026-01-31", "2026-02-06", "2026-02-28"]),
        ("0 0 L * +friL", ["2026-07-31", "2027-04-30"]),
        ("0 0 */2 * monL", ["2026-02-23", "2026-04-27", "2026-05-25"]),
        # Ranges that wrap.
        ("0 0 30-1 * *", ["2026-01-01", "2026-01-30", "2026-01-31", "2026-02-01", "2026-03-01"]),
        ("0 0 * * fri-mon", ["2026-01-02", "2026-01-03", "2026-01-04", "2026-01-05", "2026-01-09"]),
        ("@yearly", ["2026-01-01", "2027-01-01"]),
        ("@monthly", ["2026-01-01", "2026-02-01"]),
        ("@weekly", ["2026-01-04", "2026-01-11"]),
    ],
)
def test_dates(expr: str, expected: list[str]) -> None:
    assert dates(expr, len(expected)) == expected


def test_no_leap_day_in_1900_and_2100() -> None:
    assert dates("0 0 29 2 *", 2, after="1896-03-01") == ["1904-02-29", "1908-02-29"]
    assert dates("0 0 29 2 *", 1, after="2096-03-01") == ["2104-02-29"]
    assert dates("0 0 29 2 *", 1, after="1997-01-01") == ["2000-02-29"]


def test_the_29th_of_february_on_a_sunday_may_be_forty_years_away() -> None:
    # The day of the week begins with *, so both fields must match; */7 is Sunday.
    assert dates("0 0 29 2 */7", 3, after="1881-01-01") == ["1920-02-29", "1948-02-29", "1976-02-29"]


def test_there_are_fires_up_to_the_end_of_the_calendar_and_none_behind() -> None:
    trigger = Cron("0 0 1 1 *")
    assert trigger.next_after(datetime(9997, 6, 1, tzinfo=UTC)) == datetime(9998, 1, 1, tzinfo=UTC)
    assert trigger.next_after(datetime(9998, 6, 1, tzinfo=UTC)) is None
    assert trigger.next_after(datetime.max.replace(tzinfo=UTC)) is None
    assert trigger.prev_before(datetime.max.replace(tzinfo=UTC)) == datetime(9998, 1, 1, tzinfo=UTC)
    assert trigger.prev_before(datetime(2, 1, 1, tzinfo=UTC)) is None
    assert trigger.prev_before(datetime.min.replace(tzinfo=UTC)) is None
    assert trigger.next_after(datetime.min.replace(tzinfo=UTC)) == datetime(2, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Europe/Berlin"])
def test_the_ends_of_the_calendar_are_quiet_in_every_zone(zone: str) -> None:
    trigger = Cron("* * * * *", zone)
    for instant in (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)):
        found = [trigger.next_after(instant), trigger.prev_before(instant)]
        assert sum(fire is not None for fire in found) == 1
    assert trigger.count_between(datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)) == 10_000


@pytest.mark.slow
@fixed(150)
@given(expressions(likely_hours=(0, 12)), st.integers(1890, 2110), st.integers(0, 364))
def test_far_dates_day_by_day(expr: str, year: int, day: int) -> None:
    """The dates of fifty years, from a walk over every day of them."""
    start = datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=day)
    end = start + timedelta(days=50 * 366)
    _, _, days, months, weekdays = expr.lower().split()
    expected = []
    at = start
    while at < end and len(expected) < 200:
        if date_matches(days, months, weekdays, at):
            expected.append(at.date())
        at += DAY
    midnight = Cron(f"0 0 {days} {months} {weekdays}")
    found = []
    fire = midnight.next_after(start - timedelta(seconds=1))
    while fire is not None and fire < end and len(found) < 200:
        found.append(fire.date())
        fire = midnight.next_after(fire)
    assert found == expected
    assert midnight.count_between(start - DAY / 2, at - DAY / 2, cap=1_000) == len(expected)


@fixed(150)
@given(st.integers(1, 31), st.sets(st.integers(1, 12), min_size=1, max_size=3))
def test_refused_exactly_when_no_month_is_long_enough(day: int, months: set[int]) -> None:
    text = f"0 0 {day} {','.join(map(str, sorted(months)))} *"
    longest = max(calendar.monthrange(2028, month)[1] for month in months)
    if day <= longest:
        assert Cron(text).next_after(datetime(2026, 1, 1, tzinfo=UTC)) is not None
    else:
        with pytest.raises(ValueError, match="never comes"):
            Cron(text)


def all_days(years: range) -> list[datetime]:
    first = datetime(years[0], 1, 1, tzinfo=UTC)
    return [first + number * DAY for number in range((datetime(years[-1] + 1, 1, 1, tzinfo=UTC) - first).days)]


# Every month in every length and with every first weekday, leap days included.
TWENTY_EIGHT_YEARS = all_days(range(2001, 2029))


@fixed(60)
@given(
    st.one_of(
        st.integers(28, 31).map(str), st.integers(27, 30).map("L-{}".format), st.integers(28, 31).map("{}W".format)
    ),
    st.sampled_from(("2", "4", "2,4", "feb", "1", "*")),
    st.sampled_from(("*", "?", "+mon", "+sun#5", "+satL", "+mon#1", "fri")),
)
def test_refused_exactly_when_no_day_ever_matches(days: str, months: str, weekdays: str) -> None:
    comes = any(date_matches(days.lower(), months, weekdays.lower(), day) for day in TWENTY_EIGHT_YEARS)
    assert is_possible(f"0 0 {days} {months} {weekdays}") == comes
