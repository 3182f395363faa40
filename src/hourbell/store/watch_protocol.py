"""The part of the port that is about looking at what changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from hourbell.model.change import RunSeen, ScheduleSeen


class WatchStore(Protocol):
    """Short looks, whose cost is that of their limits and not of the tables."""

    async def see_runs(
        self, since: str, ids: Collection[str], limit: int, *, waiting: bool = False
    ) -> Sequence[RunSeen]:
        """The newest runs whose id is not less than ``since``, those that such entries of the audit tell of, those that
        are running now, with ``waiting`` those that are queued (at most ``limit`` of each), and those of these ids that
        are still there; each once."""

    async def see_schedules(self, since: str, ids: Collection[str], limit: int) -> Sequence[ScheduleSeen]:
        """The schedules of these ids, and those that entries of the audit tell of whose id is not less than ``since``
        (the newest ``limit``); each once, also what is gone."""
