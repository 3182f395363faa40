"""Looking through what lies before the place where claims begin, where that is too much for one look."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from hourbell.engine.whole_look import QUICK, rest_after, took

FIRST_SPAN = timedelta(seconds=1)
SHORTEST = timedelta(milliseconds=10)
STEP = 4
"""By so many times a span is longer than the one before it, or shorter."""

PAINLESS = 8 * QUICK
"""Seconds that one part may take before the next is shorter; where it took less than half of that, it is longer."""

PACE = 16
"""A span is no less than such a part of what was gone through before it: however long each takes, there is an end."""

_OLDEST = datetime(1970, 1, 1, tzinfo=UTC)


class Stretch(NamedTuple):
    """The due times that a claim looks at; None: from the first, until now."""

    since: datetime | None = None
    until: datetime | None = None


class Past:
    """From the latest due time to the earliest, a stretch at a time. How long a stretch is depends on how long the one
    before it took: where little is dead, a few of them reach back to the first due time there is."""

    def __init__(self, until: datetime, elapsed: float) -> None:
        self._begin = self._until = until
        self._span = FIRST_SPAN
        self._due_at = elapsed
        self.took = 0.0
        self.is_over = False

    def due_in(self, elapsed: float) -> float:
        """Seconds until the next part may be looked at."""
        return max(0.0, self._due_at - elapsed)

    def stretch(self) -> Stretch:
        """The part that is next."""
        return Stretch(self._since(), self._until)

    def looked(self, asked: float, answered: float, *, left: bool) -> None:
        """It was looked at; ``left``: there may be more in it, which is taken first."""
        if left:
            self._due_at = answered
            return
        seconds = took(asked, answered)
        # Of a part that was looked at again and again, once: so long it takes to look where nothing is left.
        self.took += seconds
        since = self._since()
        self.is_over = since is None
        self._until = since or self._until
        # What is due now has its turn in between, however quick this was.
        self._due_at = answered + max(QUICK, rest_after(seconds))
        if seconds > PAINLESS:
            self._shorten()
        elif seconds <= PAINLESS / 2:
            self._span *= STEP
        self._span = max(self._span, (self._begin - self._until) / PACE)

    def failed(self, asked: float, elapsed: float) -> None:
        """No answer came: perhaps it was too much."""
        self._due_at = elapsed + max(QUICK, rest_after(took(asked, elapsed)))
        self._shorten()

    def _shorten(self) -> None:
        self._span = max(SHORTEST, self._span / STEP)

    def _since(self) -> datetime | None:
        is_first = self._until - _OLDEST <= self._span
        return None if is_first else self._until - self._span
