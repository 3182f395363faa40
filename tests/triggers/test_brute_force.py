"""The engine against the brute-force list: whole lists of fires, forwards, backwards and counted."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given

from hourbell.triggers import Cron
from hourbell.triggers.wall_count import _count_many
from triggers.brute_force import changes_of, list_fires
from triggers.strategies import Case, cases, fixed, policies


def walk(trigger: Cron, start: datetime, end: datetime) -> list[datetime]:
    fires: list[datetime] = []
    at = start
    while (fire := trigger.next_after(at)) is not None and fire.astimezone(UTC) <= end:
        assert fire.tzinfo is not None
        at = fire.astimezone(UTC)
        fires.append(at)
        assert len(fires) <= 100_000
    return fires


def walk_back(trigger: Cron, start: datetime, end: datetime) -> list[datetime]:
    fires: list[datetime] = []
    at = end + timedelta(microseconds=1)
    while (fire := trigger.prev_before(at)) is not None and fire.astimezone(UTC) > start:
        at = fire.astimezone(UTC)
        fires.append(at)
    return fires[::-1]


def compare(case: Case, policy: tuple[str | None, str | None]) -> None:
    gap, fold = policy
    start, end = case.start, case.end
    trigger = Cron(case.expr, case.zone.key, gap, fold)
    expected = list_fires(case.expr, case.zone, gap, fold, start, end)
    assert walk(trigger, start, end) == expected
    assert walk_back(trigger, start, end) == expected
    assert trigger.count_between(start, end, cap=100_000) == len(expected)
    assert trigger.count_between(start, end, cap=7) == min(7, len(expected))
    by_arithmetic = _count_many(trigger._rule.pattern, trigger._rule.zone, trigger._rule.policy, start, end, 100_000)
    assert by_arithmetic == len(expected)
    ask_from_anywhere(trigger, case, expected)


def ask_from_anywhere(trigger: Cron, case: Case, expected: list[datetime]) -> None:
    """Ask from instants that are no fires, most of them inside of the hours that a change skips or repeats."""
    instants = [case.start + (case.end - case.start) * part / 23 for part in range(24)]
    for change in changes_of(case.zone):
        if case.start - timedelta(hours=4) < change < case.end:
            instants += [change + timedelta(minutes=minute) for minute in range(-65, 245, 10)]
            instants += [change + timedelta(minutes=30 * half, seconds=-1) for half in range(9)]
    for instant in instants:
        place = bisect_right(expected, instant)
        if case.start <= instant and place < len(expected):
            fire = trigger.next_after(instant)
            assert fire is not None
            assert fire.astimezone(UTC) == expected[place]
        place = bisect_left(expected, instant)
        if instant <= case.end and place > 0:
            fire = trigger.prev_before(instant)
            assert fire is not None
            assert fire.astimezone(UTC) == expected[place - 1]


@fixed(400)
@given(cases(timedelta(days=3)), policies)
def test_three_days_by_the_minute(case: Case, policy: tuple[str | None, str | None]) -> None:
    compare(case, policy)


@fixed(100)
@given(cases(timedelta(hours=6), with_seconds=True), policies)
def test_six_hours_by_the_second(case: Case, policy: tuple[str | None, str | None]) -> None:
    compare(case, policy)


@pytest.mark.parametrize("policy", [(None, None), ("skip", "second"), ("next_valid", "both")])
@pytest.mark.parametrize("expr", ["30 2 * * *", "0 * * * *", "*/7 0-3 * * *"])
@pytest.mark.parametrize(
    "zone,day",
    [
        ("Europe/Berlin", datetime(2026, 3, 29, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2026, 10, 25, tzinfo=UTC)),
        ("Australia/Lord_Howe", datetime(2026, 10, 3, tzinfo=UTC)),
        ("Australia/Lord_Howe", datetime(2026, 4, 4, tzinfo=UTC)),
        ("Pacific/Apia", datetime(2011, 12, 30, tzinfo=UTC)),
        ("Pacific/Kwajalein", datetime(1993, 8, 21, tzinfo=UTC)),
        ("Antarctica/Casey", datetime(2010, 3, 4, tzinfo=UTC)),
        ("America/Havana", datetime(2026, 3, 8, tzinfo=UTC)),
        ("Africa/Monrovia", datetime(1972, 1, 7, tzinfo=UTC)),
    ],
)
def test_known_nights(zone: str, day: datetime, expr: str, policy: tuple[str | None, str | None]) -> None:
    compare(Case(expr, ZoneInfo(zone), day - timedelta(days=1), day + timedelta(days=2)), policy)


@pytest.mark.parametrize("policy", [(None, None), ("next_valid", "first"), ("next_valid", "second"), ("skip", "both")])
@pytest.mark.parametrize("expr", ["*/15 * * * *", "0,30 2 * * *", "10 2,3 * * *"])
@pytest.mark.parametrize(
    "zone,change",
    [("Europe/Berlin", datetime(2026, 3, 29, 1, tzinfo=UTC)), ("Europe/Berlin", datetime(2026, 10, 25, 1, tzinfo=UTC))],
)
def test_counts_of_windows_that_begin_or_end_around_a_change(
    zone: str, change: datetime, expr: str, policy: tuple[str | None, str | None]
) -> None:
    place = ZoneInfo(zone)
    trigger = Cron(expr, zone, *policy)
    borders = [change + timedelta(minutes=minutes) for minutes in (-70, -60, -40, 0, 20, 60, 80)]
    borders = sorted([*borders, *(border - timedelta(seconds=1) for border in borders)])
    for number, start in enumerate(borders):
        for end in borders[number + 1 :]:
            expected = list_fires(expr, place, *policy, start, end)
            assert trigger.count_between(start, end) == len(expected)
            assert _count_many(trigger._rule.pattern, place, trigger._rule.policy, start, end, 100) == len(expected)
