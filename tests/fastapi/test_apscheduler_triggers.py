"""What APScheduler's trigger arguments mean: worked out by hand from its documentation."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from hourbell import TriggerError
from hourbell.fastapi.apscheduler_triggers import read_trigger

NOW = datetime(2030, 1, 1, 12, 30, 15, tzinfo=UTC)  # a Tuesday


def fires(name: str, zone: str = "UTC", count: int = 2, **given: Any) -> list[str]:
    trigger, _ = read_trigger(name, given, zone, NOW)
    settled = trigger.localized(zone).anchored(NOW)
    found: list[str] = []
    after: datetime | None = NOW
    while len(found) < count and (after := settled.next_after(after)) is not None:
        found.append(after.astimezone(UTC).isoformat().removesuffix("+00:00"))
    return found


MEANT = [
    # Fields less than the least given are at their minimum, greater ones any.
    ("cron", {"hour": 9, "minute": 30}, ["2030-01-02T09:30:00", "2030-01-03T09:30:00"]),
    ("cron", {"day": 1, "minute": 20}, ["2030-01-01T13:20:00", "2030-01-01T14:20:00"]),
    ("cron", {"month": "1-3,7-9", "day": "3rd fri", "hour": "0-3"}, ["2030-01-18T00:00:00", "2030-01-18T01:00:00"]),
    ("cron", {"second": "*/30"}, ["2030-01-01T12:30:30", "2030-01-01T12:31:00"]),
    ("cron", {"minute": "*/15"}, ["2030-01-01T12:45:00", "2030-01-01T13:00:00"]),
    ("cron", {"hour": 5, "second": None}, ["2030-01-02T05:00:00", "2030-01-03T05:00:00"]),
    # The first day of the week is Monday.
    ("cron", {"day_of_week": 0, "hour": 6}, ["2030-01-07T06:00:00", "2030-01-14T06:00:00"]),
    ("cron", {"day_of_week": "6"}, ["2030-01-06T00:00:00", "2030-01-13T00:00:00"]),
    ("cron", {"day_of_week": "mon-fri", "hour": 5, "minute": 30}, ["2030-01-02T05:30:00", "2030-01-03T05:30:00"]),
    # Both the day and the day of the week must match.
    ("cron", {"day": 13, "day_of_week": "fri"}, ["2030-09-13T00:00:00", "2030-12-13T00:00:00"]),
    ("cron", {"day": "last"}, ["2030-01-31T00:00:00", "2030-02-28T00:00:00"]),
    # Ends are included; a date is its midnight.
    ("cron", {"hour": 9, "start_date": "2030-05-01", "end_date": "2030-05-02"}, ["2030-05-01T09:00:00"]),
    (
        "cron",
        {"hour": 9, "start_date": "2030-05-01 09:00:00", "end_date": "2030-05-02 09:00:00"},
        ["2030-05-01T09:00:00", "2030-05-02T09:00:00"],
    ),
    ("cron", {"year": 2031}, ["2031-01-01T00:00:00"]),
    ("cron", {"year": "2031-2032"}, ["2031-01-01T00:00:00", "2032-01-01T00:00:00"]),
    ("cron", {"year": "2030", "month": 12, "day": 31, "hour": 23}, ["2030-12-31T23:00:00"]),
    ("cron", {"hour": 9, "timezone": "Europe/Berlin"}, ["2030-01-02T08:00:00", "2030-01-03T08:00:00"]),
    # Without a start the first fire comes one period from now.
    ("interval", {"minutes": 10}, ["2030-01-01T12:40:15", "2030-01-01T12:50:15"]),
    ("interval", {"hours": 1, "minutes": 30, "seconds": 0}, ["2030-01-01T14:00:15", "2030-01-01T15:30:15"]),
    ("interval", {"weeks": 1, "days": 1}, ["2030-01-09T12:30:15", "2030-01-17T12:30:15"]),
    # A start in the past is where the counting begins, one to come is the first fire.
    ("interval", {"hours": 2, "start_date": "2029-12-31 09:30:00"}, ["2030-01-01T13:30:00", "2030-01-01T15:30:00"]),
    ("interval", {"days": 2, "start_date": "2030-06-15T11:00+02:00"}, ["2030-06-15T09:00:00", "2030-06-17T09:00:00"]),
    (
        "interval",
        {"hours": 2, "start_date": "2030-6-15 11:00:00", "end_date": "2030-06-15 12:00:00", "timezone": "Asia/Tokyo"},
        ["2030-06-15T02:00:00"],
    ),
    ("date", {"run_date": "2030-11-06 16:30:05"}, ["2030-11-06T16:30:05"]),
    ("date", {"run_date": "2030-11-06"}, ["2030-11-06T00:00:00"]),
    ("date", {"run_date": "2030-11-06T16:30:05.25Z"}, ["2030-11-06T16:30:05.250000"]),
    ("date", {"run_date": "2030-11-06 16:30", "timezone": "America/New_York"}, ["2030-11-06T21:30:00"]),
]  # fmt: skip


@pytest.mark.parametrize("name, given, expected", MEANT, ids=[f"{name} {given}"[:70] for name, given, _ in MEANT])
def test_it_means_what_it_means_there(name: str, given: dict[str, Any], expected: list[str]) -> None:
    assert fires(name, **given) == expected


def test_times_without_an_offset_are_those_of_the_scheduler() -> None:
    assert fires("date", "Asia/Tokyo", run_date="2030-11-06 16:30:05") == ["2030-11-06T07:30:05"]
    assert fires("cron", "Asia/Tokyo", 1, hour=9, start_date="2030-05-01") == ["2030-05-01T00:00:00"]
    assert fires("interval", "Asia/Tokyo", 1, days=1, start_date="2030-05-01") == ["2030-04-30T15:00:00"]
    assert fires("cron", "Asia/Tokyo", 1, year=2031) == ["2030-12-31T15:00:00"]


def test_without_a_date_it_is_now() -> None:
    trigger, _ = read_trigger("date", {}, "UTC", NOW)
    assert trigger.prev_before(datetime(2031, 1, 1, tzinfo=UTC)) == NOW


def test_jitter_is_a_policy() -> None:
    assert read_trigger("interval", {"hours": 1, "jitter": 120}, "UTC", NOW)[1] == {"jitter": 120}
    assert read_trigger("cron", {"hour": 1, "jitter": None}, "UTC", NOW)[1] == {}


def test_a_rule_of_every_five_seconds_has_no_gaps() -> None:
    found = [datetime.fromisoformat(text) for text in fires("interval", seconds=5, count=5)]
    assert [(later - earlier).total_seconds() for earlier, later in pairwise(found)] == [5.0] * 4


WRONG = [
    ("sometimes", {}),
    ("CRON", {"hour": 1}),
    ("cron", {}),
    ("cron", {"hour": 25}),
    ("cron", {"hour": [1]}),
    ("cron", {"hour": True}),
    ("cron", {"hours": 1}),
    ("cron", {"day_of_week": 7}),
    ("cron", {"week": 3}),
    ("cron", {"year": "soon"}),
    ("cron", {"year": 99999}),
    ("cron", {"year": "2032-2030"}),
    ("cron", {"hour": 1, "timezone": "../../etc/passwd"}),
    ("cron", {"hour": 1, "timezone": 3}),
    ("cron", {"hour": 1, "start_date": "2030-02-30"}),
    ("cron", {"hour": 1, "start_date": "tomorrow"}),
    ("cron", {"hour": 1, "start_date": 1900000000}),
    ("cron", {"hour": 1, "start_date": "2030-01-02", "end_date": "2030-01-01"}),
    ("cron", {"month": 2, "day": 30}),
    ("cron", {"minute": "9" * 10_000}),
    ("cron", {"minute": 10**400}),
    ("interval", {}),
    ("interval", {"minutes": 0}),
    ("interval", {"minutes": -1}),
    ("interval", {"minutes": "10"}),
    ("interval", {"minutes": True}),
    ("interval", {"seconds": float("nan")}),
    ("interval", {"seconds": float("inf")}),
    ("interval", {"weeks": 10**400}),
    ("interval", {"run_date": "2030-01-01"}),
    ("interval", {"hours": 1, "start_date": "2030-01-01 25:00:00"}),
    ("interval", {"hours": 1, "start_date": "2030-01-01T00:00:00+99:00"}),
    ("date", {"run_date": ""}),
    ("date", {"run_date": "2030-13-01"}),
    ("date", {"run_date": "0000-01-01"}),
    ("date", {"run_date": "9999-12-31T23:59:59-12:00"}),
    ("date", {"run_date": "2030-01-01\n"}),
    ("date", {"run_date": {"year": 2030}}),
    ("date", {"hour": 1}),
    ("date", {"x" * 10_000: 1}),
]


@pytest.mark.parametrize("name, given", WRONG, ids=[f"{name} {given}"[:70] for name, given in WRONG])
def test_what_means_nothing_is_refused_in_few_words(name: str, given: dict[str, Any]) -> None:
    with pytest.raises(TriggerError) as refused:
        read_trigger(name, given, "UTC", NOW)[0].localized("UTC").anchored(NOW)
    assert 0 < len(str(refused.value)) < 300
