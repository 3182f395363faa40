"""A stretch of due times that did not run, told as one skip. Never walks the gap."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from hourbell.model.plan import PlannedSkip
from hourbell.triggers import At, Trigger

if TYPE_CHECKING:
    from hourbell.model.run_state import Reason

TICK = timedelta(microseconds=1)
COUNT_CAP = 10_000


@dataclass(frozen=True, slots=True)
class Passed:
    """The due times from the cursor to ``now``: ``last`` is the latest of them, ``count`` how many (at least)."""

    first: datetime
    last: datetime
    count: int

    def skip(self, reason: Reason) -> PlannedSkip:
        """All of them as one ledger row."""
        return PlannedSkip(reason, self.first, self.last, self.count)


def passed(trigger: Trigger, cursor: datetime, now: datetime) -> Passed | None:
    """What became due from ``cursor`` (itself a fire, whatever the trigger says by now) to ``now``, both included."""
    if cursor > now:
        return None
    last = in_utc(trigger.prev_before(now + TICK))
    if last is None or last <= cursor:
        return Passed(cursor, cursor, 1)
    return Passed(cursor, last, 1 + trigger.count_between(cursor, now, COUNT_CAP))


def first_fire(trigger: Trigger, now: datetime, last: datetime | None = None) -> datetime | None:
    """The first cursor under a new trigger: the next fire after ``now`` and after ``last``, the last recorded one.

    A one-off in the past is due at once: it may have been in the future when it was asked for.
    """
    upcoming = in_utc(trigger.next_after(now if last is None else max(now, last)))
    if upcoming is None and isinstance(trigger, At):
        upcoming = in_utc(trigger.prev_before(now + TICK))
        if upcoming is not None and last is not None and upcoming <= last:
            return None
    return upcoming


def in_utc(fire: datetime | None) -> datetime | None:
    """The same instant in UTC. Two fires of one zone compare by their wall clock, which goes back in autumn."""
    return fire.astimezone(UTC) if fire is not None else None
