"""Whole lists of fires, the engine's against brute force: forwards, backwards, counted, asked from anywhere."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

from hourbell.triggers import Cron
from hourbell.triggers.wall_count import _count_many
from triggers.brute_force import changes_of, list_fires
from triggers.strategies import Case, policies

THREE_DAYS = timedelta(days=3)
SIX_HOURS = timedelta(hours=6)


def agree(drawn: st.SearchStrategy[Case], *, seed: int, examples: int) -> None:
    """Compare so many random cases, the same ones for the same seed."""

    @seeded(seed)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )
    @given(drawn, policies)
    def check(case: Case, policy: tuple[str | None, str | None]) -> None:
        compare(case, policy)

    check()


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
