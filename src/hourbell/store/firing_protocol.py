"""The verbs that turn what is due into runs: a part of the port, see `hourbell.store.protocol`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from hourbell.model.offer import Offer
    from hourbell.model.plan import FiringReport, Planner, Resumption


class FiringStore(Protocol):
    """Schedules that are due, and pauses that are over."""

    async def fire_due(
        self,
        limit: int,
        plan: Planner,
        exclude: Collection[str] = (),
        offer: Offer | None = None,
        until: datetime | None = None,
        *,
        beside: bool = False,
    ) -> FiringReport:
        """Record what is due: the one place where a schedule becomes a run.

        One transaction: lock at most ``limit`` active schedules with ``next_fire_at <= now``, earliest first, passing
        over those that another node has locked and those in ``exclude``; count the unfinished runs of each whose
        overlap is not ``allow`` (after the lock, under a new snapshot); ask ``plan``, a pure function that never
        raises; insert the runs and skips; advance the cursors; have older runs make way for one that ``replaces``
        them. A fire that is recorded already (UNIQUE over schedule, fire, origin) is not recorded twice and the cursor
        advances all the same. A cursor only moves forward, and only from the value that was locked. Ids for which
        ``plan`` answered None are left as they are and reported as unreadable. The older runs that waited and ended to
        make way are reported as displaced.

        The calendars that a schedule names (its policy ``blackout``) are read in the same transaction, after the locks.
        A schedule that names one that is not stored is left as it is and reported as held, with the name. One that no
        live node declares, and for which ``plan`` answered None, is left too and reported as awaited.

        A planned run without ``run_at`` waits for its turn: whatever ends a run of its schedule lets it go as
        `hourbell.model.overlap.turns` says, no sooner than its jitter has it, and the next rescue does where that was
        missed.

        With an ``offer``, runs that may start now are recorded as claimed under it, as `claim` would have given them,
        as far as its places go (`hourbell.model.offer.Taker`); the node's own row is locked before any schedule, and
        while that is not live, nothing is taken. They are reported as taken; when the answer is lost, `claimed` tells.

        ``until``: an instant that is about to come. Where `Store.can_hold`, schedules due by then, and within
        `hourbell.model.plan.LONGEST_HOLD`, are locked already and recorded when they are due, as far as they are taken
        and nothing else is to be written. The others are left as they are and reported as passed.

        ``beside``: another of these is on its way. Where `Store.can_hold` it has a session of its own, so that neither
        waits for the other. That is made when it is needed, also for a ``limit`` of 0, and kept for a minute.
        """

    async def resume_due(self, limit: int, exclude: Collection[str] = ()) -> Resumption:
        """End at most ``limit`` pauses whose ``resume_at`` has come, as `hourbell.model.editing.resumed` says.

        One transaction: those that another node has locked and those in ``exclude`` are passed over. What each pause
        passed over is recorded with its end, by one node.
        """
