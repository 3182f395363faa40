"""The REST API as a router, under any prefix. For now it reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Path, Query, Response
from pydantic import AwareDatetime

from hourbell.errors import InvalidArguments
from hourbell.fastapi.audit import audit_routes
from hourbell.fastapi.problems import Problem, ProblemRoute
from hourbell.fastapi.schemas import (
    HealthOut,
    ListOut,
    LogLineOut,
    LogsOut,
    NodeOut,
    PreviewedOut,
    PreviewOut,
    RunDetailsOut,
    RunOut,
    ScheduleOut,
    TaskOut,
)
from hourbell.fastapi.security import Anonymous, Guard
from hourbell.scheduler import Scheduler

T = TypeVar("T")
Cursor = Annotated[str | None, Query(max_length=300, description="next_cursor of the page before")]
Limit = Annotated[int, Query(ge=1, le=1000)]
EndedAt = Annotated[AwareDatetime | None, Query(description="when the run ended, RFC 3339")]
Count = Annotated[int, Query(ge=1, le=1000)]
After = Annotated[AwareDatetime | None, Query(description="RFC 3339; without it, from the next fire on")]
Filter = Annotated[str | None, Query(max_length=200)]
Attempt = Annotated[int | None, Query(ge=1, le=2**31 - 1)]
Id = Annotated[str, Path(max_length=300)]

_REFUSALS: Mapping[int | str, dict[str, Any]] = {status: {"model": Problem} for status in (403, 404, 422, 503)}


def api_router(
    scheduler: Scheduler, *, authorize: Callable[..., Any] | None = None, allow_anonymous: Anonymous = False
) -> APIRouter:
    """The REST API of a scheduler: ``app.include_router(api_router(scheduler, authorize=…), prefix="/hourbell")``.

    ``authorize``  a FastAPI dependency that answers a set of ``"read"``, ``"run"``, ``"write"``: what this caller may
    do. ``allow_anonymous``  what everybody may do: nothing (False), ``"read"``, or all (True). Without either, only
    ``/health`` answers, and tells little. Raises InvalidArguments.
    """
    guard = Guard.of(authorize, allow_anonymous)
    router = APIRouter(route_class=ProblemRoute, tags=["hourbell"])
    router.include_router(audit_routes(scheduler, _reading(scheduler, guard)))
    router.include_router(_runs(scheduler, guard))
    router.include_router(_health(scheduler, guard))
    return router


def _reading(scheduler: Scheduler, guard: Guard) -> APIRouter:
    router = APIRouter(route_class=ProblemRoute, dependencies=[guard.require("read")], responses=dict(_REFUSALS))

    @router.get("/schedules")
    async def list_schedules(state: Filter = None, cursor: Cursor = None, limit: Limit = 50) -> ListOut[ScheduleOut]:
        page = await scheduler.list_schedules(state=state, cursor=cursor, limit=limit)
        return ListOut(items=[ScheduleOut.of(one) for one in page], next_cursor=page.next_cursor)

    # Before the schedule itself, whose id may have slashes.
    @router.get("/schedules/{id:path}/preview")
    async def preview_schedule(id: Id, count: Count = 5, after: After = None) -> PreviewOut:  # noqa: A002 - as above
        fires = await scheduler.preview_marked(id, count, after=after)
        return PreviewOut(items=[PreviewedOut.of(one) for one in fires])

    @router.get("/schedules/{id:path}")
    async def get_schedule(id: Id) -> ScheduleOut:  # noqa: A002 - its name in the address
        return ScheduleOut.of(await scheduler.get_schedule(id))

    @router.get("/nodes")
    async def list_nodes(cursor: Cursor = None, limit: Limit = 50) -> ListOut[NodeOut]:
        return _page([NodeOut.of(one) for one in await scheduler.list_nodes()], lambda one: one.id, cursor, limit)

    @router.get("/tasks")
    async def list_tasks(cursor: Cursor = None, limit: Limit = 50) -> ListOut[TaskOut]:
        return _page([TaskOut.of(one) for one in await scheduler.list_tasks()], lambda one: one.name, cursor, limit)

    return router


def _runs(scheduler: Scheduler, guard: Guard) -> APIRouter:
    router = APIRouter(route_class=ProblemRoute, dependencies=[guard.require("read")], responses=dict(_REFUSALS))

    @router.get("/runs")
    async def list_runs(
        schedule_id: Filter = None,
        task: Filter = None,
        state: Filter = None,
        tracking_id: Filter = None,
        reason: Filter = None,
        error: Filter = None,
        since: EndedAt = None,
        until: EndedAt = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> ListOut[RunOut]:
        page = await scheduler.list_runs(
            schedule_id=schedule_id,
            task=task,
            state=state,
            tracking_id=tracking_id,
            reason=reason,
            error=error,
            since=since,
            until=until,
            cursor=cursor,
            limit=limit,
        )
        return ListOut(items=[RunOut.of(one) for one in page], next_cursor=page.next_cursor)

    @router.get("/runs/{id}")
    async def get_run(id: Id) -> RunDetailsOut:  # noqa: A002 - its name in the address
        run = await scheduler.get_run(id)
        return RunDetailsOut.told(run, await scheduler.list_attempts(id))

    @router.get("/runs/{id}/logs")
    async def list_logs(
        id: Id,  # noqa: A002 - its name in the address
        attempt: Attempt = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> LogsOut:
        page = await scheduler.list_logs(id, attempt=attempt, cursor=cursor, limit=limit)
        lines = [LogLineOut.of(one) for one in page]
        return LogsOut(items=lines, next_cursor=page.next_cursor, dropped=page.dropped)

    return router


def _health(scheduler: Scheduler, guard: Guard) -> APIRouter:
    router = APIRouter(route_class=ProblemRoute)

    @router.get("/health", responses={503: {"model": HealthOut, "description": "Down, with the reasons"}})
    async def health(response: Response) -> HealthOut:
        found = await scheduler.health()
        if found.status == "down":
            response.status_code = 503
        return HealthOut.of(found, everything=guard.allows_anonymous("read"))

    return router


def _page(items: Sequence[T], key: Callable[[T], str], cursor: str | None, limit: int) -> ListOut[T]:
    """A page of a short list that is at hand whole. Raises InvalidArguments for a cursor that is gone."""
    places = {key(one): place + 1 for place, one in enumerate(items)}
    if cursor is not None and cursor not in places:
        raise InvalidArguments("the list has changed and this cursor is gone: begin again without one")
    rest = items[places[cursor] if cursor is not None else 0 :]
    return ListOut(items=list(rest[:limit]), next_cursor=key(rest[limit - 1]) if len(rest) > limit else None)
