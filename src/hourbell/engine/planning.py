"""What a due schedule records: pure and synchronous, decided inside the store's transaction.

Every due time from the cursor to now stands in exactly one run or skip. A cursor at most a lease late is lateness:
each fire gets its run. Anything later is a gap, treated by ``catch_up`` and never walked.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from datetime import UTC
from typing import TYPE_CHECKING

from hourbell.engine.blackouts import MOST_STRETCHES, blacked_out, stretches
from hourbell.model.gap import TICK, in_utc
from hourbell.model.jitter import start_of
from hourbell.model.named_calendar import cover_of
from hourbell.model.overlap import Turn, Unfinished, turn_of
from hourbell.model.plan import FirePlan, PlannedRun, PlannedSkip
from hourbell.model.run_state import Reason
from hourbell.model.schedule import ScheduleState
from hourbell.telling import Telling
from hourbell.triggers.cover import NOTHING
from hourbell.triggers.open_times import prev_open

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, timedelta

    from hourbell.model.plan import FireFacts
    from hourbell.model.policies import Policies
    from hourbell.model.schedule import Schedule
    from hourbell.triggers import Trigger
    from hourbell.triggers.cover import Cover

MOST_FIRES = 1_000
"""Fires that one plan takes on one by one; what is left is due again at once."""

_log = Telling(logging.getLogger("hourbell.engine"))


def plan_fires(
    schedule: Schedule, facts: FireFacts, now: datetime, *, lease: timedelta, apart: timedelta | None = None
) -> FirePlan | None:
    """Plan everything that is due at ``now``; what is caught up starts ``apart``, over all schedules.

    Never raises: None when this version cannot read the schedule.
    """
    try:
        return _plan(schedule, facts, now.astimezone(UTC), lease, apart)
    except Exception:  # noqa: BLE001 - a trigger or policy of another version may fail in any way at all
        _log.debug("no plan could be made for schedule %r", schedule.id, exc_info=True)
        return None


def _plan(
    schedule: Schedule, facts: FireFacts, now: datetime, lease: timedelta, apart: timedelta | None
) -> FirePlan | None:
    cursor = schedule.next_fire_at
    if cursor is None or cursor > now:
        return None
    ledger = _Ledger(schedule.id, schedule.trigger, schedule.effective, facts.others, now)
    cursor = cursor.astimezone(UTC)
    if facts.declared:
        ledger.blackout = cover_of(facts.calendars)
    elif facts.left_at is not None and now < facts.left_at + lease:
        return None  # who declares it has just gone and may be starting again; its due times wait for that
    else:
        ledger.skip_all(cursor, Reason.UNDECLARED)
        return ledger.closed(ScheduleState.UNDECLARED)
    is_gap = now - cursor > lease
    rest = ledger.skip_what_is_past_its_grace(cursor)
    if rest is None:
        return ledger.closed()
    if is_gap:
        ledger.apart = apart
        _catch_up(ledger, rest)
    else:
        ledger.run_each(rest)
    return ledger.closed()


def _catch_up(ledger: _Ledger, cursor: datetime) -> None:
    policies = ledger.policies
    if policies.catch_up == "skip":
        ledger.skip_all(cursor, Reason.MISSED)
    elif policies.catch_up == "latest":
        ledger.run_latest(cursor, 1, Reason.COALESCED)
    else:
        ledger.run_latest(cursor, policies.catch_up_limit, Reason.CATCH_UP_LIMIT)


@dataclass(slots=True)
class _Ledger:
    """What has been decided so far, fire by fire, in their order."""

    schedule_id: str
    trigger: Trigger
    policies: Policies
    others: Unfinished
    now: datetime
    runs: list[PlannedRun] = field(default_factory=list)
    skips: list[PlannedSkip] = field(default_factory=list)
    blackout: Cover = NOTHING
    apart: timedelta | None = None
    last: datetime | None = None
    last_ran: bool = False
    is_full: bool = False

    def skip_what_is_past_its_grace(self, cursor: datetime) -> datetime | None:
        """Skip the fires that are too late to start, as one row, and answer the first that is not; None: none is."""
        grace = self.policies.grace
        if grace is None or self.now - cursor <= grace:
            return cursor
        earliest = self.now - grace
        self.skip_all(cursor, Reason.MISSED, until=earliest - TICK)
        rest = self._after(earliest - TICK)
        return rest if rest is not None and rest <= self.now and not self.is_full else None

    def skip_all(self, cursor: datetime, reason: Reason, *, until: datetime | None = None) -> None:
        """One skip for the due times from ``cursor``, itself one, to ``until`` (now); counted, not walked.

        A blackout in between has a row of its own.
        """
        end = until if until is not None else self.now
        skips = stretches(self.trigger, self.blackout, cursor, end, reason)
        for skip in skips:
            self._skip(skip)
        if len(skips) == MOST_STRETCHES:
            rest = self._after(skips[-1].covers_until)
            self.is_full = rest is not None and rest <= end

    def run_latest(self, cursor: datetime, limit: int, reason: Reason) -> None:
        """Run the latest ``limit`` due times, oldest first; those before them are one skip."""
        first = self._first_of_latest(cursor, limit)
        if first is None:
            self.skip_all(cursor, reason)
            return
        if first > cursor:
            self.skip_all(cursor, reason, until=first - TICK)
        if not self.is_full:
            self.run_each(first)

    def run_each(self, cursor: datetime) -> None:
        """A run for each due time from ``cursor`` on, as far as the overlap policy and the size of a plan allow."""
        turns = self._replacing(cursor) if self.policies.overlap == "cancel_other" else self._in_turn(cursor)
        for fire_at, turn in turns:
            if isinstance(fire_at, PlannedSkip):
                self._skip(fire_at)
            elif turn is Turn.SKIP:
                self._skip(PlannedSkip(Reason.OVERLAP, fire_at, fire_at, 1, self.others.newest))
            else:
                self._run(fire_at, turn)

    def _in_turn(self, cursor: datetime) -> Iterator[tuple[datetime | PlannedSkip, Turn]]:
        for fire_at in self._due(cursor):
            yield fire_at, turn_of(self.policies, self.others)

    def _replacing(self, cursor: datetime) -> Iterator[tuple[datetime | PlannedSkip, Turn]]:
        """Each fire takes the place of those before it: of several that are due, only the last ones run."""
        due = list(self._due(cursor))
        left = sum(not isinstance(fire_at, PlannedSkip) for fire_at in due)
        for fire_at in due:
            if isinstance(fire_at, PlannedSkip):
                yield fire_at, Turn.SKIP
                continue
            gives_way, left = left > self.policies.max_running, left - 1
            if gives_way:
                yield PlannedSkip(Reason.OVERLAP, fire_at, fire_at, 1), Turn.SKIP
            else:
                yield fire_at, turn_of(self.policies, self.others)

    def closed(self, state: ScheduleState = ScheduleState.ACTIVE) -> FirePlan | None:
        """The plan. Its cursor is the first fire that no row of it records."""
        if self.last is None:
            return None
        upcoming = self._after(self.last if self.is_full else max(self.last, self.now))
        return FirePlan(
            runs=tuple(self.runs),
            skips=tuple(self.skips),
            next_fire_at=upcoming,
            last_fire_at=self.last,
            state=state if upcoming is not None else ScheduleState.FINISHED,
        )

    def _due(self, cursor: datetime) -> Iterator[datetime | PlannedSkip]:
        """The due times from ``cursor`` on, one by one; those in a blackout together, as their skip."""
        fire_at: datetime | None = cursor
        for _ in range(MOST_FIRES):
            if fire_at is None or fire_at > self.now:
                return
            skip = blacked_out(self.trigger, self.blackout, fire_at, self.now)
            yield skip or fire_at
            fire_at = self._after(skip.covers_until if skip is not None else fire_at)
        self.is_full = True

    def _first_of_latest(self, cursor: datetime, limit: int) -> datetime | None:
        """The oldest of the latest ``limit`` due times that may run; None when all are blacked out."""
        first: datetime | None = None
        for _ in range(limit):
            instant = first or self.now + TICK
            earlier = in_utc(prev_open(self.trigger, self.blackout, instant))
            if earlier is None or earlier <= cursor:
                # The cursor is a fire, whatever the trigger says by now: it may have been promised by another one.
                return first if self.blackout.covers(cursor) else cursor
            if earlier >= instant:
                raise ValueError(f"{self.trigger!r} answered {earlier}, which is not earlier than {instant}")
            first = earlier
        return first

    def _run(self, fire_at: datetime, turn: Turn) -> None:
        grace, waits = self.policies.grace, turn is not Turn.NOW
        start = start_of(self.schedule_id, fire_at, self.policies) if not waits else None
        start_by = fire_at + grace if grace is not None else None
        self.runs.append(PlannedRun(fire_at, start, start_by, turn is Turn.REPLACE, self.apart))
        total, waiting = self.others.total + 1, self.others.waiting + waits
        # It has no id yet: what gives way to it is told by its place in the plan.
        self.others = replace(self.others, total=total, waiting=waiting, newest=None)
        self.last, self.last_ran = fire_at, True

    def _skip(self, skip: PlannedSkip) -> None:
        if self.skips and not self.last_ran and self.skips[-1].reason == skip.reason:
            before = self.skips.pop()
            count = before.covers_count + skip.covers_count
            skip = PlannedSkip(skip.reason, before.fire_at, skip.covers_until, count, before.yielded_to)
        self.skips.append(skip)
        self.last, self.last_ran = skip.covers_until, False

    def _after(self, instant: datetime) -> datetime | None:
        upcoming = self.trigger.next_after(instant)
        # In UTC from here on: two instants of one zone are compared by their wall clock, which repeats an hour a year.
        upcoming = upcoming.astimezone(UTC) if upcoming is not None else None
        if upcoming is not None and upcoming <= instant:
            raise ValueError(f"{self.trigger!r} answered {upcoming}, which is not later than {instant}")
        return upcoming
