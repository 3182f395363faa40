"""What holds for every trigger, whatever it says."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hourbell.triggers import Cron, Trigger
from triggers.strategies import Case, cases, fixed, policies


def build(case: Case, policy: tuple[str | None, str | None]) -> Cron:
    return Cron(case.expr, case.zone.key, *policy)


@fixed(200)
@given(cases(timedelta(days=3)), policies, st.floats(0, 1))
def test_no_fire_is_lost_or_doubled_when_asked_from_between(
    case: Case, policy: tuple[str | None, str | None], share: float
) -> None:
    trigger = build(case, policy)
    first = trigger.next_after(case.start)
    assert first is not None
    second = trigger.next_after(first)
    assert second is not None
    one, two = first.astimezone(UTC), second.astimezone(UTC)
    assert case.start < one < two
    assert isinstance(first.tzinfo, ZoneInfo)
    assert first.tzinfo.key == case.zone.key
    # From any instant between two fires, the later is next and the earlier was last.
    between = one + (two - one) * share
    if one <= between < two:
        assert trigger.next_after(between.astimezone(case.zone)).astimezone(UTC) == two  # type: ignore[union-attr]
    if one < between <= two:
        assert trigger.prev_before(between.astimezone(case.zone)).astimezone(UTC) == one  # type: ignore[union-attr]
    # From a hair beside a fire.
    hair = timedelta(microseconds=1)
    assert trigger.next_after(two - hair).astimezone(UTC) == two  # type: ignore[union-attr]
    assert trigger.prev_before(one + hair).astimezone(UTC) == one  # type: ignore[union-attr]
    assert trigger.prev_before(two).astimezone(UTC) == one  # type: ignore[union-attr]
    # A fire is a time that its zone knows: it is its own image.
    assert one.astimezone(case.zone).isoformat() == first.isoformat()


@pytest.mark.slow
@fixed(200)
@given(cases(timedelta(days=3)), policies, st.lists(st.floats(0, 1), min_size=1, max_size=4))
def test_counts_add_up(case: Case, policy: tuple[str | None, str | None], shares: list[float]) -> None:
    trigger = build(case, policy)
    points = [case.start, *(case.start + (case.end - case.start) * share for share in sorted(shares)), case.end]
    parts = [trigger.count_between(low, high) for low, high in pairwise(points)]
    assert sum(parts) == trigger.count_between(case.start, case.end)
    assert trigger.count_between(case.end, case.start) == 0
    assert trigger.count_between(case.start, case.start) == 0


@pytest.mark.slow
@fixed(200)
@given(cases(timedelta(days=3)), policies, st.integers(1, 50))
def test_a_list_of_fires_is_the_walk(case: Case, policy: tuple[str | None, str | None], limit: int) -> None:
    trigger = build(case, policy)
    walked: list[datetime] = []
    at = case.start
    while (fire := trigger.next_after(at)) is not None and fire.astimezone(UTC) <= case.end and len(walked) < limit:
        walked.append(fire)
        at = fire.astimezone(UTC)
    listed = trigger.fires_between(case.start.astimezone(case.zone), case.end, limit)
    assert [fire.isoformat() for fire in listed] == [fire.isoformat() for fire in walked]
    assert trigger.fires_between(case.end, case.start, limit) == []
    assert trigger.fires_between(case.start, case.start) == []


@fixed(100)
@given(cases(timedelta(days=3)), policies, st.integers(1, 60))
def test_long_counts_agree_with_walking(case: Case, policy: tuple[str | None, str | None], months: int) -> None:
    trigger = build(case, policy)
    end = case.start + timedelta(days=30 * months)
    walked, at = 0, case.start
    while walked < 300 and (fire := trigger.next_after(at)) is not None and fire.astimezone(UTC) <= end:
        walked, at = walked + 1, fire.astimezone(UTC)
    assert trigger.count_between(case.start, end, cap=300) == walked
    assert trigger.count_between(case.start, end, cap=20) == min(20, walked)


@fixed(200)
@given(cases(timedelta(days=3), with_seconds=True), policies)
def test_there_and_back(case: Case, policy: tuple[str | None, str | None]) -> None:
    trigger = build(case, policy)
    assert Trigger.from_spec(trigger.to_spec()) == trigger
    assert pickle.loads(pickle.dumps(trigger)).next_after(case.start) == trigger.next_after(case.start)


def test_asking_with_any_zone_of_the_caller_gives_the_same() -> None:
    trigger = Cron("*/10 2 * * *", "Europe/Berlin")
    instant = datetime(2026, 10, 25, 0, 35, tzinfo=UTC)
    answers = {
        trigger.next_after(instant.astimezone(ZoneInfo(name))).astimezone(UTC)  # type: ignore[union-attr]
        for name in ("UTC", "Europe/Berlin", "America/New_York", "Pacific/Apia")
    }
    assert answers == {datetime(2026, 10, 25, 0, 40, tzinfo=UTC)}


@pytest.mark.parametrize("expr", ["0,30 2 * * *", "*/20 * * * *", "45 1 * * *", "0 3 * * *"])
@pytest.mark.parametrize(
    "name", ["Europe/Berlin", "Australia/Lord_Howe", "Antarctica/Troll", "America/Havana", "Asia/Tokyo"]
)
def test_an_instant_told_in_the_own_zone_is_the_same_as_in_utc(name: str, expr: str) -> None:
    """Also a local time that does not exist, either half of one that comes twice, and one with microseconds."""
    place = ZoneInfo(name)
    trigger = Cron(expr, name)
    for day in (datetime(2026, 3, 29), datetime(2026, 10, 25), datetime(2026, 10, 4), datetime(2026, 3, 8)):  # noqa: DTZ001
        for minutes in range(0, 300, 10):
            for fold, micro in ((0, 0), (1, 0), (0, 1), (1, 999_999)):
                local = (day + timedelta(minutes=minutes)).replace(tzinfo=place, fold=fold, microsecond=micro)
                assert trigger.next_after(local) == trigger.next_after(local.astimezone(UTC))
                assert trigger.prev_before(local) == trigger.prev_before(local.astimezone(UTC))
                end = local.astimezone(UTC) + timedelta(hours=5)
                assert trigger.count_between(local, end) == trigger.count_between(local.astimezone(UTC), end)
