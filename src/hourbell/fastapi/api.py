"""The REST API as a router, under any prefix."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from fastapi import APIRouter

from hourbell.fastapi.audit import read_audit
from hourbell.fastapi.event_stream import Streams
from hourbell.fastapi.events_api import read_events
from hourbell.fastapi.house_api import read_health, read_house
from hourbell.fastapi.ids_in_paths import know_ids
from hourbell.fastapi.routes import ProblemRoute, acquaint, operation_id
from hourbell.fastapi.runs_api import change_runs, read_logs, read_runs
from hourbell.fastapi.schedules_api import one_schedule, read_schedules, run_schedules, write_schedules
from hourbell.fastapi.security import Anonymous, Guard
from hourbell.scheduler import Scheduler


def api_router(
    scheduler: Scheduler,
    *,
    authorize: Callable[..., Any] | None = None,
    allow_anonymous: Anonymous = False,
    trusted_origins: Collection[str] = (),
) -> APIRouter:
    """The REST API of a scheduler: ``app.include_router(api_router(scheduler, authorize=…), prefix="/hourbell")``.

    ``authorize``  a FastAPI dependency that answers a set of ``"read"``, ``"run"``, ``"write"``: what this caller may
    do. ``allow_anonymous``  what everybody may do: nothing (False), ``"read"``, or all (True). Without either, only
    ``/health`` answers, and tells little. ``trusted_origins``  sites whose pages may change something here, such as
    ``["https://admin.example.com"]``; those of others are refused. Raises InvalidArguments.
    """
    know_ids()
    guard = Guard.of(authorize, allow_anonymous, trusted_origins)
    router = APIRouter(route_class=ProblemRoute, tags=["hourbell"], generate_unique_id_function=operation_id)
    for part in (read_schedules, write_schedules, run_schedules, one_schedule):
        part(router, scheduler, guard)
    streams = Streams(scheduler)
    read_events(router, scheduler, guard, streams)
    change_runs(router, scheduler, guard)
    read_runs(router, scheduler, guard)
    read_logs(router, scheduler, guard, streams)
    for part in (read_house, read_audit, read_health):
        part(router, scheduler, guard)
    acquaint(router)
    return router
