"""What somebody does is noted in the transaction in which it is done: both are there, or neither is.

Each of these runs the script of a verb and adds the entry; without an act it is the script alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hourbell.model.audit import (
    Act,
    Action,
    AuditEntry,
    AuditFilter,
    Subject,
    difference,
    told_backfill,
    told_calendar,
    told_request,
    told_run,
    told_schedule,
)
from hourbell.model.ids import is_run_id
from hourbell.model.page import Page
from hourbell.model.stored_json import mapping_from
from hourbell.store.scripts.calendars import calendar_from
from hourbell.store.scripts.rows import run_from, schedule_from
from hourbell.store.scripts.schedules import trigger_schedule
from hourbell.store.scripts.script import Row, Script, batch, call, to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from datetime import datetime

    from hourbell.model.audit import Values
    from hourbell.model.named_calendar import NamedCalendar
    from hourbell.model.run import NewRun, Run
    from hourbell.model.schedule import Schedule
    from hourbell.store.scripts import endings

Ending = tuple["Schedule", "endings.Ending"]
"""A schedule, and what a change of it has ended."""


def added(act: Act | None, schedule_id: str, script: Script[Schedule]) -> Script[Schedule]:
    """A script that adds this schedule, or changes the one that is there. Its row is locked first."""
    if act is None:
        return (yield from script)
    before = yield from _locked_schedule(schedule_id)
    after = yield from script
    yield from _note([(act, Subject.SCHEDULE, schedule_id, told_schedule(before), told_schedule(after))])
    return after


def edited(act: Act | None, schedule_id: str, script: Script[Ending]) -> Script[Ending]:
    """A script that changes this schedule. Its row is locked first, as the script itself does."""
    if act is None:
        return (yield from script)
    before = yield from _locked_schedule(schedule_id)
    after, ended = yield from script
    yield from _note([(act, Subject.SCHEDULE, schedule_id, told_schedule(before), told_schedule(after))])
    return after, ended


def removed(act: Act | None, schedule_id: str, script: Script[Ending]) -> Script[Ending]:
    """A script that removes this schedule and answers it as it was."""
    before, ended = yield from script
    yield from _note([(act, Subject.SCHEDULE, schedule_id, told_schedule(before), None)])
    return before, ended


def triggered(
    act: Act | None, schedule_id: str, build: Callable[[Schedule], NewRun]
) -> Script[tuple[Run, Sequence[Run]]]:
    """Trigger a schedule. A request whose key was used before changes nothing."""
    made: list[str] = []

    def building(schedule: Schedule) -> NewRun:
        new = build(schedule)
        made.append(new.id)
        return new

    run, ended = yield from trigger_schedule(schedule_id, building)
    if run.id in made:
        yield from _note([(act, Subject.SCHEDULE, schedule_id, None, told_request(run))])
    return run, ended


def backfilled(
    act: Act | None, schedule_id: str, origin: str, fires: Sequence[datetime], script: Script[int]
) -> Script[int]:
    """A script that makes runs of this origin for these due times, and answers how many."""
    made = yield from script
    if made:
        told = told_backfill(origin, fires, made)
        yield from _note([(act, Subject.SCHEDULE, schedule_id, None, told)])
    return made


def changed(act: Act | None, run_id: str, script: Script[Run]) -> Script[Run]:
    """A script that cancels or retries this run."""
    if act is None:
        return (yield from script)
    before = (yield from _runs([run_id])).get(run_id)
    after = yield from script
    yield from _note([(act, Subject.RUN, after.id, told_run(before), told_run(after))])
    return after


def all_changed(act: Act | None, run_ids: Collection[str], script: Script[Sequence[Run]]) -> Script[Sequence[Run]]:
    """A script that changes many runs, and answers those that it did change: each has an entry of its own."""
    if act is None:
        return (yield from script)
    before = yield from _runs(run_ids)
    after = yield from script
    clock = yield call("clock.read")
    now = clock[0]["now_at"]
    notes = [(act.another(now), Subject.RUN, run.id, told_run(before.get(run.id)), told_run(run)) for run in after]
    yield from _note(notes)
    return after


def put(act: Act | None, name: str, script: Script[NamedCalendar]) -> Script[NamedCalendar]:
    """A script that stores this calendar."""
    if act is None:
        return (yield from script)
    rows = yield call("calendars.get", name=name)
    before = calendar_from(rows[0]) if rows else None
    after = yield from script
    yield from _note([(act, Subject.CALENDAR, name, told_calendar(before), told_calendar(after))])
    return after


def dropped(act: Act | None, name: str, script: Script[NamedCalendar]) -> Script[NamedCalendar]:
    """A script that removes this calendar and answers it as it was."""
    before = yield from script
    yield from _note([(act, Subject.CALENDAR, name, told_calendar(before), None)])
    return before


def list_audit(wanted: AuditFilter) -> Script[Page[AuditEntry]]:
    """See `AuditStore.list_audit`."""
    rows = yield call(
        "audit.list",
        subject=wanted.subject.value if wanted.subject is not None else None,
        subject_id=wanted.subject_id,
        action=wanted.action.value if wanted.action is not None else None,
        actor=wanted.actor,
        tracking_id=wanted.tracking_id,
        cursor=wanted.cursor,
        limit=wanted.limit + 1,
    )
    items = tuple(_entry_from(row) for row in rows[: wanted.limit])
    return Page(items, items[-1].id if len(rows) > wanted.limit else None)


Note = tuple["Act | None", Subject, str, "Values | None", "Values | None"]


def _note(notes: Sequence[Note]) -> Script[None]:
    rows = []
    for act, subject, subject_id, before, after in notes:
        changes = difference(before, after)
        if act is None or changes is None:
            continue
        was, became = changes
        action = act.action
        if action is Action.ADD and before is not None:
            action = Action.UPDATE
        rows.append(
            {
                "id": act.id,
                "action": action.value,
                "subject": subject.value,
                "subject_id": subject_id,
                "actor": act.actor,
                "tracking_id": act.tracking_id,
                "before": to_json(was) if was is not None else None,
                "after": to_json(became) if became is not None else None,
            }
        )
    yield batch("audit.add", rows)


def _locked_schedule(schedule_id: str) -> Script[Schedule | None]:
    rows = yield call("schedules.lock", ids=[schedule_id])
    return schedule_from(rows[0]) if rows else None


def _runs(run_ids: Collection[str]) -> Script[dict[str, Run]]:
    found: dict[str, Run] = {}
    for run_id in filter(is_run_id, run_ids):
        rows = yield call("runs.get", id=run_id)
        found.update((str(row["id"]), run_from(row)) for row in rows)
    return found


def _entry_from(row: Row) -> AuditEntry:
    return AuditEntry(
        id=str(row["id"]),
        done_at=row["done_at"],
        action=row["action"],
        subject=row["subject"],
        subject_id=row["subject_id"],
        actor=row["actor"],
        tracking_id=row["tracking_id"],
        before=mapping_from(row["before"]) if row["before"] is not None else None,
        after=mapping_from(row["after"]) if row["after"] is not None else None,
    )
