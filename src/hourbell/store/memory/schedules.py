"""The verbs of schedules, firing among them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hourbell.errors import Conflict, NotFound
from hourbell.model.audit import Subject, told_backfill, told_schedule
from hourbell.model.backfill import refuse_resting
from hourbell.model.declaring import DeclarationFacts, redeclared
from hourbell.model.editing import Change, check_revision, created, merging, resumed
from hourbell.model.node import NodeState
from hourbell.model.overlap import Unfinished, has_turns
from hourbell.model.page import Page
from hourbell.model.plan import Fired, FireFacts, FiringReport, PlannedSkip, Planner, Resumption
from hourbell.model.run_state import Reason
from hourbell.model.schedule import Declaration, Schedule, ScheduleState, Source
from hourbell.store.memory.audit import note
from hourbell.store.memory.calendars import calendars_of
from hourbell.store.memory.handle import Handle
from hourbell.store.memory.ledger import apply_edit, end_queued, record_backfill, record_plan
from hourbell.store.memory.rows import fresh_run, fresh_schedule
from hourbell.store.memory.taking import Taking
from hourbell.store.memory.turns import take_turns, unfinished
from hourbell.store.protocol import untold

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from hourbell.model.offer import Offer
    from hourbell.model.schedule_filter import ScheduleFilter
    from hourbell.store.memory.tables import Tables
    from hourbell.store.protocol import Ended, OnConflict

Place = tuple[bool, datetime, str]
_NEVER = datetime.max.replace(tzinfo=UTC)


class ScheduleVerbs(Handle):
    """`ScheduleStore` over the tables."""

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
        async with self._transaction() as now:
            tables = self._tables
            taking = Taking(tables, offer, now)
            due = _due(tables, now, exclude)[:limit]
            fired: list[Fired] = []
            skipped: list[tuple[str, PlannedSkip]] = []
            unreadable: list[str] = []
            awaited: list[str] = []
            held: list[tuple[str, str]] = []
            for schedule in due:
                calendars, missing = calendars_of(tables, schedule)
                if missing is not None:
                    held.append((schedule.id, missing))
                    continue
                others = unfinished(tables, schedule.id) if has_turns(schedule) else Unfinished()
                declared = _is_declared(tables, schedule)
                left_at = None if declared else _left_at(tables, schedule)
                facts = FireFacts(others, declared, tuple(calendars.values()), left_at)
                planned = plan(fresh_schedule(schedule), facts, now)
                if planned is None:
                    (awaited if left_at is not None else unreadable).append(schedule.id)
                    continue
                fired += taking.left(schedule, planned, record_plan(tables, schedule, planned, now))
                skipped += [(schedule.id, skip) for skip in planned.skips]
            return FiringReport(
                now,
                len(due),
                fired=tuple(fired),
                skipped=tuple(skipped),
                unreadable=tuple(unreadable),
                held=tuple(held),
                awaited=tuple(awaited),
                pause_over=bool(_over(tables, now, exclude)),
                displaced=tables.ended(),
                taken=tuple(map(fresh_run, taking.taken)),
            )

    async def resume_due(self, limit: int, exclude: Collection[str] = ()) -> Resumption:
        async with self._transaction() as now:
            resumptions: list[Schedule] = []
            unreadable: list[str] = []
            for schedule in _over(self._tables, now, exclude)[:limit]:
                edit = resumed(fresh_schedule(schedule), now)
                if edit is None:
                    unreadable.append(schedule.id)
                    continue
                apply_edit(self._tables, edit, now)
                resumptions.append(edit.schedule)
            return Resumption(tuple(resumptions), tuple(unreadable))

    async def declare(self, node_id: str, declarations: Sequence[Declaration]) -> Sequence[Schedule]:
        async with self._transaction() as now:
            tables = self._tables
            for declaration in declarations:
                schedule = tables.schedules.get(declaration.id)
                if schedule is None:
                    tables.write_schedule(created(declaration, now))
                elif edit := redeclared(schedule, declaration, _facts(tables, schedule, declaration, node_id), now):
                    apply_edit(tables, edit, now)
            _remember(tables, node_id, declarations, now)
            return [_read(tables, declaration.id) for declaration in declarations]

    async def add_schedule(self, declaration: Declaration, on_conflict: OnConflict) -> Schedule:
        async with self._transaction() as now:
            tables = self._tables
            schedule = tables.schedules.get(declaration.id)
            if schedule is None:
                tables.write_schedule(created(declaration, now))
                _note_digest(tables, declaration, now)
            elif on_conflict == "error":
                raise Conflict(
                    f"schedule {declaration.id!r} exists already; choose another id, or on_conflict='update' or 'keep'"
                )
            elif on_conflict == "update" and (edit := merging(declaration)(schedule, now)):
                apply_edit(tables, edit, now)
            return self._noted_schedule(schedule, _read(tables, declaration.id), now)

    async def edit_schedule(self, schedule_id: str, change: Change, *, ended: Ended = untold) -> Schedule:
        async with self._transaction() as now:
            before = _read(self._tables, schedule_id)
            edit = change(before, now)
            if edit is not None:
                apply_edit(self._tables, edit, now)
            edited, runs = _read(self._tables, schedule_id), self._tables.ended()
            self._noted_schedule(before, edited, now)
        ended(runs)
        return edited

    async def remove_schedule(
        self, schedule_id: str, revision: str | None = None, *, ended: Ended = untold
    ) -> Schedule:
        async with self._transaction() as now:
            schedule = _read(self._tables, schedule_id)
            check_revision(schedule, revision)
            end_queued(self._tables, schedule_id, Reason.REMOVED, now)
            self._tables.schedules.drop(schedule_id)
            for place in [place for place in self._tables.digests if place[0] == schedule_id]:
                self._tables.digests.drop(place)
            runs = self._tables.ended()
            note(self._tables, self._act, Subject.SCHEDULE, schedule_id, told_schedule(schedule), None, now)
        ended(runs)
        return schedule

    async def backfill(self, schedule_id: str, origin: str, fires: Sequence[datetime]) -> int:
        async with self._transaction() as now:
            schedule = _read(self._tables, schedule_id)
            refuse_resting(schedule)
            made = record_backfill(self._tables, schedule, origin, fires, now)
            take_turns(self._tables, schedule_id, now)
            if made:
                note(
                    self._tables,
                    self._act,
                    Subject.SCHEDULE,
                    schedule_id,
                    None,
                    told_backfill(origin, fires, made),
                    now,
                )
            return made

    def _noted_schedule(self, before: Schedule | None, after: Schedule, now: datetime) -> Schedule:
        note(self._tables, self._act, Subject.SCHEDULE, after.id, told_schedule(before), told_schedule(after), now)
        return after

    async def get_schedule(self, schedule_id: str) -> Schedule:
        async with self._transaction():
            return _read(self._tables, schedule_id)

    async def list_schedules(self, wanted: ScheduleFilter) -> Page[Schedule]:
        after = _first_place(wanted)
        async with self._transaction():
            found = [
                schedule
                for schedule in self._tables.schedules.values()
                if wanted.wants(schedule) and (after is None or _place(wanted, schedule) > after)
            ]
        found.sort(key=lambda schedule: _place(wanted, schedule))
        items = tuple(fresh_schedule(schedule) for schedule in found[: wanted.limit])
        return Page(items, wanted.cursor_after(items[-1]) if len(found) > wanted.limit else None)


def _due(tables: Tables, now: datetime, exclude: Collection[str]) -> list[Schedule]:
    due = [
        (schedule.next_fire_at, schedule.id, schedule)
        for schedule in tables.schedules.values()
        if schedule.state is ScheduleState.ACTIVE
        and schedule.next_fire_at is not None
        and schedule.next_fire_at <= now
        and schedule.id not in exclude
    ]
    return [schedule for *_, schedule in sorted(due, key=lambda entry: entry[:2])]


def _over(tables: Tables, now: datetime, exclude: Collection[str]) -> list[Schedule]:
    """Those whose pause has come to its end, earliest first."""
    over = [
        (schedule.resume_at, schedule.id, schedule)
        for schedule in tables.schedules.values()
        if schedule.state is ScheduleState.PAUSED
        and schedule.resume_at is not None
        and schedule.resume_at <= now
        and schedule.id not in exclude
    ]
    return [schedule for *_, schedule in sorted(over, key=lambda entry: entry[:2])]


def _place(wanted: ScheduleFilter, schedule: Schedule) -> Place:
    """Where a schedule stands in a list."""
    return (False, _NEVER, schedule.id) if wanted.sort == "id" else _placed(schedule.next_fire_at, schedule.id)


def _placed(next_fire_at: datetime | None, schedule_id: str) -> Place:
    return (next_fire_at is None, next_fire_at or _NEVER, schedule_id)


def _first_place(wanted: ScheduleFilter) -> Place | None:
    """The place after which the page begins."""
    if wanted.sort == "id":
        return (False, _NEVER, wanted.cursor) if wanted.cursor is not None else None
    after = wanted.position
    return _placed(after.next_fire_at, after.id) if after is not None else None


def _is_declared(tables: Tables, schedule: Schedule) -> bool:
    return schedule.source is Source.CALL or any(
        declared == schedule.id and _is_live(tables, node_id) for node_id, declared in tables.declared
    )


def _left_at(tables: Tables, schedule: Schedule) -> datetime | None:
    """The end of the last lease of a node that declared it."""
    declarers = [tables.nodes.get(node_id) for node_id, declared in tables.declared if declared == schedule.id]
    return max((node.lease_until for node in declarers if node is not None), default=None)


def _is_live(tables: Tables, node_id: str) -> bool:
    node = tables.nodes.get(node_id)
    return node is not None and node.state is NodeState.LIVE


def _facts(tables: Tables, schedule: Schedule, declaration: Declaration, node_id: str) -> DeclarationFacts:
    live = any(
        declared == schedule.id
        and other != node_id
        and tables.declared.get((other, declared)) == schedule.digest
        and _is_live(tables, other)
        for other, declared in tables.declared
    )
    return DeclarationFacts((declaration.id, declaration.digest) in tables.digests, live)


def _remember(tables: Tables, node_id: str, declarations: Sequence[Declaration], now: datetime) -> None:
    """This node declares these, in place of what it declared before; a digest keeps the instant of its first sight."""
    for place in [place for place in tables.declared if place[0] == node_id]:
        tables.declared.drop(place)
    for declaration in declarations:
        tables.declared.put((node_id, declaration.id), declaration.digest)
        _note_digest(tables, declaration, now)


def _note_digest(tables: Tables, declaration: Declaration, now: datetime) -> None:
    if (declaration.id, declaration.digest) not in tables.digests:
        tables.digests.put((declaration.id, declaration.digest), now)


def _read(tables: Tables, schedule_id: str) -> Schedule:
    schedule = tables.schedules.get(schedule_id)
    if schedule is None:
        raise NotFound(f"there is no schedule {schedule_id!r}; the list of schedules shows those that there are")
    return fresh_schedule(schedule)
