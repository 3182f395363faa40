"""Comparing a trigger with a list of all its fires in a window: forwards, backwards, counted, asked from anywhere."""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from hourbell.triggers import Trigger

TICK = timedelta(microseconds=1)


def walk(trigger: Trigger, start: datetime, end: datetime) -> list[datetime]:
    """The fires later than `start` and not later than `end`, in UTC."""
    fires: list[datetime] = []
    at = start
    while (fire := trigger.next_after(at)) is not None and fire.astimezone(UTC) <= end:
        assert fire.astimezone(UTC) > at, "strictly later in UTC"
        at = fire.astimezone(UTC)
        fires.append(at)
        assert len(fires) <= 100_000
    return fires


def walk_back(trigger: Trigger, start: datetime, end: datetime) -> list[datetime]:
    """The same fires, found from the end."""
    fires: list[datetime] = []
    at = end + TICK
    while (fire := trigger.prev_before(at)) is not None and fire.astimezone(UTC) > start:
        assert fire.astimezone(UTC) < at, "strictly earlier in UTC"
        at = fire.astimezone(UTC)
        fires.append(at)
        assert len(fires) <= 100_000
    return fires[::-1]


def check_list(
    trigger: Trigger, expected: list[datetime], start: datetime, end: datetime, near: Iterable[datetime] = ()
) -> None:
    """The trigger has exactly these fires in the window, however it is asked; `near` are instants to ask from too."""
    assert walk(trigger, start, end) == expected
    assert walk_back(trigger, start, end) == expected
    assert trigger.count_between(start, end, cap=100_000) == len(expected)
    assert trigger.count_between(start, end, cap=7) == min(7, len(expected))
    instants = [start + (end - start) * part / 17 for part in range(18)]
    for moment in near:
        instants += [moment + timedelta(minutes=minute) for minute in range(-185, 186, 30)]
        instants += [moment - TICK, moment, moment + timedelta(seconds=1)]
    for instant in instants:
        if not start <= instant <= end:
            continue
        place = bisect_right(expected, instant)
        if place < len(expected):
            fire = trigger.next_after(instant)
            assert fire is not None
            assert fire.astimezone(UTC) == expected[place]
        assert trigger.count_between(start, instant, cap=100_000) == place
        place = bisect_left(expected, instant)
        if place > 0:
            fire = trigger.prev_before(instant)
            assert fire is not None
            assert fire.astimezone(UTC) == expected[place - 1]


def check_words(trigger: Trigger) -> None:
    """What holds of every trigger, whenever it fires: its spec there and back, its hash, its explanation."""
    read = Trigger.from_spec(json.loads(json.dumps(trigger.to_spec())))
    assert read == trigger
    assert hash(read) == hash(trigger)
    assert read.to_spec() == trigger.to_spec()
    said = trigger.explain()
    assert said
    assert said.isprintable()
