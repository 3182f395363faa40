"""Adding, editing and removing schedules. An edit locks the row first, then decides."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hourbell.errors import Conflict, NotFound, TriggerError
from hourbell.model.editing import Change, Edit, check_revision, created, merging
from hourbell.model.overlap import Turn, Unfinished, turn_of
from hourbell.model.page import Page
from hourbell.model.run_state import Reason, RunState
from hourbell.model.schedule import ScheduleState
from hourbell.store.scripts import endings, overlap
from hourbell.store.scripts.ledger import LastSkip, Ledger
from hourbell.store.scripts.requesting import insert_runs
from hourbell.store.scripts.rows import (
    new_run_values,
    run_from,
    schedule_from,
    schedule_values,
    turn_values,
)
from hourbell.store.scripts.runs import get_run
from hourbell.store.scripts.script import Row, Script, batch, call

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hourbell.model.run import NewRun, Run
    from hourbell.model.schedule import Declaration, Schedule
    from hourbell.model.schedule_filter import ScheduleFilter
    from hourbell.store.protocol import OnConflict


def missing_schedule(schedule_id: str) -> NotFound:
    """The error for an id that no schedule has."""
    return NotFound(f"there is no schedule {schedule_id!r}; the list of schedules shows those that there are")


def get_schedule(schedule_id: str) -> Script[Schedule]:
    """See `ScheduleStore.get_schedule`."""
    rows = yield call("schedules.get", id=schedule_id)
    if not rows:
        raise missing_schedule(schedule_id)
    return schedule_from(rows[0])


def list_schedules(wanted: ScheduleFilter) -> Script[Page[Schedule]]:
    """See `ScheduleStore.list_schedules`."""
    state = wanted.state.value if wanted.state is not None else None
    asked = {"state": state, "task": wanted.task, "text": wanted.text, "limit": wanted.limit + 1}
    if wanted.sort == "id":
        rows = yield call("schedules.list", cursor=wanted.cursor, **asked)
    else:
        after = wanted.position
        at, last_id = (after.next_fire_at, after.id) if after is not None else (None, None)
        rows = yield call("schedules.list_by_next_fire", after_at=at, after_id=last_id, **asked)
    items = tuple(schedule_from(row) for row in rows[: wanted.limit])
    return Page(items, wanted.cursor_after(items[-1]) if len(rows) > wanted.limit else None)


def add_schedule(declaration: Declaration, on_conflict: OnConflict) -> Script[Schedule]:
    """See `ScheduleStore.add_schedule`."""
    clock = yield call("clock.read")
    while True:
        try:
            fresh = [schedule_values(created(declaration, clock[0]["now_at"]))]
        except TriggerError:  # counted from now it has no fire; one that is stored is counted from when it was stored
            if not (yield call("schedules.get", id=declaration.id)):
                raise
            fresh = []
        inserted = yield batch("schedules.insert", fresh)
        if inserted:
            yield from endings.date([declaration.id])
            yield batch("declarations.note_digest", [{"id": declaration.id, "digest": declaration.digest}])
        elif on_conflict == "error":
            raise Conflict(f"schedule {declaration.id!r} exists; give on_conflict='update' to change it, or another id")
        try:
            if inserted or on_conflict == "keep":
                return (yield from get_schedule(declaration.id))
            edited, _ = yield from edit_schedule(declaration.id, merging(declaration))
            return edited
        except NotFound:  # it was there, and somebody has removed it since: add it after all
            continue


def edit_schedule(schedule_id: str, change: Change) -> Script[tuple[Schedule, endings.Ending]]:
    """See `ScheduleStore.edit_schedule`. Answers also what ended with it, and whether there is more to end."""
    row = yield from _locked(schedule_id)
    edit = change(schedule_from(row), row["now_at"])
    if edit is None:
        return schedule_from(row), endings.NOTHING
    yield from write_edits([edit], row)
    ending = endings.NOTHING
    if edit.end_queued is not None:
        ending = yield from endings.begin(schedule_id, edit.end_queued.value)
    if ending.left is None:
        yield from overlap.reconsider([edit.schedule])
    return (yield from get_schedule(schedule_id)), ending


def write_edits(edits: Sequence[Edit], row: Row) -> Script[None]:
    """Write what edits of locked schedules decided: skips first, so that each row names its last one. What is queued of
    them, and whose turn it is now, is left to the caller."""
    ledger = Ledger(row["now_at"])
    decided: list[tuple[Schedule, LastSkip]] = []
    for edit in edits:
        last = LastSkip(edit.schedule.last_skip_id, edit.schedule.last_skip_reason)
        if edit.skip is not None:
            last = ledger.skip(edit.schedule, edit.skip, last)
        decided.append((edit.schedule, last))
    written = yield from ledger.write()
    rows = []
    for schedule, last in decided:
        stands = written.settled(last)
        settled = replace(schedule, last_skip_id=stands.id, last_skip_reason=stands.reason)
        rows.append(schedule_values(settled))
    yield batch("schedules.write", rows)
    yield from endings.date([edit.schedule.id for edit in edits if edit.schedule.state is not ScheduleState.PAUSED])


def remove_schedule(schedule_id: str, revision: str | None) -> Script[tuple[Schedule, endings.Ending]]:
    """See `ScheduleStore.remove_schedule`. Answers also what ended with it, and whether there is more to end."""
    row = yield from _locked(schedule_id)
    check_revision(schedule_from(row), revision)
    ending = yield from endings.begin(schedule_id, Reason.REMOVED.value)
    yield call("schedules.forget_digests", id=schedule_id)
    yield call("schedules.delete", id=schedule_id)
    return schedule_from(row), ending


def trigger_schedule(schedule_id: str, build: Callable[[Schedule], NewRun]) -> Script[tuple[Run, tuple[Run, ...]]]:
    """See `RunStore.trigger_schedule`. Answers the runs that made way for it too."""
    row = yield from _locked(schedule_id)
    schedule = schedule_from(row)
    values = new_run_values(build(schedule))
    if schedule.effective.overlap == "allow":
        rows = yield from insert_runs([values])
        return run_from(rows[0]), ()
    counted = yield from overlap.unfinished([schedule_id])
    others = counted.get(schedule_id, Unfinished())
    turn = turn_of(schedule.effective, others)
    rows = yield from insert_runs([turn_values(values, turn, others.newest)])
    run = run_from(rows[0])
    if run.state is not RunState.QUEUED or run.run_at is not None:
        return run, ()
    displaced = (yield from overlap.displace(schedule, run.id)) if turn is Turn.REPLACE else ()
    yield from overlap.take_turns({schedule_id: schedule})
    return (yield from get_run(run.id)), displaced


def _locked(schedule_id: str) -> Script[Row]:
    rows = yield call("schedules.lock", ids=[schedule_id])
    if not rows:
        raise missing_schedule(schedule_id)
    return rows[0]
