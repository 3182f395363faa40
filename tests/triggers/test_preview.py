"""Looking ahead: fires, and what changes of the clock do to them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given

from hourbell.errors import TriggerError
from hourbell.triggers import At, CalendarEvery, Cron, Every, Trigger
from triggers.strategies import Case, cases, fixed, policies

SPRING = datetime(2026, 3, 28, 1, 30, tzinfo=UTC)
AUTUMN = datetime(2026, 10, 24, 12, tzinfo=UTC)
BERLIN = "Europe/Berlin"


def told(trigger: Trigger, count: int, after: datetime) -> list[tuple[str | None, str]]:
    return [
        (None if line.fire_at is None else f"{line.fire_at:%dT%H:%M}", line.note())
        for line in trigger.preview(count, after=after)
    ]


def test_a_fire_that_is_moved() -> None:
    lines = Cron("30 2 * * *", BERLIN).preview(2, after=SPRING)
    assert [line.mark for line in lines] == ["moved", None]
    assert (lines[0].local, lines[0].count) == (datetime(2026, 3, 29, 2, 30), 1)  # noqa: DTZ001 - a time of the wall
    assert told(Cron("30 2 * * *", BERLIN), 2, SPRING) == [
        ("29T03:00", "moved: 02:30 does not exist on this day"),
        ("30T02:30", ""),
    ]


def test_times_that_are_dropped() -> None:
    assert told(Cron("*/20 2 * * *", BERLIN), 1, SPRING + timedelta(hours=1)) == [
        (None, "dropped: 02:00 does not exist on this day, nor do 2 more times"),
        ("30T02:00", ""),
    ]
    assert told(Cron("30 2 * * *", BERLIN, gap="skip"), 1, SPRING) == [
        (None, "dropped: 02:30 does not exist on this day"),
        ("30T02:30", ""),
    ]
    # Every fire between is its own line; what the clock drops stands where it would have been.
    assert [note for _, note in told(Cron("0 * * * *", BERLIN), 3, SPRING + timedelta(hours=22))] == [
        "",
        "dropped: 02:00 does not exist on this day",
        "",
        "",
    ]


def test_times_that_come_twice() -> None:
    both = Cron("30 2 * * *", BERLIN, fold="both")
    assert told(both, 3, AUTUMN) == [
        ("25T02:30", "02:30 comes twice on this day, this is the first"),
        ("25T02:30", "02:30 comes twice on this day, this is the second"),
        ("26T02:30", ""),
    ]
    assert told(Cron("30 2 * * *", BERLIN, fold="second"), 1, AUTUMN)[0][1].endswith("the second")


def test_a_fire_at_the_end_of_a_gap_is_its_own() -> None:
    assert told(Cron("0 3 * * *", BERLIN), 1, SPRING + timedelta(hours=12)) == [("29T03:00", "")]
    assert told(Cron("30 2,3 * * *", BERLIN), 2, SPRING + timedelta(hours=12))[1] == ("29T03:30", "")


def test_a_day_that_is_skipped() -> None:
    assert told(Cron("0 9 * * *", "Pacific/Apia"), 2, datetime(2011, 12, 29, 12, tzinfo=UTC)) == [
        ("29T09:00", ""),
        (None, "dropped: 09:00 does not exist on this day"),
        ("31T09:00", ""),
    ]


def test_triggers_of_other_kinds() -> None:
    daily = CalendarEvery(days=1, time="02:30", timezone=BERLIN)
    assert told(daily, 1, SPRING)[0] == (None, "dropped: 02:30 does not exist on this day")
    assert told(Every(hours=1, start=SPRING), 2, SPRING) == [("28T02:30", ""), ("28T03:30", "")]
    assert told(At(SPRING), 5, SPRING - timedelta(days=1)) == [("28T01:30", "")]
    assert told(At(SPRING), 5, SPRING) == []
    assert CalendarEvery(months=1).wall_rule() is None


@pytest.mark.parametrize("count", [0, -1, 1001, True, None])
def test_a_count_is_bounded(count: object) -> None:
    with pytest.raises(TriggerError, match="count must be"):
        Cron("* * * * *").preview(count, after=SPRING)  # type: ignore[arg-type]


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(TriggerError, match="after is naive"):
        Cron("* * * * *").preview(1, after=datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point


@fixed(150)
@given(cases(timedelta(days=3)), policies)
def test_the_fires_are_those_of_the_trigger_and_the_marks_are_true(
    case: Case, policy: tuple[str | None, str | None]
) -> None:
    trigger = Cron(case.expr, case.zone.key, *policy)
    lines = trigger.preview(20, after=case.start)
    fires = [line.fire_at for line in lines if line.fire_at is not None]
    assert fires == trigger.fires_between(case.start, datetime(9999, 1, 1, tzinfo=UTC), 20)
    for line in lines:
        passes = {
            moment.astimezone(UTC)
            for fold in (0, 1)
            if (moment := line.local.replace(tzinfo=case.zone, fold=fold))
            .astimezone(UTC)
            .astimezone(case.zone)
            .replace(tzinfo=None)
            == line.local
        }
        expected = {"moved": 0, "dropped": 0, "first": 2, "second": 2, None: 1}[line.mark]
        assert len(passes) == expected
        if line.fire_at is not None and passes:
            assert line.fire_at.astimezone(UTC) == (max(passes) if line.mark == "second" else min(passes))
