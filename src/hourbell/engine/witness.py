"""The two witnesses of a death: the database's clock and the rescuer's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from hourbell.model.node import Sibling


class Witness:
    """Remembers since when each sibling's renewal number has stood still, by this node's own elapsed seconds.

    A sibling is suspect when its lease has expired by the database's clock *and* its number has stood still for half a
    lease here: neither a jump of one clock nor a stall that hit everybody makes anyone suspect. Pure: it is told the
    time.
    """

    def __init__(self, lease: float) -> None:
        self._patience = lease / 2
        self._seen: dict[str, tuple[Sibling, float]] = {}

    def saw(self, siblings: Iterable[Sibling], elapsed: float) -> None:
        """What a renewal, answered at ``elapsed``, told of the other live nodes."""
        before = self._seen
        self._seen = {}
        for sibling in siblings:
            known, since = before.get(sibling.id, (None, elapsed))
            still = known is not None and known.renewals == sibling.renewals
            self._seen[sibling.id] = (sibling, since if still else elapsed)

    def forget(self) -> None:
        """This node could not renew itself: whatever stood still may have stood still for the same reason."""
        self._seen = {}

    def suspects(self, now: datetime, elapsed: float) -> dict[str, int]:
        """Who may be declared dead at the database's instant ``now``: id to the renewal number it stopped at."""
        return {
            sibling.id: sibling.renewals
            for sibling, since in self._seen.values()
            if sibling.lease_until <= now and elapsed - since >= self._patience
        }

    def wait(self, now: datetime, elapsed: float) -> float | None:
        """Seconds until the next sibling would be suspect if it stood still; None when there is none to wait for."""
        waits = (
            max((sibling.lease_until - now).total_seconds(), since + self._patience - elapsed)
            for sibling, since in self._seen.values()
        )
        return min((wait for wait in waits if wait > 0), default=None)
