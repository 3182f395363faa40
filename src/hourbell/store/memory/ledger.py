"""What firings and edits write down: runs and skips of a schedule, in the order of their fires."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from hourbell.model.ids import new_run_id, new_run_ids
from hourbell.model.jitter import start_in_line
from hourbell.model.overlap import takes_turns
from hourbell.model.plan import Fired, FirePlan, PlannedRun, PlannedSkip
from hourbell.model.policies import Policies
from hourbell.model.run import Run
from hourbell.model.run_state import Origin, Reason, RunState
from hourbell.store.memory.turns import displace, take_turns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hourbell.model.editing import Edit
    from hourbell.model.schedule import Schedule
    from hourbell.store.memory.tables import Tables

_DEFAULTS = Policies()
_LONGEST_LINE = timedelta(hours=1)


def policy(schedule: Schedule, name: str) -> Any:
    """One policy of a schedule, inheritance resolved by name; never raises, whatever version wrote the others."""
    layers = {**schedule.inherited, **schedule.policies}
    return layers.get(name, getattr(_DEFAULTS, name))


def record_plan(tables: Tables, schedule: Schedule, plan: FirePlan, now: datetime) -> list[Fired]:
    """Insert what was planned and advance the cursor. Fires that are recorded already are left alone."""
    fired: list[Fired] = []
    entries: list[PlannedRun | PlannedSkip] = sorted([*plan.runs, *plan.skips], key=lambda entry: entry.fire_at)
    ids = dict(zip((run.fire_at for run in plan.runs), new_run_ids(now, len(plan.runs)), strict=True))
    for entry in entries:
        if isinstance(entry, PlannedSkip):
            schedule = record_skip(tables, schedule, _yielding(entry, ids), now)
            continue
        run = replace(_fire(schedule, _paced(tables, entry, now), now), id=ids[entry.fire_at])
        if tables.insert_run(run):
            fired.append(_fired(run, entry.fire_at))
            if entry.replaces:
                displace(tables, schedule, run.id, now)
        # A skip that comes after a run begins a row of its own: a row tells of due times without a gap.
        schedule = replace(schedule, last_skip_id=None, last_skip_reason=None)
    advanced = replace(
        schedule, state=plan.state, next_fire_at=plan.next_fire_at, last_fire_at=plan.last_fire_at.astimezone(UTC)
    )
    tables.write_schedule(advanced)
    if any(run.run_at is None for run in plan.runs):
        take_turns(tables, schedule.id, now)
    return fired


def record_backfill(tables: Tables, schedule: Schedule, origin: str, fires: Sequence[datetime], now: datetime) -> int:
    """Insert runs for due times that have passed, to wait for their turn; answers how many were not there already."""
    made = 0
    for run_id, fire_at in zip(new_run_ids(now, len(fires)), sorted(fires), strict=True):
        run = replace(_fire(schedule, PlannedRun(fire_at, None), now), id=run_id, origin=origin)
        made += tables.insert_run(run)
    return made


def _paced(tables: Tables, planned: PlannedRun, now: datetime) -> PlannedRun:
    """A run that is caught up takes the next place in the line that all nodes share; it is at most an hour long."""
    if planned.apart is None or planned.run_at is None:
        return planned
    place = max(now, min(tables.paces.get("catch_up") or now, now + _LONGEST_LINE))
    tables.paces.put("catch_up", place + planned.apart)
    if place <= now:
        return planned
    return replace(planned, run_at=max(planned.run_at, start_in_line(place, planned.start_by, now)))


def _yielding(skip: PlannedSkip, ids: Mapping[datetime, str]) -> PlannedSkip:
    """An overlap with a run of the same plan names it, now that this has an id: the one before, else the one after."""
    if skip.reason is not Reason.OVERLAP or skip.yielded_to is not None or not ids:
        return skip
    before = [fire_at for fire_at in ids if fire_at < skip.fire_at]
    return replace(skip, yielded_to=ids[max(before) if before else min(ids)])


def record_skip(tables: Tables, schedule: Schedule, skip: PlannedSkip, now: datetime) -> Schedule:
    """Record due times that do not run, growing the last row when it has the same reason; the schedule follows."""
    last = tables.runs.get(schedule.last_skip_id) if schedule.last_skip_id is not None else None
    if last is not None and schedule.last_skip_reason == skip.reason:
        count = (last.covers_count or 0) + skip.covers_count
        tables.write_run(replace(last, covers_until=skip.covers_until, covers_count=count, finished_at=now))
        return schedule
    row = replace(
        _fire(schedule, PlannedRun(skip.fire_at, skip.fire_at), now),
        state=RunState.SKIPPED,
        reason=skip.reason,
        run_at=None,
        covers_until=skip.covers_until,
        covers_count=skip.covers_count,
        yielded_to=skip.yielded_to,
        finished_at=now,
    )
    if not tables.insert_run(row):
        return replace(schedule, last_skip_id=None, last_skip_reason=None)
    return replace(schedule, last_skip_id=row.id, last_skip_reason=skip.reason)


def apply_edit(tables: Tables, edit: Edit, now: datetime) -> Schedule:
    """Write what an edit decided: the skip, the end of queued fires, the schedule itself."""
    schedule = replace(edit.schedule, version=edit.schedule.version + 1)
    if edit.skip is not None:
        schedule = record_skip(tables, schedule, edit.skip, now)
    if edit.end_queued is not None:
        end_queued(tables, schedule.id, edit.end_queued, now)
    tables.write_schedule(schedule)
    take_turns(tables, schedule.id, now)
    return schedule


def end_queued(tables: Tables, schedule_id: str, reason: Reason, now: datetime) -> None:
    """End the queued runs of a schedule as skipped: all of them when it is removed, else its fires and backfills."""
    for run in tables.unfinished():
        if run.schedule_id != schedule_id or run.state is not RunState.QUEUED:
            continue
        due = run.origin == Origin.FIRE or run.origin.startswith(Origin.BACKFILL)
        if due or reason is Reason.REMOVED:
            tables.write_run(replace(run, state=RunState.SKIPPED, reason=reason, finished_at=now))


def _policies(schedule: Schedule) -> Mapping[str, Any]:
    """What the schedule itself says, and how its runs take turns, wherever that is inherited from."""
    overlap = policy(schedule, "overlap")
    if takes_turns(overlap, Origin.FIRE):
        return {**schedule.policies, "overlap": overlap}
    return schedule.policies


def _fire(schedule: Schedule, planned: PlannedRun, now: datetime) -> Run:
    return Run(
        id=new_run_id(now),
        task=schedule.task,
        state=RunState.QUEUED,
        origin=Origin.FIRE,
        created_at=now,
        schedule_id=schedule.id,
        args=schedule.args,
        fire_at=planned.fire_at.astimezone(UTC),
        run_at=planned.run_at,
        start_by=planned.start_by,
        queue=policy(schedule, "queue"),
        priority=policy(schedule, "priority"),
        policies=_policies(schedule) or None,
        on_lost=policy(schedule, "on_lost"),
        lost_limit=policy(schedule, "lost_limit"),
    )


def _fired(run: Run, fire_at: datetime) -> Fired:
    return Fired(
        run_id=run.id,
        schedule_id=run.schedule_id or "",
        task=run.task,
        queue=run.queue,
        fire_at=fire_at.astimezone(UTC),
        run_at=run.run_at.astimezone(UTC) if run.run_at is not None else None,
    )
