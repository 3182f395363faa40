"""The port over SQL: each verb is one script, run by a database driver inside one transaction."""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from hourbell.errors import StoreUnavailable
from hourbell.model.ids import is_run_id
from hourbell.model.page import Page
from hourbell.model.retention import FROM_THE_FIRST
from hourbell.model.run import Attempt, Claim, Held, NewRun, Run, RunFilter, Settlement
from hourbell.model.run_state import Reason
from hourbell.store.finishing import finish
from hourbell.store.protocol import untold
from hourbell.store.scripts import (
    auditing,
    backfilling,
    calendars,
    changes,
    claiming,
    declaring,
    firing,
    guards,
    listing,
    logs,
    overlap,
    pauses,
    requesting,
    runs,
    schedules,
    settling,
    surveying,
)
from hourbell.store.scripts.rows import attempt_from, rules_from, run_from
from hourbell.store.scripts.script import Call, Script, batch, one, sent
from hourbell.store.sql_nodes import SqlNodes

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import datetime, timedelta

    from hourbell.model.audit import Act, AuditEntry, AuditFilter
    from hourbell.model.change import RunSeen, ScheduleSeen
    from hourbell.model.editing import Change
    from hourbell.model.guard import Guard, GuardEnd, GuardHold, GuardKind, GuardWish
    from hourbell.model.hint import Hint
    from hourbell.model.limit import Limit
    from hourbell.model.log_line import LogBound, LogLine, Place
    from hourbell.model.named_calendar import NamedCalendar
    from hourbell.model.offer import Offer
    from hourbell.model.plan import FiringReport, Planner, Resumption
    from hourbell.model.progress import ProgressReport
    from hourbell.model.retention import Pruned, Retention
    from hourbell.model.run_state import RunState
    from hourbell.model.schedule import Declaration, Schedule
    from hourbell.model.schedule_filter import ScheduleFilter
    from hourbell.model.survey import Survey
    from hourbell.store.driver import Database, Span
    from hourbell.store.protocol import Ended, OnConflict

MOST_RULES = 2_000
"""Different rules of schedules that are kept as they were read, for their next fires."""

ONLY_READS = "the database answers, but only reads: it is a standby, or is set to `default_transaction_read_only`"

MOST_SESSIONS = 5
"""So many sessions are asked whether they may write before that is said of the database: those of the pool, and a new
one."""

VERBS_PATIENCE = 10.0
"""Seconds that what a user asked for may take, whatever the lease: none depends on it, and a busy machine is no
reason to refuse it."""


