"""Schedules over REST: read, made, changed, paused, run by hand, looked ahead at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response

from hourbell.errors import InvalidArguments, NotFound
from hourbell.fastapi.inputs import BackfillIn, PauseIn, PoliciesIn, PreviewIn, ScheduleIn, SchedulePatch, TriggerIn
from hourbell.fastapi.parameters import (
    ETAG,
    After,
    Count,
    Cursor,
    Filter,
    IfMatch,
    Limit,
    ScheduleId,
    address_of,
    etag_of,
    expected_revision,
    refusals,
)
from hourbell.fastapi.reasons import LastDueOut
from hourbell.fastapi.schemas import BackfillOut, ListOut, PreviewedOut, PreviewOut, RunOut, ScheduleOut
from hourbell.fastapi.security import Guard
from hourbell.model.schedule import Schedule
from hourbell.model.schedule_filter import ScheduleSort
from hourbell.scheduler import Scheduler
from hourbell.triggers import Trigger

Text = Annotated[str | None, Query(max_length=200, description="in the id, the task's name or the note")]


def read_schedules(router: APIRouter, scheduler: Scheduler, guard: Guard) -> None:
    """The routes of all schedules, and of triggers, that change nothing."""
    reads = [guard.require("read")]

    @router.get("/schedules", dependencies=reads, responses=refusals())
    async def list_schedules(
        state: Filter = None,
        task: Filter = None,
        text: Text = None,
        sort: ScheduleSort = "id",
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> ListOut[ScheduleOut]:
        """Schedules by id, or those that fire next first."""
        page = await scheduler.list_schedules(state=state, task=task, text=text, sort=sort, cursor=cursor, limit=limit)
        return ListOut(items=[ScheduleOut.of(one) for one in page], next_cursor=page.next_cursor)

    @router.get("/schedules/{id:any_text}/preview", dependencies=reads, responses=refusals())
    async def preview_schedule(id: ScheduleId, count: Count = 5, after: After = None) -> PreviewOut:  # noqa: A002 - its name in the address
        """The fires to come, and what changes of the clock do to them."""
        fires = await scheduler.preview_marked(id, count, after=after)
        return PreviewOut(items=[PreviewedOut.of(one) for one in fires])

    @router.get("/schedules/{id:any_text}/last-due", dependencies=reads, responses=refusals())
    async def last_due(id: ScheduleId) -> LastDueOut:  # noqa: A002 - its name in the address
        """What became of its last due time: whether it ran, and if not, why, and what to do about it."""
        return LastDueOut.of(await scheduler.last_due(id))

    @router.post("/preview", dependencies=reads, responses=refusals(body=True))
    async def preview_trigger(asked: PreviewIn) -> PreviewOut:
        """The fires of a trigger that is not stored."""
        fires = await scheduler.preview_marked(Trigger.from_spec(asked.trigger), asked.count, after=asked.after)
        return PreviewOut(items=[PreviewedOut.of(one) for one in fires])


def write_schedules(router: APIRouter, scheduler: Scheduler, guard: Guard) -> None:
    """The routes that make schedules, stop them and let them go on."""
    writes = [guard.require("write")]
    edits = refusals(409, 412, body=True) | {200: dict(ETAG)}

    @router.post(
        "/schedules", dependencies=writes, status_code=201, responses=refusals(409, body=True) | {201: dict(ETAG)}
    )
    async def add_schedule(asked: ScheduleIn, request: Request, response: Response) -> ScheduleOut:
        """Make a schedule. An id that is taken is a 409, unless on_conflict says something else."""
        await _check_calendars(scheduler, asked.policies)
        schedule = await scheduler.add_schedule(
            asked.task,
            Trigger.from_spec(asked.trigger),
            id=asked.id,
            args=asked.args,
            on_conflict=asked.on_conflict,
            paused=asked.paused,
            note=asked.note,
            **_policies(asked.policies),
        )
        response.headers["Location"] = f"{address_of(request)}/{quote(schedule.id, safe='')}"
        return _told(schedule, response)

    @router.post("/schedules/{id:any_text}/pause", dependencies=writes, responses=edits)
    async def pause_schedule(
        id: ScheduleId,  # noqa: A002 - its name in the address
        response: Response,
        asked: PauseIn | None = None,
        if_match: IfMatch = None,
    ) -> ScheduleOut:
        """Stop firing until it is resumed, or until an instant. Fires that wait in the queue end as skipped."""
        revision = await expected_revision(scheduler, id, if_match)
        said = asked or PauseIn()
        schedule = await scheduler.pause_schedule(id, note=said.note, until=said.until, revision=revision)
        return _told(schedule, response)

    @router.post("/schedules/{id:any_text}/resume", dependencies=writes, responses=refusals(412) | {200: dict(ETAG)})
    async def resume_schedule(
        id: ScheduleId,  # noqa: A002 - its name in the address
        response: Response,
        if_match: IfMatch = None,
    ) -> ScheduleOut:
        """Fire again from now on. What the pause passed over is recorded, and not caught up."""
        revision = await expected_revision(scheduler, id, if_match)
        return _told(await scheduler.resume_schedule(id, revision=revision), response)


def run_schedules(router: APIRouter, scheduler: Scheduler, guard: Guard) -> None:
    """The routes that ask for runs of a schedule."""
    runs = [guard.require("run")]

    @router.post(
        "/schedules/{id:any_text}/trigger", dependencies=runs, status_code=201, responses=refusals(409, body=True)
    )
    async def trigger_schedule(id: ScheduleId, asked: TriggerIn | None = None) -> RunOut:  # noqa: A002 - its name in the address
        """One run now, besides its fires, also while it is paused. A key that was used before answers that run."""
        said = asked or TriggerIn()
        return RunOut.of(await scheduler.trigger_schedule(id, args=said.args, key=said.key))

    @router.post("/schedules/{id:any_text}/backfill", dependencies=runs, responses=refusals(409, body=True))
    async def backfill_schedule(id: ScheduleId, asked: BackfillIn) -> BackfillOut:  # noqa: A002 - its name in the address
        """A run for each due time of a range that has passed, in order, behind the schedule's own fires."""
        made = await scheduler.backfill_schedule(id, asked.start, asked.end, key=asked.key, dry_run=asked.dry_run)
        return BackfillOut.of(made)


