"""Many schedules that will be due at one instant, which the firing had better know of before."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from hourbell.model.plan import NextWork

CROWD = 500
"""Schedules due at one instant for which the firing makes ready more than its first batch."""

EARLY = (1.0, 3.0)
"""Seconds before that instant: not the same for all nodes, which would all connect to the database at once."""


class Crowd:
    """The next crowd that is known of, told of once. ``counts`` is False where nothing could be made ready for one."""

    def __init__(self, *, counts: bool) -> None:
        self.counted = CROWD if counts else 0
        """Up to how many schedules a question counts."""
        self._known: datetime | None = None
        self._at: datetime | None = None

    def answered(self, work: NextWork) -> None:
        """What the database says of the next due time."""
        due = work.next_fire_at
        if due is None or not 0 < self.counted <= work.next_fires:
            self._at = None
        elif due != self._known:
            self._known = due
            self._at = due - timedelta(seconds=random.uniform(*EARLY))

    def comes(self, now: datetime) -> bool:
        """True once, when it is time to make ready."""
        if self._at is None or self._at > now:
            return False
        self._at = None
        return True

    def wait(self, now: datetime) -> float | None:
        """Seconds until then; None when no crowd is known that was not told of."""
        return (self._at - now).total_seconds() if self._at is not None else None
