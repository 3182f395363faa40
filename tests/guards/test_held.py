"""What a process knows of a guard that it holds."""

from __future__ import annotations

from hourbell.clock import ManualClock
from hourbell.guards.held import Held
from hourbell.model.guard import GuardHold, GuardKind


def _held() -> Held:
    clock = ManualClock()
    hold = GuardHold(kind=GuardKind.LOCK, name="import", period="", owner="me", fence=1)
    return Held(hold, clock, 15.0, clock.elapsed())


def test_who_is_to_be_stopped_is_told_once() -> None:
    held, told = _held(), []
    held.tell(lambda: told.append(True))
    assert told == []
    held.lose()
    held.lose()
    assert told == [True]


def test_who_comes_after_it_was_lost_is_told_too() -> None:
    """Between the taking and the entering of its block the keeper's thread may have found out that it is lost."""
    held, told = _held(), []
    held.lose()
    held.tell(lambda: told.append(True))
    assert told == [True]
