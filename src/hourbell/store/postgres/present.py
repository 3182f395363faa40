"""Waiting inside a transaction for an instant of the database's clock, to the fraction of a millisecond."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from hourbell.clock import Clock

BRIEF = 0.001
"""Seconds: an event loop wakes up to so much later than it was told to, so the last of them is slept through."""


class Present:
    """What time it is for the database, as far as one transaction of it can tell.

    Its instant was taken while its first statement was on its way, between question and answer. So the present is at
    least that instant and the time elapsed since the answer, and at most the same since the question. The clock is
    believed within these bounds, and is set to the earlier one where it is outside: what waits for an instant is never
    early by the database's clock.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._asked = self._answered = clock.elapsed()

    def answered(self) -> None:
        """The first statement is answered."""
        self._answered = self._clock.elapsed()

    async def wait(self, began: datetime, until: datetime) -> None:
        """Sleep from ``began``, the instant of the transaction, until another instant has come."""
        while (left := (until - self._now(began)).total_seconds()) > 0:
            if left > BRIEF:
                await asyncio.sleep(left - BRIEF)
            else:
                time.sleep(left)  # noqa: ASYNC251 - a loop's own timer is too coarse; nobody else waits for long

    def _now(self, began: datetime) -> datetime:
        present = self._clock.now()
        elapsed = self._clock.elapsed()
        earliest = began + timedelta(seconds=elapsed - self._answered)
        latest = began + timedelta(seconds=elapsed - self._asked)
        if earliest <= present <= latest:
            return present
        self._clock.observe(earliest)
        return earliest
