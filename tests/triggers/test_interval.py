"""`Every`: elapsed time on a fixed grid."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hourbell.errors import TriggerError
from hourbell.triggers import Every, Trigger
from triggers.strategies import fixed
from triggers.work import calls_made_by

NOON = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def test_a_start_is_the_first_fire() -> None:
    trigger = Every(minutes=10, start=NOON)
    assert trigger.next_after(NOON - timedelta(days=5)) == NOON
    assert trigger.next_after(NOON - MICROSECOND) == NOON
    assert trigger.next_after(NOON) == NOON + timedelta(minutes=10)
    assert trigger.next_after(NOON + timedelta(minutes=25)) == NOON + timedelta(minutes=30)
    assert trigger.prev_before(NOON) is None
    assert trigger.prev_before(NOON + MICROSECOND) == NOON
    assert trigger.prev_before(NOON + timedelta(minutes=30)) == NOON + timedelta(minutes=20)


def test_an_anchor_is_no_fire_itself() -> None:
    trigger = Every(minutes=10).anchored(NOON + timedelta(milliseconds=700))
    assert trigger.anchor == NOON
    assert trigger.start is None
    assert trigger.next_after(NOON - timedelta(days=5)) == NOON + timedelta(minutes=10)
    assert trigger.next_after(NOON) == NOON + timedelta(minutes=10)
    assert trigger.prev_before(NOON + timedelta(minutes=10)) is None
    assert trigger.prev_before(NOON + timedelta(minutes=11)) == NOON + timedelta(minutes=10)
    assert trigger.count_between(NOON - timedelta(days=1), NOON + timedelta(minutes=10)) == 1


def test_an_anchor_is_kept() -> None:
    once = Every(minutes=10).anchored(NOON)
    assert once.anchored(NOON + timedelta(hours=1)) is once
    started = Every(minutes=10, start=NOON)
    assert started.anchored(NOON + timedelta(hours=1)) is started


def test_two_declarations_are_compared_without_their_anchors() -> None:
    declared, stored = Every(minutes=10), Every(seconds=600).anchored(NOON)
    assert declared != stored
    assert declared.declared_spec() == stored.declared_spec() == declared.to_spec()
    assert "anchor" not in declared.to_spec()
    assert stored.to_spec()["anchor"] == "2026-03-28T12:00:00Z"


def test_without_start_and_anchor_there_is_nothing_to_count_from() -> None:
    trigger = Every(minutes=10)
    for question in (
        lambda: trigger.next_after(NOON),
        lambda: trigger.prev_before(NOON),
        lambda: trigger.count_between(NOON, NOON),
    ):
        with pytest.raises(TriggerError, match=r"no start.*anchored"):
            question()


def test_the_end_is_included() -> None:
    trigger = Every(minutes=10, start=NOON, end=NOON + timedelta(minutes=20))
    assert trigger.next_after(NOON + timedelta(minutes=10)) == NOON + timedelta(minutes=20)
    assert trigger.next_after(NOON + timedelta(minutes=20)) is None
    assert trigger.prev_before(NOON + timedelta(days=9)) == NOON + timedelta(minutes=20)
    assert trigger.count_between(NOON - MICROSECOND, NOON + timedelta(days=9)) == 3
    just_before = Every(minutes=10, start=NOON, end=NOON + timedelta(minutes=20) - MICROSECOND)
    assert just_before.prev_before(NOON + timedelta(days=9)) == NOON + timedelta(minutes=10)
    single = Every(minutes=10, start=NOON, end=NOON)
    assert single.next_after(NOON - MICROSECOND) == NOON
    assert single.next_after(NOON) is None


def test_an_end_within_the_first_period_of_an_anchor_leaves_no_fire() -> None:
    trigger = Every(minutes=10, end=NOON + timedelta(minutes=5)).anchored(NOON)
    assert trigger.next_after(NOON) is None
    assert trigger.prev_before(NOON + timedelta(days=1)) is None
    assert trigger.count_between(NOON, NOON + timedelta(days=1)) == 0


def test_it_is_elapsed_time_over_a_change_of_the_clock() -> None:
    trigger = Every(hours=6, start="2026-03-28T23:00:00+01:00")
    fire = trigger.next_after(datetime(2026, 3, 29, tzinfo=UTC))
    assert fire == datetime(2026, 3, 29, 4, tzinfo=UTC)
    assert fire.tzinfo is UTC


@fixed(200)
@given(
    period=st.timedeltas(timedelta(milliseconds=100), timedelta(days=36_525)),
    base=st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    asked=st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    started=st.booleans(),
    steps=st.integers(0, 50),
)
def test_every_fire_is_a_whole_number_of_periods_away(
    period: timedelta, base: datetime, asked: datetime, started: bool, steps: int
) -> None:
    trigger = Every(seconds=period.total_seconds(), start=base) if started else None
    trigger = trigger or Every(seconds=period.total_seconds()).anchored(base)
    assert trigger.period == period
    origin = trigger.start or trigger.anchor
    assert origin is not None
    later, earlier = trigger.next_after(asked), trigger.prev_before(asked)
    if later is not None:
        assert later > asked
        assert (later - origin) % period == timedelta(0)
        assert later - period <= asked or later == (origin if started else origin + period)
    if earlier is not None:
        assert earlier < asked
        assert (earlier - origin) % period == timedelta(0)
        assert earlier + period >= asked
    until = asked + steps * period + period / 3
    walked, at = 0, asked
    while (fire := trigger.next_after(at)) is not None and fire <= until:
        walked, at = walked + 1, fire
    assert trigger.count_between(asked, until) == walked
    assert Trigger.from_spec(trigger.to_spec()) == trigger


def test_counting_is_arithmetic() -> None:
    trigger = Every(seconds=0.1, start="1970-01-01T00:00:00Z")
    end = NOON + timedelta(days=365_000)
    assert trigger.count_between(NOON, end) == 10_000
    assert trigger.count_between(NOON, end, cap=10**15) == 365_000 * 864_000
    assert trigger.count_between(end, NOON) == 0
    assert calls_made_by(lambda: trigger.count_between(NOON, end, cap=10**15)) < 100


@pytest.mark.parametrize(
    "parts,period",
    [
        ({"weeks": 1}, timedelta(weeks=1)),
        ({"days": 1, "hours": 2, "minutes": 3, "seconds": 4}, timedelta(days=1, hours=2, minutes=3, seconds=4)),
        ({"minutes": 0.5}, timedelta(seconds=30)),
        ({"seconds": 0.1}, timedelta(milliseconds=100)),
        ({"days": 36_525}, timedelta(days=36_525)),
        ({"hours": 1, "minutes": -30}, timedelta(minutes=30)),
    ],
)
def test_periods(parts: dict[str, float], period: timedelta) -> None:
    assert Every(**parts).period == period


@pytest.mark.parametrize(
    "parts,words",
    [
        ({}, "more than zero"),
        ({"seconds": 0}, "more than zero"),
        ({"minutes": -5}, "more than zero"),
        ({"seconds": 0.09}, "shortest is 0.1 seconds"),
        ({"seconds": 1e-300}, "more than zero"),
        ({"days": 36_526}, "longest is 100 years"),
        ({"weeks": 10**400}, "longest is 100 years"),
        ({"seconds": 1e300}, "longest is 100 years"),
        ({"seconds": math.inf}, "finite"),
        ({"seconds": math.nan}, "finite"),
        ({"seconds": "600"}, "seconds must be a number, not str"),
        ({"minutes": True}, "minutes must be a number, not bool"),
        ({"hours": None}, "hours must be a number, not NoneType"),
        ({"hours": timedelta(hours=1)}, "hours must be a number"),
        ({"hours": 1, "start": datetime(2026, 1, 1)}, "start is naive"),  # noqa: DTZ001
        ({"hours": 1, "start": "2026-01-01T00:00:00"}, "start is naive"),
        ({"hours": 1, "end": "tomorrow"}, "end: 'tomorrow' is not an instant"),
        ({"hours": 1, "end": 5}, "end must be a datetime"),
        ({"hours": 1, "start": NOON, "end": NOON - MICROSECOND}, "before its start"),
    ],
)
def test_refusals(parts: dict[str, Any], words: str) -> None:
    with pytest.raises(TriggerError, match=words):
        Every(**parts)


def test_instants_are_kept_in_utc() -> None:
    berlin = timezone(timedelta(hours=2))
    trigger = Every(hours=1, start=datetime(2026, 6, 1, 12, 0, tzinfo=berlin))
    assert trigger == Every(minutes=60, start="2026-06-01T10:00:00Z")
    assert hash(trigger) == hash(Every(minutes=60, start="2026-06-01T10:00:00Z"))
    assert trigger.to_spec() == {"kind": "every", "seconds": 3600.0, "start": "2026-06-01T10:00:00Z", "end": None}


def test_nothing_is_found_beyond_the_calendar() -> None:
    trigger = Every(days=36_525, start="9990-01-01T00:00:00Z")
    assert trigger.next_after(datetime(9990, 1, 1, tzinfo=UTC)) is None
    assert trigger.next_after(datetime.max.replace(tzinfo=UTC)) is None
    assert trigger.prev_before(datetime.max.replace(tzinfo=UTC)) == datetime(9990, 1, 1, tzinfo=UTC)
    assert trigger.next_after(datetime.min.replace(tzinfo=UTC)) == datetime(9990, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("start", ["9999-05-31T23:58:30Z", "9999-12-31T23:59:59Z", "2026-01-01T00:00:00Z"])
def test_the_last_fire_of_all_comes_once(start: str) -> None:
    trigger = Every(minutes=1, start=start)
    last = trigger.prev_before(datetime.max.replace(tzinfo=UTC))
    if last is None:  # the start is the last instant there is, and nothing is later
        last = trigger.next_after(datetime(9999, 5, 31, tzinfo=UTC))
    assert last is not None
    following = trigger.next_after(last)
    assert following is None or (following > last and trigger.next_after(following) is None)
    assert trigger.next_after(datetime.max.replace(tzinfo=UTC)) is None
