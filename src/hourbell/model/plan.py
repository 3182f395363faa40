"""What the planner is told and what it answers, when a schedule is due. Pure values between store and engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from hourbell.model.overlap import Unfinished
from hourbell.model.schedule import Schedule, ScheduleState

if TYPE_CHECKING:
    from hourbell.model.named_calendar import NamedCalendar
    from hourbell.model.run import CancelRequest, Run
    from hourbell.model.run_state import Reason


@dataclass(frozen=True, slots=True)
class FireFacts:
    """What the store read under the schedule's lock.

    ``others``: the runs of this schedule that are unfinished; none when overlap is allowed, for nobody counted.
    ``declared``: False when the schedule came from code and no live node declares it any more; ``left_at`` is when the
    last lease of one that did ended, or would have ended; None when none is known.
    ``calendars``: those that the schedule's policy ``blackout`` names, as they are stored now.
    """

    others: Unfinished
    declared: bool
    calendars: tuple[NamedCalendar, ...] = ()
    left_at: datetime | None = None


UNDISTURBED = FireFacts(Unfinished(), declared=True)
"""The facts of most: nothing of the schedule is unfinished or nobody counts, and no calendar is named."""


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """A fire that gets its run. ``run_at`` is when it may start (None: when those before it have ended), ``start_by``
    until when (None: however late). ``replaces``: older runs of the schedule make way for it. ``apart``: it was caught
    up, and starts no sooner than so long after the one caught up before it, of whatever schedule."""

    fire_at: datetime
    run_at: datetime | None
    start_by: datetime | None = None
    replaces: bool = False
    apart: timedelta | None = None


@dataclass(frozen=True, slots=True)
class PlannedSkip:
    """Due times that do not run, and why: from ``fire_at`` to ``covers_until``, ``covers_count`` of them (at least).

    ``yielded_to``: the unfinished run that stood in the way of the first of them. An overlap without it has given way
    to a run of the same plan: the one before it, or else the one after it.
    """

    reason: Reason
    fire_at: datetime
    covers_until: datetime
    covers_count: int
    yielded_to: str | None = None


@dataclass(frozen=True, slots=True)
class FirePlan:
    """Everything that one transaction writes for one due schedule.

    ``runs`` and ``skips`` are in the order of their fires, and each fire from the old cursor to ``last_fire_at`` stands
    in exactly one of them. The cursor moves to ``next_fire_at``, later than ``last_fire_at``, or the schedule ends in
    ``state``. When the last skip continues the one recorded last for the same reason, the store grows that row.
    ``shared``: the planner says the same of every schedule with these rules and this cursor of which nothing is
    unfinished (`UNDISTURBED`), so that it need not be asked for each.
    """

    runs: tuple[PlannedRun, ...]
    skips: tuple[PlannedSkip, ...]
    next_fire_at: datetime | None
    last_fire_at: datetime
    state: ScheduleState = ScheduleState.ACTIVE
    shared: bool = False

    @property
    def plain(self) -> PlannedRun | None:
        """The run, when it is all that the plan writes: one fire, whose start is known, and the cursor after it."""
        after = ScheduleState.ACTIVE if self.next_fire_at is not None else ScheduleState.FINISHED
        if len(self.runs) != 1 or self.skips or self.state is not after:
            return None
        run = self.runs[0]
        return run if run.run_at is not None and run.apart is None and not run.replaces else None


LONGEST_HOLD = timedelta(milliseconds=20)
"""How long before its due time a schedule may be locked, to be recorded in that moment, by the database's clock."""

Planner = Callable[[Schedule, FireFacts, datetime], FirePlan | None]
"""Decides one due schedule at an instant. Never raises; None leaves the schedule to nodes that can read it."""


@dataclass(frozen=True, slots=True)
class Fired:
    """One run recorded by a firing. ``run_at`` None: it waits for its turn."""

    run_id: str
    schedule_id: str
    task: str
    queue: str
    fire_at: datetime
    run_at: datetime | None


@dataclass(frozen=True, slots=True)
class FiringReport:
    """What one firing did: ``locked`` schedules seen, runs and skips recorded, ids that no plan could be made for.

    ``held``: schedules that were left as they are because they name a calendar that is not stored, with its name.
    ``awaited``: those that were left because the nodes that declare them have just gone, and may come back.
    ``pause_over``: some pause that said when it ends is over.
    ``displaced``: older runs that waited and have ended to make way for new ones, as they are stored now.
    ``taken``: runs recorded as claimed under the offer of who fired, the earliest first; not among ``fired``.
    ``until``: this was made ready before it was due, and recorded no sooner than then; ``passed`` schedules were left
    for a firing at their time.
    """

    now: datetime
    locked: int
    fired: tuple[Fired, ...] = ()
    skipped: tuple[tuple[str, PlannedSkip], ...] = ()
    unreadable: tuple[str, ...] = ()
    held: tuple[tuple[str, str], ...] = ()
    awaited: tuple[str, ...] = ()
    pause_over: bool = False
    displaced: tuple[Run, ...] = ()
    taken: tuple[Run, ...] = ()
    until: datetime | None = None
    passed: int = 0


@dataclass(frozen=True, slots=True)
class Resumption:
    """Pauses that have ended by themselves: the schedules that fire again, and ids that this version cannot read."""

    resumed: tuple[Schedule, ...]
    unreadable: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """What a node asks about: runs of these tasks in these queues (None: in all). Those that were due before ``since``
    may be left out; the answer says whether they were. ``fires``: up to how many schedules are counted of those that
    are due next, at one instant."""

    tasks: tuple[str, ...]
    queues: tuple[str, ...] | None
    since: datetime | None = None
    fires: int = 0


@dataclass(frozen=True, slots=True)
class NextWork:
    """When there will be something to do, as the database sees it at ``now``.

    ``fire_due``: an active schedule is due, or the end of a pause; ``next_fire_at`` is the next of both. ``run_due``: a
    run that this node may claim is due. The instants are the least ones later than ``now``; None when there is none.
    ``cancelling``: the runs of this very node that somebody asked to end. ``since``: runs that were due before it were
    left out; None: none were.
    ``next_fires``: how many active schedules are due at the first instant later than ``now`` at which any is, as far as
    they were counted.
    """

    now: datetime
    fire_due: bool
    next_fire_at: datetime | None
    run_due: bool
    next_run_at: datetime | None
    cancelling: tuple[CancelRequest, ...] = ()
    since: datetime | None = None
    next_fires: int = 0
