"""A pattern of local times in a zone, under a policy: the fires of one trigger that follows the wall clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hourbell.triggers.instants import as_utc
from hourbell.triggers.wall_clock import next_fire, prev_fire
from hourbell.triggers.wall_count import count_fires

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from hourbell.triggers.dst import DstPolicy
    from hourbell.triggers.wall_clock import WallPattern


@dataclass(frozen=True, slots=True)
class WallRule:
    """What all wall-clock triggers answer, each method as in `Trigger`."""

    pattern: WallPattern
    zone: tzinfo
    policy: DstPolicy

    def next_after(self, instant: datetime) -> datetime | None:
        """See `Trigger.next_after`."""
        return next_fire(self.pattern, self.zone, self.policy, instant)

    def prev_before(self, instant: datetime) -> datetime | None:
        """See `Trigger.prev_before`."""
        return prev_fire(self.pattern, self.zone, self.policy, instant)

    def count_between(self, start: datetime, end: datetime, cap: int) -> int:
        """See `Trigger.count_between`."""
        return count_fires(self.pattern, self.zone, self.policy, as_utc(start), as_utc(end), cap)
