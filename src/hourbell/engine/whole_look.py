"""When a look at everything comes again that may have become slow."""

from __future__ import annotations

from datetime import timedelta

LATE = timedelta(seconds=0.2)
"""By so much, what was just committed may have been due before the last look that left nothing."""

QUICK = 0.01
"""Seconds: what takes no longer is done whenever it is of use."""

LONG = 0.25
"""Seconds: what takes longer is done in parts, where it can be."""

RARELY = 20.0
"""A slow look comes no sooner than so many times what the one before it took: a twentieth of the time goes into it."""

SELDOM = 600.0
"""Seconds after which it comes all the same, however long it takes: what it alone finds waits no longer."""


STANDSTILL = 60.0
"""Seconds: what seems to take as long was no look. The machine was suspended meanwhile, or this process was."""


def took(asked: float, answered: float) -> float:
    """Seconds that a look has taken; none where that says nothing of what was looked at."""
    seconds = answered - asked
    return seconds if seconds < STANDSTILL else 0.0


def rest_after(seconds: float) -> float:
    """Seconds until the next look, when one has taken so many."""
    return min(RARELY * seconds, SELDOM) if seconds > QUICK else 0.0


class WholeLook:
    """When the next one is due, by what the last one took.

    PostgreSQL keeps what was deleted or changed in its indexes until nobody's snapshot can see it as it was. With an
    old snapshot about, whoever looks from the front of a queue or a table reads all of that again, more each time.
    """

    def __init__(self) -> None:
        self._due_at: float | None = None
        self._failures = 0

    def is_due(self, elapsed: float) -> bool:
        """Whether one may come at this moment."""
        return self._due_at is None or elapsed >= self._due_at

    def due_in(self, elapsed: float) -> float:
        """Seconds until one may come."""
        return 0.0 if self._due_at is None else max(0.0, self._due_at - elapsed)

    def done(self, asked: float, answered: float, *, rest: float = 0.0) -> None:
        """One was asked for and answered then, or given up; the next comes after ``rest`` seconds at the least."""
        self._failures = 0
        self._due_at = answered + max(rest, rest_after(took(asked, answered)))

    def failed(self, asked: float, elapsed: float) -> None:
        """One had no answer. Once, the database may just have been away; from the second on it counts as slow."""
        self._failures += 1
        if self._failures > 1:
            self._due_at = elapsed + rest_after(took(asked, elapsed))

    def wanted(self) -> None:
        """It is due now, for it is known to find something."""
        self._due_at = None
