"""Due times that a blackout swallows: told as skips of their own, counted window by window and never walked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hourbell.model.gap import TICK, in_utc, passed
from hourbell.model.plan import PlannedSkip
from hourbell.model.run_state import Reason

if TYPE_CHECKING:
    from datetime import datetime

    from hourbell.triggers import Trigger
    from hourbell.triggers.cover import Cover

MOST_STRETCHES = 100
"""Skips that one plan makes of a gap with blackouts in it; what is left is due again at once."""


def blacked_out(trigger: Trigger, blackout: Cover, fire_at: datetime, until: datetime) -> PlannedSkip | None:
    """The due times from ``fire_at``, itself one, to the end of the blackout that it falls into; None: into none."""
    window = blackout.around(fire_at)
    return _skip(trigger, fire_at, min(until, window.end - TICK), Reason.BLACKOUT) if window is not None else None


def stretches(
    trigger: Trigger, blackout: Cover, cursor: datetime, until: datetime, reason: Reason
) -> list[PlannedSkip]:
    """The due times from ``cursor``, itself one, to ``until``, skipped for ``reason`` or for a blackout."""
    found: list[PlannedSkip] = []
    fire: datetime | None = cursor
    while fire is not None and fire <= until and len(found) < MOST_STRETCHES:
        skip = blacked_out(trigger, blackout, fire, until)
        if skip is None:
            following = blackout.following(fire)
            skip = _skip(trigger, fire, until if following is None else min(until, following - TICK), reason)
        found.append(skip)
        fire = in_utc(trigger.next_after(skip.covers_until))
        if fire is not None and fire <= skip.covers_until:
            raise ValueError(f"{trigger!r} answered {fire}, which is not later than {skip.covers_until}")
    return found


def _skip(trigger: Trigger, first: datetime, until: datetime, reason: Reason) -> PlannedSkip:
    gap = passed(trigger, first, max(first, until))
    # There is one always: the first due time itself.
    return gap.skip(reason) if gap is not None else PlannedSkip(reason, first, first, 1)
