"""A gap told in one piece, also across a night in which the clock goes back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hourbell.model.gap import Passed, first_fire, passed
from hourbell.triggers import At, Cron, Every


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_nothing_has_passed_before_the_cursor() -> None:
    assert (
        passed(Every(seconds=1, start=at("2030-01-01T00:00:00")), at("2030-01-01T00:00:05"), at("2030-01-01")) is None
    )


def test_the_cursor_is_a_fire_whatever_the_trigger_says() -> None:
    every_hour = Every(hours=1, start=at("2030-01-01T00:00:00"))
    cursor, now = at("2030-01-01T00:17:00"), at("2030-01-01T02:30:00")
    assert passed(every_hour, cursor, now) == Passed(cursor, at("2030-01-01T02:00:00"), 3)


def test_both_of_two_fires_in_a_repeated_hour_are_told_apart() -> None:
    """02:30 comes twice in Berlin on 27 October 2030: at 00:30 and at 01:30 UTC."""
    trigger = Cron("30 * * * *", timezone="Europe/Berlin")
    first, second = at("2030-10-27T00:30:00"), at("2030-10-27T01:30:00")
    gap = passed(trigger, first, second)
    assert gap == Passed(first, second, 2)
    assert gap is not None
    assert gap.last.tzinfo is UTC
    assert first_fire(trigger, first) == second


def test_a_one_off_in_the_past_is_due_at_once() -> None:
    past, now = at("2030-01-01"), at("2030-01-02")
    assert first_fire(At(past), now) == past
    assert first_fire(At(now + timedelta(days=1)), now) == now + timedelta(days=1)


def test_a_one_off_in_the_past_is_due_only_after_what_is_recorded() -> None:
    before, past, now = at("2029-12-31"), at("2030-01-01"), at("2030-01-02")
    assert first_fire(At(past), now, before) == past
    assert first_fire(At(past), now, past) is None
    assert first_fire(At(past), now, now) is None
