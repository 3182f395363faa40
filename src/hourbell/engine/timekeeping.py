"""Keeping the clock in step with the database, without ever running ahead of it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from hourbell.clock import Clock


class Timekeeper:
    """Feeds the clock with the instants that come back from the database.

    An answer that was asked at one moment and came at another proves only that the database's present lies between
    the instant it names and that plus the round trip. The clock is corrected when it is outside, towards the earlier
    end: so a slow statement does not set it back, and waking a moment too late beats asking a moment too early.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heard = False

    def ask(self) -> float:
        """The moment to hand to `heard`, taken before the statement is sent."""
        return self._clock.elapsed()

    def heard(self, database_now: datetime, asked: float) -> None:
        """An answer to a statement sent at ``asked`` named this instant."""
        latest = database_now + timedelta(seconds=max(0.0, self._clock.elapsed() - asked))
        if not self._heard or not database_now <= self._clock.now() <= latest:
            self._heard = True
            self._clock.observe(database_now)
