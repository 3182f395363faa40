"""The keyword form, with APScheduler's names; and compared with APScheduler itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from apscheduler.triggers.cron import CronTrigger
from hypothesis import given
from hypothesis import strategies as st

from hourbell.errors import TriggerError
from hourbell.triggers import Cron
from triggers.strategies import fixed


@pytest.mark.parametrize(
    "fields,expr",
    [
        ({"hour": 9, "minute": 0, "day_of_week": "mon-fri"}, "0 9 * * mon-fri"),
        # What is less than the least one given is at its minimum, what is greater is *.
        ({"second": 30}, "30 * * * * *"),
        ({"minute": "*/5"}, "*/5 * * * *"),
        ({"hour": "9-17"}, "0 9-17 * * *"),
        ({"day_of_week": "sat"}, "0 0 * * sat"),
        ({"day": 15}, "0 0 15 * *"),
        ({"month": "jan"}, "0 0 1 jan *"),
        ({"month": 6, "hour": 5}, "0 5 * 6 *"),
        ({"hour": 9, "minute": 30, "second": 0}, "30 9 * * *"),
        ({"year": "*", "week": "*", "hour": 3}, "0 3 * * *"),
        # The week begins with Monday, which is 0.
        ({"day_of_week": 0}, "0 0 * * mon"),
        ({"day_of_week": 6}, "0 0 * * sun"),
        ({"day_of_week": "0-4"}, "0 0 * * mon-fri"),
        ({"day_of_week": "5,6"}, "0 0 * * sat,sun"),
        ({"day_of_week": "*/2"}, "0 0 * * mon-sun/2"),
        ({"day_of_week": "1/2"}, "0 0 * * tue-sun/2"),
        ({"day_of_week": "0-4/2"}, "0 0 * * mon-fri/2"),
        # Both days must match.
        ({"day": 13, "day_of_week": "fri"}, "0 0 13 * +fri"),
        ({"day": "*/2", "day_of_week": "fri"}, "0 0 */2 * fri"),
        ({"day": 13, "day_of_week": "*"}, "0 0 13 * *"),
        # Words of APScheduler's for days, and ours.
        ({"day": "last"}, "0 0 L * *"),
        ({"day": "last fri", "hour": 8}, "0 8 * * friL"),
        ({"day": "2nd tue,4th tue"}, "0 0 * * tue#2,tue#4"),
        ({"day": "1st mon,last"}, "0 0 L * mon#1"),
        ({"day": "15W"}, "0 0 15W * *"),
        ({"day_of_week": "4#2"}, "0 0 * * fri#2"),
        ({"minute": "H", "hour": "H(0-5)"}, "H H(0-5) * * *"),
        ({"day_of_week": "H(0-4)"}, "0 0 * * H(mon-fri)"),
    ],
)
def test_what_fields_mean(fields: dict[str, Any], expr: str) -> None:
    trigger = Cron(**fields, timezone="Europe/Berlin")
    assert trigger.expr == expr
    assert trigger == Cron(expr, "Europe/Berlin")


@pytest.mark.parametrize(
    "fields,words",
    [
        ({}, "Cron needs an expression such as"),
        ({"hour": 25}, "hour: 25 is out of range, 0 to 23"),
        ({"hour": 10**5000}, "hour: 1000000000 is out of range"),
        ({"hour": -1}, "hour: '-1' is not understood"),
        ({"hour": True}, r"Cron\(hour=…\) must be a number or text"),
        ({"hour": 9.5}, r"Cron\(hour=…\) must be a number or text"),
        ({"hour": ""}, "text of 1 to 128 characters"),
        ({"hour": "9" * 200}, "text of 1 to 128 characters"),
        ({"hour": "9 10"}, "it has no spaces"),
        ({"hour": "\N{ARABIC-INDIC DIGIT ONE}"}, "cannot stand here"),
        ({"day_of_week": 7}, "7 is out of range, 0 .Monday. to 6 .Sunday."),
        ({"day_of_week": "0-7"}, "7 is out of range"),
        ({"day_of_week": "fir"}, "did you mean FRI"),
        ({"day": "2dn fri"}, "did you mean '2nd fri'"),
        ({"day": "xyz fri"}, "write it as '2nd fri' or 'last fri'"),
        ({"day": "2nd fry"}, "did you mean FRI"),
        ({"day": "1 2 3"}, "not understood"),
        ({"day": "2nd fri", "day_of_week": "mon"}, "names weekdays already"),
        ({"day": 30, "month": 2}, "never comes"),
        ({"year": 2027}, r"knows no year; for a stretch of time there is \.between"),
        ({"week": "1-10"}, "knows no week; for every so many weeks there is CalendarEvery"),
    ],
)
def test_what_is_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(TriggerError, match=words):
        Cron(**fields)


def test_an_expression_and_fields_are_not_mixed() -> None:
    with pytest.raises(TriggerError, match="an expression or fields, not both"):
        Cron("0 9 * * *", hour=9)


numbers = st.integers(0, 23)
hours = st.one_of(numbers, numbers.map("*/{}".format).filter(lambda text: text != "*/0"), st.just("9-17"), st.just("*"))
minutes = st.one_of(st.integers(0, 59), st.sampled_from(("*/15", "5-10", "*", "1,31", "10-40/7")))
days = st.one_of(st.integers(1, 28), st.sampled_from(("*/2", "1-7", "last", "*", "last fri", "3rd wed", "1st mon,15")))
months = st.one_of(st.integers(1, 12), st.sampled_from(("*/3", "jan-mar", "*")))
weekdays = st.one_of(st.integers(0, 6), st.sampled_from(("mon-fri", "0-4", "*/2", "sat,sun", "1-5/2", "*")))


@fixed(300)
@given(
    st.fixed_dictionaries(
        {}, optional={"hour": hours, "minute": minutes, "month": months, "day": days, "second": st.integers(0, 59)}
    ),
    st.none() | weekdays,
    st.integers(0, 20_000),
)
def test_it_means_what_apscheduler_means(fields: dict[str, Any], weekday: Any, day: int) -> None:
    """In UTC, where neither clock changes; the next five fires from a random instant."""
    if weekday is not None and not any(word in str(fields.get("day", "")) for word in ("fri", "wed", "mon")):
        fields = {**fields, "day_of_week": weekday}
    if not fields:
        return
    ours, theirs = Cron(**fields), CronTrigger(**fields, timezone=UTC)
    at = datetime(2001, 1, 1, tzinfo=UTC) + timedelta(days=day, seconds=day)
    for _ in range(5):
        expected = theirs.get_next_fire_time(None, at + timedelta(microseconds=1))
        assert ours.next_after(at) == expected
        at = expected
