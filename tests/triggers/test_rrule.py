"""`RRule`: rules of RFC 5545, against another implementation, against the standard's text, and over changed clocks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import assume, given
from hypothesis import strategies as st

from hourbell import RRule, TriggerError
from hourbell.triggers import Trigger
from hourbell.triggers.rrule_compile import compiled
from hourbell.triggers.rrule_parts import WEEKDAYS, read_rule
from hourbell.triggers.rrule_times import RuleTimes
from triggers.brute_force import changes_of, fires_of
from triggers.brute_force_rrule import named_by
from triggers.strategies import ODD_ZONES, fixed
from triggers.whole_lists import check_list, check_words

NEW_YORK = "America/New_York"
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


def days(rule: str, start: str, count: int = 6) -> list[str]:
    trigger = RRule(rule, start=start, timezone=NEW_YORK)
    fires = trigger.fires_between(datetime(1990, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC), count)
    return [fire.isoformat()[:16].replace("T09:00", "") for fire in fires]


@pytest.mark.parametrize(
    "rule, expected",
    [
        ("FREQ=DAILY;COUNT=3", "1997-09-02 1997-09-03 1997-09-04"),
        ("FREQ=DAILY;INTERVAL=10;COUNT=5", "1997-09-02 1997-09-12 1997-09-22 1997-10-02 1997-10-12"),
        ("FREQ=DAILY;UNTIL=19970904T130000Z", "1997-09-02 1997-09-03 1997-09-04"),
        ("FREQ=DAILY;UNTIL=19970904T125959Z", "1997-09-02 1997-09-03"),
        ("FREQ=WEEKLY;INTERVAL=2;WKST=SU;COUNT=3", "1997-09-02 1997-09-16 1997-09-30"),
        ("FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO", "1997-09-02 1997-09-07 1997-09-16 1997-09-21"),
        ("FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU", "1997-09-02 1997-09-14 1997-09-16 1997-09-28"),
        ("FREQ=MONTHLY;COUNT=4;BYDAY=1FR", "1997-09-05 1997-10-03 1997-11-07 1997-12-05"),
        ("FREQ=MONTHLY;COUNT=3;BYDAY=-2MO", "1997-09-22 1997-10-20 1997-11-17"),
        ("FREQ=MONTHLY;BYMONTHDAY=-3;COUNT=3", "1997-09-28 1997-10-29 1997-11-28"),
        ("FREQ=MONTHLY;COUNT=4;BYMONTHDAY=1,-1", "1997-09-30 1997-10-01 1997-10-31 1997-11-01"),
        ("FREQ=YEARLY;INTERVAL=3;COUNT=4;BYYEARDAY=1,100,200", "2000-01-01 2000-04-09 2000-07-18 2003-01-01"),
        ("FREQ=YEARLY;BYDAY=20MO;COUNT=3", "1998-05-18 1999-05-17 2000-05-15"),
        ("FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO;COUNT=3", "1998-05-11 1999-05-17 2000-05-15"),
        ("FREQ=YEARLY;BYMONTH=3;BYDAY=TH;COUNT=3", "1998-03-05 1998-03-12 1998-03-19"),
        ("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13;COUNT=3", "1998-02-13 1998-03-13 1998-11-13"),
        ("FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3", "1997-09-04 1997-10-07 1997-11-06"),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2;COUNT=3", "1997-09-29 1997-10-30 1997-11-27"),
        ("RRULE:FREQ=HOURLY;INTERVAL=3;UNTIL=19970902T210000Z", "1997-09-02 1997-09-02T12:00 1997-09-02T15:00"),
        ("FREQ=MINUTELY;INTERVAL=90;COUNT=3", "1997-09-02 1997-09-02T10:30 1997-09-02T12:00"),
        ("FREQ=DAILY;BYHOUR=8,17;BYMINUTE=0,30;BYSETPOS=1,-1;COUNT=2", "1997-09-02T17:30 1997-09-03T08:00"),
        ("FREQ=WEEKLY;BYDAY=MO,WE,FR;BYSETPOS=-1;COUNT=2", "1997-09-05 1997-09-12"),
    ],
)
def test_examples_in_the_manner_of_the_standard(rule: str, expected: str) -> None:
    assert days(rule, "1997-09-02T09:00:00") == expected.split()


def test_what_is_not_said_comes_from_the_start() -> None:
    assert days("FREQ=YEARLY", "1997-09-02T09:00:00", 2) == ["1997-09-02", "1998-09-02"]
    assert days("FREQ=MONTHLY", "1997-01-31T09:00:00", 3) == ["1997-01-31", "1997-03-31", "1997-05-31"]
    assert days("FREQ=WEEKLY", "1997-09-02", 1) == ["1997-09-02T00:00"]
    aware = RRule("FREQ=DAILY", start="1997-09-02T13:00:00Z", timezone=NEW_YORK)
    assert aware.next_after(datetime(1997, 9, 2, tzinfo=UTC)) == datetime(1997, 9, 2, 13, tzinfo=UTC)
    assert days("FREQ=YEARLY;BYWEEKNO=20", "1997-09-02T09:00:00", 1) == ["1998-05-12"], "a Tuesday, as the start is"


def test_without_a_start_the_day_on_which_it_is_stored_stands_for_it() -> None:
    new_year = datetime(2030, 1, 1, 20, tzinfo=UTC)
    free = RRule("FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=9", timezone="UTC")
    assert free.next_after(new_year) == datetime(2030, 1, 25, 9, tzinfo=UTC)
    assert free.anchored(new_year) is free
    counted = RRule("FREQ=WEEKLY;INTERVAL=2;BYHOUR=9")
    with pytest.raises(TriggerError, match="no start yet"):
        counted.next_after(new_year)
    stored = counted.localized("Asia/Tokyo").anchored(new_year)
    fires = stored.fires_between(new_year, datetime(2030, 2, 1, tzinfo=UTC))
    assert [fire.isoformat()[:13] for fire in fires] == ["2030-01-02T09", "2030-01-16T09", "2030-01-30T09"]
    assert stored.declared_spec() == counted.localized("Asia/Tokyo").to_spec()
    check_words(stored)


@pytest.mark.parametrize(
    "rule, words",
    [
        ("FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=9", "every month on the last Friday at 09:00"),
        ("FREQ=WEEKLY;BYDAY=MO,WE;BYHOUR=9,17;BYMINUTE=30", "every week on Monday and Wednesday at 09:30 and 17:30"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=-1", "every year on the last day of the month in February at 00:00"),
        ("FREQ=HOURLY;BYMINUTE=0,30", "every hour in minute 0 and 30"),
        (
            "FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=-2",
            "every month on Monday and Tuesday at 00:00 (of these only the 2nd last)",
        ),
        ("FREQ=DAILY;BYHOUR=9;UNTIL=20301231", "every day at 09:00, until 2030-12-31"),
    ],
)
def test_words(rule: str, words: str) -> None:
    assert RRule(rule).explain() == words


@pytest.mark.parametrize(
    "rule, words",
    [
        ("", "'' is no part of a rule"),
        (5, "takes text"),
        ("FREQ=DAILY;" + "BYHOUR=9;" * 100, "the most are 512"),
        ("INTERVAL=2", "FREQ must be one of"),
        ("FREQ=FORTNIGHTLY", "FREQ must be one of SECONDLY, .* not 'FORTNIGHTLY'"),
        ("FREQ=DAILY;BYHUOR=9", "'BYHUOR' is no part of a rule; did you mean BYHOUR"),
        ("FREQ=DAILY;FREQ=DAILY", "given twice"),
        ("FREQ=DAILY;BYHOUR", "BYHOUR has no value"),
        ("FREQ=DAILY;BYHOUR=24", "BYHOUR: '24' must be a number, 0 to 23"),
        ("FREQ=DAILY;BYMONTHDAY=0", "1 to 31 or -31 to -1"),
        ("FREQ=MONTHLY;BYDAY=XX", "'XX' must be a day such as MO"),
        ("FREQ=MONTHLY;BYDAY=0MO", "'0MO' must be a day"),
        ("FREQ=WEEKLY;BYDAY=1MO", "BYDAY with a number"),
        ("FREQ=DAILY;INTERVAL=0", "whole number from 1"),
        ("FREQ=DAILY;INTERVAL=99999999999", "whole number from 1"),
        ("FREQ=DAILY;COUNT=5", "COUNT needs a start"),
        ("FREQ=DAILY;COUNT=5;UNTIL=20301231", "exclude each other"),
        ("FREQ=DAILY;UNTIL=20301331", "must be a date such as"),
        ("FREQ=DAILY;UNTIL=soon", "must be a date such as"),
        ("FREQ=DAILY;WKST=XX", "WKST='XX'"),
        ("FREQ=MONTHLY;BYWEEKNO=20", "BYWEEKNO is for FREQ=YEARLY only"),
        ("FREQ=MONTHLY;BYYEARDAY=20", "BYYEARDAY is not for FREQ=MONTHLY"),
        ("FREQ=WEEKLY;BYMONTHDAY=20", "BYMONTHDAY is not for FREQ=WEEKLY"),
        ("FREQ=HOURLY;INTERVAL=5", r"does not divide the day evenly; .* Every\(hours=5\)"),
        ("FREQ=HOURLY;BYSETPOS=1;BYMINUTE=1,2", "BYSETPOS with FREQ=HOURLY is not supported"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "can never fire"),
        ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=10", "can never fire"),
        ("FREQ=YEARLY;BYMONTH=1;BYWEEKNO=40;BYDAY=MO", "can never fire"),
    ],
)
def test_refusals(rule: Any, words: str) -> None:
    with pytest.raises(TriggerError, match=words):
        RRule(rule)


def test_what_the_start_or_the_end_leaves_nothing_of_is_refused() -> None:
    for rule, start in (("FREQ=DAILY;UNTIL=20291231", "2030-01-01"), ("FREQ=DAILY;INTERVAL=7;BYDAY=TU", "2030-01-07")):
        with pytest.raises(TriggerError, match="can never fire"):
            RRule(rule, start=start)


NUMBERS = {
    "BYMONTH": st.integers(1, 12),
    "BYMONTHDAY": st.integers(1, 31) | st.integers(-31, -1),
    "BYYEARDAY": st.integers(1, 366) | st.integers(-366, -1),
    "BYWEEKNO": st.sampled_from((1, 2, 20, 52, 53, -1, -2, -53)),
    "BYHOUR": st.integers(0, 23),
    "BYMINUTE": st.integers(0, 59),
    "BYSECOND": st.integers(0, 59),
}
ALLOWED = {
    "YEARLY": ("BYMONTH", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO"),
    "MONTHLY": ("BYMONTH", "BYMONTHDAY"),
    "WEEKLY": ("BYMONTH",),
    "DAILY": ("BYMONTH", "BYMONTHDAY"),
    "HOURLY": ("BYMONTH", "BYMONTHDAY", "BYYEARDAY"),
    "MINUTELY": ("BYMONTH", "BYMONTHDAY"),
}
INTERVALS = {"HOURLY": (1, 1, 2, 6, 12, 24), "MINUTELY": (1, 15, 90, 480)}
SPANS = {"YEARLY": 6 * 366, "MONTHLY": 1000, "WEEKLY": 500, "DAILY": 500, "HOURLY": 200, "MINUTELY": 20}


@st.composite
def rules(draw: st.DrawFn) -> str:
    def listed(name: str, values: st.SearchStrategy[Any], most: int) -> str:
        drawn = draw(st.lists(values, min_size=1, max_size=most, unique=True))
        return f"{name}={','.join(map(str, drawn))}"

    frequency = draw(st.sampled_from(tuple(ALLOWED)))
    interval = draw(st.sampled_from(INTERVALS.get(frequency, (1, 1, 2, 3, 5, 7, 13))))
    parts = [f"FREQ={frequency}", f"INTERVAL={interval}"]
    names = draw(st.sets(st.sampled_from(ALLOWED[frequency]), max_size=2))
    parts += [listed(name, NUMBERS[name], 4) for name in sorted(names)]
    if "BYWEEKNO" in names or draw(st.booleans()):
        numbered = frequency in ("MONTHLY", "YEARLY") and "BYWEEKNO" not in names and draw(st.booleans())
        number = st.sampled_from((1, 2, 3, 4, 5, -1, -2, -5) if numbered else ("",))
        parts.append(listed("BYDAY", st.builds("{}{}".format, number, st.sampled_from(WEEKDAYS)), 3))
    has_days = len(parts) > 2
    clocks = draw(st.sets(st.sampled_from(("BYHOUR", "BYMINUTE", "BYSECOND")), max_size=2))
    parts += [listed(name, NUMBERS[name], 3) for name in sorted(clocks)]
    if frequency in ("YEARLY", "MONTHLY", "DAILY") and has_days and draw(st.integers(0, 2)) == 0:
        parts.append(listed("BYSETPOS", st.sampled_from((1, 2, 3, 5, -1, -2, -3)), 2))
    parts.append(f"WKST={draw(st.sampled_from(WEEKDAYS))}")
    return ";".join(parts)


starts = st.builds(
    lambda day, second: datetime.combine(day, datetime.min.time()) + second * SECOND,
    st.dates(date(1995, 1, 1), date(2005, 12, 31)),
    st.sampled_from((0, 32_400, 9_015, 86_399)),
)


def theirs(rule: str, start: datetime, until: datetime, most: int = 300) -> list[datetime]:
    found: list[datetime] = []
    # One year more: a rule that names nothing would be walked by them to the end of the calendar.
    end = (until + 366 * DAY).strftime("%Y%m%dT%H%M%S")
    try:
        named = rrulestr(f"{rule};UNTIL={end}", dtstart=start)
    except ValueError:  # it refuses hours and minutes that an interval never meets
        return []
    for moment in named:
        if moment > until or len(found) == most:
            break
        found.append(moment)
    return found


def ours(times: RuleTimes, start: datetime, until: datetime, most: int = 300) -> list[datetime]:
    found: list[datetime] = []
    at: datetime | None = start - SECOND
    while at is not None and len(found) < most and (at := times.after(at)) is not None and at <= until:
        found.append(at)
    return found


@pytest.mark.slow
@fixed(60)
@given(rules(), starts)
def test_local_times_are_those_of_another_implementation(rule: str, start: datetime) -> None:
    times = compiled(rule, start)
    until = start + SPANS[read_rule(rule).frequency] * DAY
    expected = theirs(rule, start, until)
    if len(expected) == 300:
        until = expected[-1]
    assert ours(times, start, until) == expected
    assert times.count(start - DAY, until + SECOND, 10_000) == len(expected)
    back: list[datetime] = []
    at: datetime | None = until + SECOND
    while at is not None and (at := times.before(at)) is not None:
        back.append(at)
    assert back[::-1] == expected
    for number in {1, len(expected) // 2, len(expected)} - {0}:
        if number <= len(expected):
            assert times.nth(number) == expected[number - 1]
            assert compiled(f"{rule};COUNT={number}", start).last == expected[number - 1]


@pytest.mark.slow
@fixed(60)
@given(rules().filter(lambda rule: "BYSETPOS" not in rule), starts)
def test_local_times_are_those_that_the_standard_names(rule: str, start: datetime) -> None:
    times = compiled(rule, start)
    until = start + min(SPANS[read_rule(rule).frequency], 500) * DAY
    found = ours(times, start, until, 40)
    # Every day is tried at the times of day that the rule has: named or not, both must agree.
    clocks = {moment.time() for moment in found} or {start.time()}
    last = found[-1] if len(found) == 40 else until
    tried = [
        datetime.combine(start.date() + n * DAY, clock) for n in range((last - start).days + 2) for clock in clocks
    ]
    named = [moment for moment in tried if start <= moment <= last and named_by(rule, start, moment)]
    assert sorted(named) == found


@fixed(80)
@given(
    st.sampled_from(ODD_ZONES),
    rules(),
    st.sampled_from((None, "skip", "next_valid")),
    st.sampled_from((None, "first", "second", "both")),
    st.data(),
)
def test_over_changes_of_the_clock(name: str, rule: str, gap: Any, fold: Any, data: st.DataObject) -> None:
    zone = ZoneInfo(name)
    changes = changes_of(zone)
    assume(changes)
    change = data.draw(st.sampled_from(changes))
    local = change.astimezone(zone).replace(tzinfo=None)
    start = (local - data.draw(st.integers(0, 3)) * DAY).replace(minute=30, second=0)
    try:
        trigger = RRule(rule, start=start, timezone=name, gap=gap, fold=fold)
    except TriggerError:
        return
    follows = read_rule(rule).level < 3
    policy = gap or ("skip" if follows else "next_valid"), fold or ("both" if follows else "first")
    begin, end = change - 2 * DAY, change + 2 * DAY
    named = theirs(rule, start, local + 4 * DAY, 20_000)
    expected = {fire for moment in named for fire in fires_of(moment, zone, *policy)}
    check_list(trigger, sorted(fire for fire in expected if begin < fire <= end), begin, end, near=[change])
    check_words(trigger)


def test_the_work_is_bounded_whatever_the_number() -> None:
    """A million times are counted by the year, and dense ones are not walked."""
    far = RRule("FREQ=DAILY;BYHOUR=0,1,2,3;COUNT=1000000", start="2030-01-01")
    last = far.prev_before(datetime(9000, 1, 1, tzinfo=UTC))
    assert last == datetime(2030, 1, 1, 3, tzinfo=UTC) + 249_999 * DAY
    dense = RRule("FREQ=SECONDLY", start="2030-01-01")
    assert dense.count_between(datetime(2030, 1, 1, tzinfo=UTC), datetime(3030, 1, 1, tzinfo=UTC)) == 10_000
    assert dense.next_after(datetime(9000, 1, 1, tzinfo=UTC)) == datetime(9000, 1, 1, 0, 0, 1, tzinfo=UTC)


def test_it_is_read_from_its_spec() -> None:
    assert Trigger.from_spec({"kind": "rrule", "rule": "RRULE:freq=daily; byhour=9"}) == RRule("FREQ=DAILY;BYHOUR=9")
    for spec in ({"rule": 5}, {"rule": "FREQ=DAILY", "start": "soon"}, {"rule": "FREQ=DAILY", "freq": 1}):
        with pytest.raises(TriggerError):
            Trigger.from_spec({"kind": "rrule", **spec})
