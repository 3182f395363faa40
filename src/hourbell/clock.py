"""What time it is: the only place that asks the machine.

Two times are kept apart. *Instants* are aware UTC datetimes and are judged by the database; *elapsed* time is a
number of seconds that only ever grows and keeps counting while the machine sleeps.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from datetime import UTC, datetime, timedelta
from functools import partial


class Clock(ABC):
    """The one injected clock. Everything that needs to know the time is given one of these."""

    @abstractmethod
    def now(self) -> datetime:
        """The node's best estimate of the database's present instant, aware UTC. For sleeping and for display only."""

    def stamp(self, elapsed: float) -> float:
        """``now()`` as seconds since 1970 in UTC, for who has just asked for the elapsed time."""
        return self.now().timestamp()

    @abstractmethod
    def host_now(self) -> datetime:
        """The instant that a database without a clock of its own (SQLite, memory) is told, aware UTC."""

    @abstractmethod
    def override(self) -> datetime | None:
        """What to bind to ``:now``: None lets the database use its own clock; a manual clock answers its instant."""

    @abstractmethod
    def elapsed(self) -> float:
        """Seconds since some fixed moment; never goes back, also counts while the machine is suspended."""

    @abstractmethod
    def observe(self, database_now: datetime) -> None:
        """Take note of an instant that the database just answered, so that ``now()`` follows it."""


class SystemClock(Clock):
    """The real clock: the last instant heard from the database plus the time elapsed since.

    Until the database has been heard, the host's wall clock stands in.
    """

    def __init__(self) -> None:
        # CLOCK_BOOTTIME counts suspended time where CLOCK_MONOTONIC does not; not every system has it.
        has_boot_time = hasattr(time, "CLOCK_BOOTTIME")
        self._elapsed = partial(time.clock_gettime, time.CLOCK_BOOTTIME) if has_boot_time else time.monotonic
        self._set(self.host_now())

    def now(self) -> datetime:
        instant, since, _ = self._anchor
        return instant + timedelta(0, self._elapsed() - since)

    def stamp(self, elapsed: float) -> float:
        return self._anchor[2] + elapsed

    def host_now(self) -> datetime:
        return datetime.now(UTC)

    def override(self) -> datetime | None:
        return None

    def elapsed(self) -> float:
        return self._elapsed()

    def observe(self, database_now: datetime) -> None:
        self._set(database_now)

    def _set(self, instant: datetime) -> None:
        since = self._elapsed()
        # One tuple, assigned at once: readers in other threads see the old one or the new, never a mix.
        self._anchor = (instant, since, instant.timestamp() - since)


class ManualClock(Clock):
    """A clock that a test moves by hand. Instants and elapsed time move together unless told otherwise."""

    def __init__(self, start: datetime | None = None) -> None:
        self._lock = threading.Lock()
        self._now = start or datetime(2030, 1, 1, tzinfo=UTC)
        self._elapsed = 1_000.0

    def now(self) -> datetime:
        return self._now

    def host_now(self) -> datetime:
        return self._now

    def override(self) -> datetime | None:
        return self._now

    def elapsed(self) -> float:
        return self._elapsed

    def observe(self, database_now: datetime) -> None:
        """A manual clock is the database's clock already."""

    def advance(self, seconds: float = 0, *, to: datetime | None = None) -> datetime:
        """Move both times forward, by seconds or to an instant, and return the new instant."""
        with self._lock:
            step = (to - self._now).total_seconds() if to is not None else seconds
            if step < 0:
                raise ValueError("advance() only goes forward; use bend() to set the wall clock back")
            self._now += timedelta(seconds=step)
            self._elapsed += step
            return self._now

    def bend(self, seconds: float) -> datetime:
        """Move the instant alone, forward or back, as a corrected system clock does. Elapsed time stays."""
        with self._lock:
            self._now += timedelta(seconds=seconds)
            return self._now