def one_schedule(router: APIRouter, scheduler: Scheduler, guard: Guard) -> None:
    """The routes of a schedule itself. They come after all others: an id may have slashes."""
    reads, writes = [guard.require("read")], [guard.require("write")]

    @router.get("/schedules/{id:any_text}", dependencies=reads, responses=refusals() | {200: dict(ETAG)})
    async def get_schedule(id: ScheduleId, response: Response) -> ScheduleOut:  # noqa: A002 - its name in the address
        """One schedule. Its ETag is for If-Match."""
        return _told(await scheduler.get_schedule(id), response)

    @router.patch(
        "/schedules/{id:any_text}", dependencies=writes, responses=refusals(409, 412, body=True) | {200: dict(ETAG)}
    )
    async def update_schedule(
        id: ScheduleId,  # noqa: A002 - its name in the address
        asked: SchedulePatch,
        response: Response,
        if_match: IfMatch = None,
    ) -> ScheduleOut:
        """Change what is given, keep the rest. It survives restarts, until the code changes that same field."""
        revision = await expected_revision(scheduler, id, if_match)
        await _check_calendars(scheduler, asked.policies)
        schedule = await scheduler.update_schedule(
            id,
            trigger=Trigger.from_spec(asked.trigger) if asked.trigger is not None else None,
            args=asked.args,
            inherit=asked.inherit,
            revision=revision,
            **_policies(asked.policies),
        )
        return _told(schedule, response)

    @router.delete("/schedules/{id:any_text}", dependencies=writes, responses=refusals(412))
    async def remove_schedule(id: ScheduleId, if_match: IfMatch = None) -> ScheduleOut:  # noqa: A002 - its name in the address
        """Delete it, and tell it as it was. Its queued runs end as skipped, its history stays."""
        revision = await expected_revision(scheduler, id, if_match)
        return ScheduleOut.of(await scheduler.remove_schedule(id, revision=revision))


def _told(schedule: Schedule, response: Response) -> ScheduleOut:
    response.headers["ETag"] = etag_of(schedule)
    return ScheduleOut.of(schedule)


def _policies(asked: PoliciesIn | None) -> Mapping[str, Any]:
    return asked.given() if asked is not None else {}


async def _check_calendars(scheduler: Scheduler, asked: PoliciesIn | None) -> None:
    """Refuse a calendar that is not stored as what it is, a field that does not fit. Raises InvalidArguments."""
    for name in _policies(asked).get("blackout") or ():
        try:
            await scheduler.get_calendar(name)
        except NotFound as error:
            raise InvalidArguments(str(error), at="blackout") from None
