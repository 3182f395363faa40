"""Recording what is due: asks the store to fire, hands it the planner, and tells whoever waits for the runs."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from hourbell.engine.aside import Aside
from hourbell.engine.batch_size import BatchSize
from hourbell.engine.plans import BatchPlanner, Plans
from hourbell.errors import StoreMisconfigured
from hourbell.events import FireMissed
from hourbell.telling import Telling

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from hourbell.engine.offering import Offering
    from hourbell.engine.parts import Parts
    from hourbell.model.offer import Offer
    from hourbell.model.plan import Fired, FiringReport
    from hourbell.store.protocol import Store

BATCH = 500
"""The most schedules per transaction: enough to be cheap, few enough that a lock is held for milliseconds."""

LEAST = 50
"""Schedules per transaction while few places are free."""

SPACED = timedelta(seconds=0.75)
"""How soon at the earliest schedules may be due again when the ends of their runs make way for other fires, for
`reports.LONGEST` at the most: the next fire must not find the last run unfinished because of that."""

UNTIL_ALONE = 0.01
"""Seconds until the next look, when a batch that was begun meanwhile is still under way."""

_log = Telling(logging.getLogger("hourbell.engine"))


class Takers(Protocol):
    """Who executes runs on this node, as the firing sees it."""

    def take_now(self) -> None:
        """New runs are due: claim at once."""

    def room(self) -> int:
        """How many runs this node could start right now; 0 when it executes none."""


class Firing:
    """One step records one batch of due schedules. A full batch is followed by the next at once.

    While full batches follow each other and all they bring is taken, the step `beside` does the same at the same time,
    in a session of its own where the store has one: so the database has work while one of them plans and hands over.
    It is `step` alone that says when all is done.
    """

    def __init__(
        self,
        store: Store,
        parts: Parts,
        node_id: str,
        takers: Takers,
        *,
        fired: Callable[[int], None],
        hint: Callable[[], None],
        offering: Offering,
        beaten: Callable[[datetime], object],
    ) -> None:
        self._store = store
        self._parts = parts
        self._node_id = node_id
        self._takers = takers
        self._fired = fired
        self._beaten = beaten
        self._hint = hint
        self._offering = offering
        self._aside = Aside(parts.clock)
        self._size = BatchSize(parts.clock, parts.settings.lease)
        rate = parts.settings.catch_up_rate
        apart = timedelta(seconds=1 / rate) if rate else None
        self._planner = Plans(timedelta(seconds=parts.settings.lease), apart)
        self._locked = 0
        self._flows = self._is_beside = self._is_crowd_expected = False
        self._due: datetime | None = None
        self.more: Callable[[], object] = lambda: None

    def expect(self, due: datetime | None) -> None:
        """Something will be due at this instant: the next step makes it ready, where it is not too late for that."""
        self._due = due

    def expect_crowd(self) -> None:
        """Many will be due together soon: the next step beside makes its session ready."""
        self._is_crowd_expected = True

    async def step(self) -> float | None:
        """Fire what is due; 0 when there may be more, None when all that this node could lock is done."""
        due, self._due = self._due, None
        if due is not None and (left := (due - self._parts.clock.now()).total_seconds()) > 0:
            offer = await self._offer(spare=True)
            if offer is None:
                return left
            return await self._fire_at(due, offer)
        wait = await self._done(*await self._fire())
        return self._through() if wait is None else wait

    async def beside(self) -> float | None:
        """One batch more while others flow and there are places for it; None until the next of the others."""
        offering, wait = self._offering, None
        if self._is_crowd_expected:
            self._is_crowd_expected = False
            await self._store.fire_due(0, self._planner, beside=True)
        try:
            if self._flows and not offering.doubtful:
                self._is_beside = True
                offer = await offering.ask(BATCH)
                if offer is not None and offer.room < self._least():
                    offering.took(offer, ())
                elif offer is not None:
                    limit = self._size.within(min(BATCH, offer.room))
                    wait = await self._done(limit, await self._fire_under(offer, limit, beside=True))
        finally:
            self._is_beside = wait is not None
        return wait

    async def _fire_at(self, due: datetime, offer: Offer) -> float | None:
        """Be ready for what is due in a moment, and fire it then. What cannot be made ready is fired at its time."""
        limit = self._size.within(min(BATCH, offer.room))
        report = await self._fire_under(offer, limit, due)
        left = (due - self._parts.clock.now()).total_seconds()
        if report.passed < report.locked or left <= 0:
            wait = await self._done(limit, report)
            if wait is not None or report.passed:
                return 0
            return self._through()
        if report.locked:
            return left
        self._beaten(due)
        return None

    async def _done(self, limit: int, report: FiringReport) -> float | None:
        self._locked += report.locked
        self._aside.put(report.unreadable)
        self._aside.wait_for(report.awaited)
        self._hold(report.held)
        self._tell(report)
        self._parts.events.tell_ends(report.displaced, self._node_id)
        if report.fired:
            self._hand_over(report.fired, len(report.taken))
        if (report.pause_over and await self._resume()) or report.locked >= limit:
            return 0
        return None

    def _through(self) -> float | None:
        """There is no more: say so, unless a batch beside is under way still."""
        if self._is_beside:
            return UNTIL_ALONE
        locked, self._locked = self._locked, 0
        self._fired(locked)
        return None

    async def _fire(self) -> tuple[int, FiringReport]:
        """Record one batch, and answer how large it could be. While places are free here it is as large as they are
        many: what is taken needs no claim, and what is left waits for one."""
        offer = await self._offer()
        limit = self._size.within(BATCH if offer is None else max(LEAST, min(BATCH, offer.room)))
        return limit, await self._fire_under(offer, limit)

    async def _fire_under(
        self, offer: Offer | None, limit: int, until: datetime | None = None, *, beside: bool = False
    ) -> FiringReport:
        planner, exclude, begun = BatchPlanner(self._planner), self._aside.present(), self._size.begin()
        try:
            report = await self._store.fire_due(limit, planner, exclude, offer, until, beside=beside)
        except BaseException:
            self._size.failed(begun, limit)
            self._flows = False
            if offer is not None:
                self._offering.in_doubt(offer)
            raise
        is_full = report.locked >= limit
        self._size.ended(begun, limit, is_full=is_full)
        flows = self._flows = is_full and len(report.taken) == limit
        if offer is not None:
            is_spaced = planner.again is None or planner.again - report.now >= SPACED
            self._offering.took(offer, report.taken, in_burst=flows and is_spaced)
        if flows:
            self.more()
        return report

    async def _offer(self, *, spare: bool = False) -> Offer | None:
        await self._offering.read_back()
        if self._flows and not spare:
            return await self._offering.ask_again(BATCH, self._least())
        return await self._offering.ask(BATCH, spare=spare) if self._takers.room() else None

    def _least(self) -> int:
        return min(LEAST, max(1, self._parts.settings.max_runs // 2))

    async def _resume(self) -> bool:
        """End the pauses whose time has come. True when there were any: what they owe may be due already."""
        over = await self._store.resume_due(BATCH, self._aside.present())
        self._aside.put(over.unreadable)
        self._locked += len(over.resumed)
        for schedule in over.resumed:
            _log.info("schedule %r is resumed: its pause has ended", schedule.id)
        return bool(over.resumed)

    def _hand_over(self, fired: tuple[Fired, ...], taken: int) -> None:
        """Wake those who can take the runs: this node first, the others only for what it cannot take."""
        known, queues = self._parts.tasks.names(), self._parts.settings.queues
        mine = sum(1 for run in fired if run.task in known and (queues is None or run.queue in queues))
        room = max(0, self._takers.room() - taken)
        if mine and room:
            self._takers.take_now()
        if len(fired) > min(mine, room):
            self._hint()

    def _hold(self, held: tuple[tuple[str, str], ...]) -> None:
        """Say which schedule waits for its calendar, in the log and in health, until none does any more."""
        if held:
            schedule_id, name = held[0]
            said = StoreMisconfigured(
                f"schedule {schedule_id!r} does not fire: its policy blackout names the calendar {name!r}, which is "
                "not stored; store it with add_calendar(), or change the policy"
            )
            self._parts.troubles.met("blackout", said)
        if not self._aside.hold(schedule_id for schedule_id, _ in held):
            self._parts.troubles.over("blackout")

    def _tell(self, report: FiringReport) -> None:
        if not report.skipped or not self._parts.events.wants(FireMissed):
            return
        for schedule_id, skip in report.skipped:
            missed = FireMissed(
                schedule_id=schedule_id,
                reason=skip.reason,
                fire_at=skip.fire_at,
                covers_until=skip.covers_until,
                covers_count=skip.covers_count,
            )
            self._parts.events.emit(missed)
