"""Calendars from iCalendar text: days, times, zones, lengths, and events that recur."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from hourbell import Calendar, Cron, TriggerError

HOUR = timedelta(hours=1)


def ics(*events: str) -> str:
    body = "".join(f"BEGIN:VEVENT\r\nSUMMARY:day off\r\n{event}\r\nEND:VEVENT\r\n" for event in events)
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{body}END:VCALENDAR\r\n"


def covered(calendar: Calendar, month: int, hour: int = 12, year: int = 2030) -> list[int]:
    instants = [datetime(year, month, day, hour, tzinfo=UTC) for day in range(1, 29)]
    return [instant.day for instant in instants if calendar.covers(instant)]


@pytest.mark.parametrize(
    "event, days",
    [
        ("DTSTART;VALUE=DATE:20300610", [10]),
        ("DTSTART;VALUE=DATE:20300610\r\nDTEND;VALUE=DATE:20300612", [10, 11]),
        ("DTSTART;VALUE=DATE:20300610\r\nDURATION:P3D", [10, 11, 12]),
        ("DTSTART:20300610T120000Z\r\nDTEND:20300610T120001Z", [10]),
        ("DTSTART:20300610T110000Z\r\nDTEND:20300610T120000Z", []),
        ("DTSTART:20300610T000000Z\r\nDURATION:P1DT13H", [10, 11]),
        ("DTSTART;TZID=Asia/Tokyo:20300610T210000\r\nDTEND;TZID=Asia/Tokyo:20300610T220000", [10]),
        ("DTSTART;VALUE=DATE:20300603\r\nRRULE:FREQ=WEEKLY;BYDAY=MO", [3, 10, 17, 24]),
        ("DTSTART:20300603T110000Z\r\nDURATION:PT2H\r\nRRULE:FREQ=WEEKLY;COUNT=2", [3, 10]),
        ("DTSTART;VALUE=DATE:20250610\r\nRRULE:FREQ=YEARLY", [10]),
        ("STATUS:CANCELLED\r\nDTSTART;VALUE=DATE:20300610", []),
        ("DTSTART:20300610T120000Z", []),
        ("DTSTART;VALUE=DATE:203\r\n 00610\r\nBEGIN:VALARM\r\nDURATION:P9D\r\nEND:VALARM", [10]),
    ],
)
def test_an_event_covers_its_time(event: str, days: list[int]) -> None:
    calendar = Calendar.from_ics(ics(event), timezone="UTC")
    assert covered(calendar, 6) == days
    assert Calendar.from_spec(json.loads(json.dumps(calendar.to_spec()))) == calendar
    assert hash(Calendar.from_spec(calendar.to_spec())) == hash(calendar)
    assert calendar.explain()


def test_days_and_floating_times_are_of_the_calendars_zone() -> None:
    text = ics("DTSTART;VALUE=DATE:20300610\r\nRRULE:FREQ=YEARLY", "DTSTART:20300620T210000\r\nDURATION:PT1H")
    tokyo = Calendar.from_ics(text, "Asia/Tokyo")
    assert tokyo == Calendar.from_ics(text).localized("Asia/Tokyo")
    assert covered(tokyo, 6, hour=12) == [10, 20]
    assert covered(tokyo, 6, hour=16) == [9], "the tenth has begun in Tokyo"
    assert covered(tokyo, 6, hour=14, year=2031) == [10]


def test_it_takes_fires_away() -> None:
    calendar = Calendar.from_ics(ics("DTSTART;VALUE=DATE:20300101\r\nRRULE:FREQ=MONTHLY;BYDAY=1MO"))
    trigger = Cron("0 9 * * mon").except_(calendar)
    fires = trigger.fires_between(datetime(2030, 1, 1, tzinfo=UTC), datetime(2030, 2, 28, tzinfo=UTC))
    assert [(fire.month, fire.day) for fire in fires] == [(1, 14), (1, 21), (1, 28), (2, 11), (2, 18), (2, 25)]
    assert trigger.count_between(datetime(2030, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)) == 52 - 12


@pytest.mark.parametrize(
    "text, words",
    [
        ("", "no iCalendar text"),
        (5, "takes text"),
        ("x" * 1_000_001, "the most are 1000000"),
        (ics("DTEND;VALUE=DATE:20300610"), r"event 1 \('day off'\): it has no DTSTART"),
        (ics("DTSTART:20300610", "DTSTART:soon"), "event 2 .*'soon' is neither a date nor a time"),
        (ics("DTSTART:20301310"), "event 1"),
        (ics("DTSTART;TZID=Nowhere:20300610T000000\r\nDURATION:PT1H"), "'Nowhere' is not a time zone"),
        (ics("DTSTART:20300610\r\nDTEND:20300610T000000Z"), "not of the same sort"),
        (ics("DTSTART:20300610\r\nDURATION:forever"), "DURATION 'forever' is not understood"),
        (ics("DTSTART:20300610\r\nRRULE:FREQ=OFTEN"), "FREQ must be one of"),
        (ics("DTSTART:20300610\r\nRRULE:FREQ=DAILY\r\nEXDATE:20300611"), "EXDATE is not supported"),
        (ics(*["DTSTART:20300610\r\nRRULE:FREQ=YEARLY"] * 101), "101 events recur; the most are 100"),
        (ics(*["DTSTART:20300610"] * 5_001), "more than 5000 events"),
    ],
)
def test_refusals(text: str, words: str) -> None:
    with pytest.raises(TriggerError, match=words):
        Calendar.from_ics(text)


@pytest.mark.parametrize(
    "event",
    [
        5,
        {"rule": "FREQ=DAILY"},
        {"rule": "FREQ=DAILY", "start": "2030-01-01", "days": 1, "moon": 1},
        {"rule": "FREQ=DAILY", "start": "2030-01-01"},
        {"rule": "FREQ=DAILY", "start": "2030-01-01", "seconds": 5},
        {"rule": "FREQ=DAILY", "start": "2030-01-01", "days": -1},
        {"rule": "FREQ=DAILY", "start": "2030-01-01", "days": 10**9},
        {"rule": "FREQ=DAILY", "start": "2030-01-01", "days": 1, "timezone": "Nowhere"},
    ],
)
def test_refused_specs(event: object) -> None:
    with pytest.raises(TriggerError):
        Calendar.from_spec({"recurring": [event]})