class SqlStore(SqlNodes):
    """Every verb of `hourbell.store.protocol.Store` that is a script; the two databases add how they are opened."""

    def __init__(self, database: Database, act: Act | None = None) -> None:
        super().__init__(database)
        self._act = act
        self.leaves_out = not self._steps  # what is dead is kept where rows are locked, and needs passing over
        self._hint: Callable[[Sequence[NewRun]], Call] | None = None
        self._rules = lru_cache(MOST_RULES)(rules_from)

    @property
    def can_hold(self) -> bool:
        """See `Store.can_hold`."""
        return self._database.can_hold

    @property
    def statements(self) -> int:
        """How many statements were sent; transaction brackets are not counted."""
        return self._database.statements

    # Schedules

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
        until = until if self.can_hold else None
        begin = partial(firing.fire_due, limit, plan, exclude, offer, self._rules, in_steps=self._steps, until=until)
        return await self._database.run(begin, "fire_beside" if beside else "fire", hold=_hold)

    async def resume_due(self, limit: int, exclude: Collection[str] = ()) -> Resumption:
        return await self._database.run(lambda: pauses.resume_due(limit, exclude), "fire")

    async def declare(self, node_id: str, declarations: Sequence[Declaration]) -> Sequence[Schedule]:
        return await self._database.run(lambda: declaring.declare(node_id, declarations), "fire")

    async def add_schedule(self, declaration: Declaration, on_conflict: OnConflict) -> Schedule:
        return await self._database.run(
            lambda: auditing.added(self._act, declaration.id, schedules.add_schedule(declaration, on_conflict)),
            "verbs",
        )

    async def edit_schedule(self, schedule_id: str, change: Change, *, ended: Ended = untold) -> Schedule:
        edited, begun = await self._database.run(
            lambda: auditing.edited(self._act, schedule_id, schedules.edit_schedule(schedule_id, change)), "verbs"
        )
        await finish(self._database, schedule_id, begun, ended)
        return edited

    async def remove_schedule(
        self, schedule_id: str, revision: str | None = None, *, ended: Ended = untold
    ) -> Schedule:
        removed, begun = await self._database.run(
            lambda: auditing.removed(self._act, schedule_id, schedules.remove_schedule(schedule_id, revision)), "verbs"
        )
        await finish(self._database, schedule_id, begun, ended)
        return removed

    async def backfill(self, schedule_id: str, origin: str, fires: Sequence[datetime]) -> int:
        return await self._database.run(
            lambda: auditing.backfilled(
                self._act, schedule_id, origin, fires, backfilling.backfill(schedule_id, origin, fires)
            ),
            "verbs",
        )

    async def get_schedule(self, schedule_id: str) -> Schedule:
        return await self._database.run(lambda: schedules.get_schedule(schedule_id), "read", atomic=False)

    async def list_schedules(self, wanted: ScheduleFilter) -> Page[Schedule]:
        return await self._database.run(lambda: schedules.list_schedules(wanted), "read", atomic=False)

    # Calendars

    async def put_calendar(self, name: str, spec: str, on_conflict: OnConflict) -> NamedCalendar:
        return await self._database.run(
            lambda: auditing.put(self._act, name, calendars.put_calendar(name, spec, on_conflict)), "verbs"
        )

    async def get_calendar(self, name: str) -> NamedCalendar:
        return await self._database.run(lambda: calendars.get_calendar(name), "read", atomic=False)

    async def list_calendars(self, *, cursor: str | None = None, limit: int = 50) -> Page[NamedCalendar]:
        begin = partial(one, "calendars.list", cursor=cursor, limit=limit + 1)
        rows = await self._database.run(begin, "read", atomic=False)
        items = tuple(calendars.calendar_from(row) for row in rows[:limit])
        return Page(items, items[-1].name if len(rows) > limit else None)

    async def remove_calendar(self, name: str, *, force: bool = False) -> NamedCalendar:
        return await self._database.run(
            lambda: auditing.dropped(self._act, name, calendars.remove_calendar(name, force=force)), "verbs"
        )

    # Runs

    async def enqueue(self, runs_: Sequence[NewRun], *, hint: bool = False) -> Sequence[Run]:
        # One statement as a rule, a transaction of its own: what brackets it would take longer than it does.
        is_alone = not self._steps and not any(run.key is not None and run.key_period is not None for run in runs_)
        tell = self._hint(runs_) if hint and self._hint is not None else None
        begin = partial(requesting.enqueue, runs_, tell if is_alone else None, in_steps=self._steps)
        requested = await self._database.run(begin, "verbs", atomic=not is_alone)
        if tell is not None and not is_alone:
            with suppress(StoreUnavailable):  # the runs are recorded
                await self._database.run(partial(sent, tell), "verbs", atomic=False)
        return requested

    async def trigger_schedule(
        self, schedule_id: str, build: Callable[[Schedule], NewRun], *, ended: Ended = untold
    ) -> Run:
        run, displaced = await self._database.run(lambda: auditing.triggered(self._act, schedule_id, build), "verbs")
        ended(displaced)
        return run

    async def claim(
        self,
        node_id: str,
        claim_id: str,
        *,
        limit: int,
        tasks: Mapping[str, int],
        queues: Sequence[str] | None,
        suspects: int,
        limits: Collection[Limit] = (),
        slots: int | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Claim | None:
        at_once = limit if slots is None else slots
        asked = claiming.Asked(node_id, claim_id, limit, tasks, queues, suspects, limits, at_once, since, until)
        script = claiming.claim_in_steps if self._steps else claiming.claim_at_once
        # One statement is a transaction of its own; under a limit there are two.
        claim = await self._database.run(lambda: script(asked), "claim", atomic=self._steps or bool(limits))
        late = {run.schedule_id for run in claim.missed if run.schedule_id is not None} if claim is not None else set()
        if late:  # too late for their grace: others may have waited for them
            await self._database.run(partial(overlap.release, late), "claim")
        return claim

    async def claim_named(self, node_id: str, claim_id: str, hint: Hint) -> Claim | None:
        named = partial(claiming.named, node_id, claim_id, hint, in_steps=self._steps)
        return await self._database.run(named, "claim", atomic=self._steps)

    async def claimed(self, node_id: str, claim_id: str) -> Sequence[Run]:
        begin = partial(one, "runs.claimed", node=node_id, claim_id=claim_id)
        rows = await self._database.run(begin, "claim", atomic=False)
        return [run_from(row) for row in rows]

    async def held(self, node_id: str) -> Sequence[Held]:
        rows = await self._database.run(partial(one, "runs.held", node=node_id), "claim", atomic=False)
        return [Held(str(row["id"]), row["attempt"]) for row in rows]

    async def note_started(self, node_id: str, started: Sequence[tuple[str, int, datetime]]) -> None:
        rows = [{"id": run, "attempt": attempt, "started_at": at} for run, attempt, at in sorted(started)]
        await self._database.run(partial(sent, batch("runs.note_started", rows, node=node_id)), "settle")

    async def settle(self, node_id: str, settlements: Sequence[Settlement]) -> Mapping[str, RunState]:
        if not settlements and self._steps:
            return {}
        script = settling.settle_in_steps if self._steps else settling.settle_at_once
        settled = await self._database.run(lambda: script(node_id, settlements), "settle", atomic=self._steps)
        # In the application's transaction the report itself, which follows the commit, lets the next one go.
        if settled.passes_on and not self._database.is_lent:
            await self._database.run(lambda: overlap.release(settled.passes_on), "settle")
        return settled.accepted

    async def is_settled(self, node_id: str, run_id: str, attempt: int) -> bool:
        return await self._database.run(lambda: settling.is_settled(node_id, run_id, attempt), "verbs")

    async def cancel_run(self, run_id: str, reason: Reason = Reason.CANCELLED) -> Run:
        run = await self._database.run(
            lambda: auditing.changed(self._act, run_id, runs.cancel_run(run_id, reason)), "verbs"
        )
        if run.state.final and run.schedule_id is not None:
            await self._database.run(partial(overlap.release, [run.schedule_id]), "verbs")
        return run

    async def retry_run(self, run_id: str, args: Mapping[str, Any] | None = None) -> Run:
        return await self._database.run(
            lambda: auditing.changed(self._act, run_id, runs.retry_run(run_id, args)), "verbs"
        )

    async def retry_runs(self, run_ids: Collection[str]) -> Sequence[Run]:
        return await self._database.run(
            lambda: auditing.all_changed(self._act, run_ids, runs.retry_runs(run_ids)), "verbs"
        )

    async def get_run(self, run_id: str) -> Run:
        return await self._database.run(lambda: runs.get_run(run_id), "read", atomic=False)

    async def list_runs(self, wanted: RunFilter) -> Page[Run]:
        return await self._database.run(lambda: listing.list_runs(wanted), "read", atomic=False)

    async def list_attempts(self, run_id: str) -> Sequence[Attempt]:
        if not is_run_id(run_id):
            return []
        rows = await self._database.run(lambda: one("runs.attempts", id=run_id), "read", atomic=False)
        return [attempt_from(row) for row in rows]

    async def prune(self, retention: Retention, limit: int, beyond: Mapping[RunState, str] = FROM_THE_FIRST) -> Pruned:
        return await self._database.run(lambda: runs.prune(retention, limit, beyond), "fire")

    # Who did what

    def audited(self, act: Act) -> SqlStore:
        return SqlStore(self._database, act)

    async def list_audit(self, wanted: AuditFilter) -> Page[AuditEntry]:
        return await self._database.run(lambda: auditing.list_audit(wanted), "read", atomic=False)

    # What changes

    async def see_runs(
        self, since: str, ids: Collection[str], limit: int, *, waiting: bool = False
    ) -> Sequence[RunSeen]:
        queued = limit if waiting else 0
        return await self._database.run(lambda: changes.see_runs(since, ids, limit, queued), "read", atomic=False)

    async def see_schedules(self, since: str, ids: Collection[str], limit: int) -> Sequence[ScheduleSeen]:
        return await self._database.run(lambda: changes.see_schedules(since, ids, limit), "read", atomic=False)

    # What bodies say

    async def note_progress(self, node_id: str, reports: Sequence[ProgressReport]) -> None:
        await self._database.run(lambda: logs.note_progress(node_id, reports), "verbs", atomic=self._steps)

    async def add_logs(self, lines: Sequence[LogLine], bounds: Sequence[LogBound] = ()) -> None:
        await self._database.run(lambda: logs.add_logs(lines, bounds), "verbs")

    async def list_logs(self, run_id: str, *, attempt: int | None, after: Place, limit: int) -> Sequence[LogLine]:
        return await self._database.run(lambda: logs.list_logs(run_id, attempt, after, limit), "read", atomic=False)

    # Guards

    async def take_guard(self, wish: GuardWish) -> Guard:
        return await self._database.run(lambda: guards.take_guard(wish), "verbs", atomic=False)

    async def look_at_guard(self, kind: GuardKind, name: str, period: str) -> Guard | None:
        return await self._database.run(lambda: guards.look_at_guard(kind, name, period), "read", atomic=False)

    async def renew_guards(self, holds: Sequence[GuardHold], lease: timedelta) -> Collection[str]:
        return await self._database.run(lambda: guards.renew_guards(holds, lease), "renew", atomic=False)

    async def end_guard(self, end: GuardEnd) -> bool:
        return await self._database.run(lambda: guards.end_guard(end), "verbs", atomic=False)

    # What there is

    async def survey(self, patience: timedelta) -> Survey:
        return await self._database.run(lambda: surveying.survey(patience), "read", atomic=False)

    async def ping(self, *, writing: bool = False) -> datetime:
        statement = "clock.read_to_write" if writing and self._database.has_row_locks else "clock.read"
        for _ in range(MOST_SESSIONS):
            with suppress(_SessionOnlyReads):
                return await self._database.run(lambda: _pinged(statement), "read", atomic=False)
        raise StoreUnavailable(ONLY_READS)


def _hold(report: FiringReport) -> Span | None:
    return (report.now, report.until) if report.until is not None else None


class _SessionOnlyReads(Exception):
    """No refusal of ours, after which a session is as good as before: one that has learnt that it may only read knows
    that for as long as it lives, and is thrown away."""


def _pinged(statement: str) -> Script[datetime]:
    rows = yield from one(statement)
    if rows[0].get("only_reads"):
        raise _SessionOnlyReads
    now: datetime = rows[0]["now_at"]
    return now
