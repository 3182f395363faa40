"""`At`: once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from hourbell.errors import TriggerError
from hourbell.triggers import At, Trigger

NINE = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def test_it_fires_once() -> None:
    trigger = At(NINE)
    assert trigger.next_after(NINE - MICROSECOND) == NINE
    assert trigger.next_after(NINE) is None
    assert trigger.prev_before(NINE) is None
    assert trigger.prev_before(NINE + MICROSECOND) == NINE
    assert trigger.count_between(NINE - MICROSECOND, NINE) == 1
    assert trigger.count_between(NINE, NINE + timedelta(days=1)) == 0
    assert trigger.count_between(NINE - timedelta(days=1), NINE - MICROSECOND) == 0


@pytest.mark.parametrize(
    "instant,zone,expected",
    [
        ("2026-01-31T09:00:00Z", None, "2026-01-31T09:00:00Z"),
        ("2026-01-31t09:00z", None, "2026-01-31T09:00:00Z"),
        ("2026-01-31T10:00:00+01:00", None, "2026-01-31T09:00:00Z"),
        ("2026-01-31 10:00:00.25+01:00", None, "2026-01-31T09:00:00.250000Z"),
        ("2026-01-31T09:00:00Z", "Asia/Tokyo", "2026-01-31T09:00:00Z"),
        ("2026-01-31T09:00", "Europe/Berlin", "2026-01-31T08:00:00Z"),
        ("2026-07-31T09:00", "Europe/Berlin", "2026-07-31T07:00:00Z"),
        # Twice there: the first. Never there: the first instant after the gap.
        ("2026-10-25T02:30", "Europe/Berlin", "2026-10-25T00:30:00Z"),
        ("2026-03-29T02:30", "Europe/Berlin", "2026-03-29T01:00:00Z"),
        ("2026-10-04T02:10", "Australia/Lord_Howe", "2026-10-03T15:30:00Z"),
        ("2011-12-30T12:00", "Pacific/Apia", "2011-12-30T10:00:00Z"),
    ],
)
def test_instants(instant: str, zone: str | None, expected: str) -> None:
    trigger = At(instant, zone)
    assert trigger.to_spec() == {"kind": "at", "instant": expected, "timezone": zone}
    assert Trigger.from_spec(trigger.to_spec()) == trigger


def test_the_fire_is_in_the_zone_of_the_trigger() -> None:
    fire = At("2026-07-31T09:00", "Europe/Berlin").next_after(NINE)
    assert fire is not None
    assert fire.isoformat() == "2026-07-31T09:00:00+02:00"
    plain = At("2026-07-31T09:00:00+05:00").next_after(NINE)
    assert plain is not None
    assert plain.isoformat() == "2026-07-31T04:00:00+00:00"


def test_a_second_pass_that_is_meant_is_kept() -> None:
    second = datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=1)
    assert At(second, "Europe/Berlin").to_spec()["instant"] == "2026-10-25T01:30:00Z"


def test_a_naive_one_waits_for_its_zone() -> None:
    declared = At("2026-07-31T09:00")
    assert declared.to_spec() == {"kind": "at", "instant": "2026-07-31T09:00:00", "timezone": None}
    assert Trigger.from_spec(declared.to_spec()) == declared
    assert declared.next_after(NINE) == datetime(2026, 7, 31, 9, tzinfo=UTC)
    stored = declared.localized("Europe/Berlin")
    assert stored == At("2026-07-31T09:00", "Europe/Berlin")
    assert stored.localized("Asia/Tokyo") is stored
    assert declared.localized("Europe/Berlin").declared_spec() == stored.declared_spec()


def test_equal_by_the_instant() -> None:
    there = datetime(2026, 1, 31, 10, 0, tzinfo=timezone(timedelta(hours=1)))
    assert At(there) == At(NINE) == At("2026-01-31T09:00:00Z")
    assert hash(At(there)) == hash(At(NINE))
    assert At(NINE) != At(NINE, "Europe/Berlin")


@pytest.mark.parametrize(
    "instant,words",
    [
        ("", "is not an instant"),
        ("tomorrow", "is not an instant"),
        ("2026-01-31", "is not an instant"),
        ("20260131T090000", "is not an instant"),
        ("2026-02-30T09:00", "day is out of range"),
        ("2026-01-31T25:00", "hour must be"),
        ("2026-01-31T09:00:60Z", "second must be"),
        ("2026-01-31T09:00:00\N{ARABIC-INDIC DIGIT ONE}", "is not an instant"),
        ("2026-01-31T09:00:00+99:00", "is not an instant"),
        ("2" * 1_000_000, "is not an instant"),
        ("0001-01-01T00:00", "out of bounds"),
        ("9999-12-31T23:59", "out of bounds"),
        ("9999-12-31T23:59:59-12:00", "out of bounds"),
        (datetime.max, "out of bounds"),  # noqa: DTZ901
        (datetime.min.replace(tzinfo=UTC), "out of bounds"),
        (None, "must be a datetime"),
        (1_767_225_600, "must be a datetime"),
    ],
)
def test_refusals(instant: Any, words: str) -> None:
    with pytest.raises(TriggerError, match=words) as caught:
        At(instant)
    assert len(str(caught.value)) < 300


def test_a_bad_zone_is_refused() -> None:
    with pytest.raises(TriggerError, match="Europe/Berlin"):
        At("2026-01-31T09:00", "Europe/Berln")
