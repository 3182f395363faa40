"""The API that articles about APScheduler under FastAPI have their readers write, on the schedules of Hourbell."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Path, Query, Request, Response
from pydantic import BaseModel, Field

from hourbell import Conflict, InvalidArguments, NotFound, Schedule, Scheduler, Task, TriggerError, UnknownTask
from hourbell.fastapi.apscheduler_names import name_of, new_id
from hourbell.fastapi.apscheduler_triggers import read_trigger
from hourbell.fastapi.ids_in_paths import know_ids
from hourbell.fastapi.parameters import address_of, refusals
from hourbell.fastapi.routes import ProblemRoute, acquaint
from hourbell.fastapi.schemas import Instant
from hourbell.fastapi.security import Anonymous, Guard

Id = Annotated[str, Path(max_length=300)]

_MOST = 1_000
_UNFIT: Mapping[str, Any] = {"description": "The body is no JSON, or what it asks for cannot be: the detail says why"}


class JobIn(BaseModel):
    """A job to add. ``func`` is the name of a registered task, or the dotted path of its function.

    ``jobstore`` is understood and has no meaning: all schedules are in the scheduler's one database. ``kwargs`` are the
    task's arguments. ``name`` need not be one that no other job has; without it the job is called as its task.
    """

    func: str = Field(min_length=1, max_length=300, examples=["app.tasks:send_report"])
    trigger: str = Field(max_length=100, examples=["cron"])
    trigger_args: dict[str, Any] = Field(default_factory=dict, max_length=20, examples=[{"hour": 9, "minute": 0}])
    name: str | None = Field(default=None, max_length=300, examples=["daily-report"])
    jobstore: str = Field(default="default", max_length=100)
    kwargs: dict[str, Any] = Field(default_factory=dict, max_length=100)


class JobOut(BaseModel):
    """A job. ``next_run_time`` is null while it is paused."""

    id: str
    name: str
    next_run_time: Instant | None

    @classmethod
    def of(cls, schedule: Schedule) -> JobOut:
        """The schedule as APScheduler would show it."""
        upcoming = schedule.next_fire_at if schedule.state == "active" else None
        return cls(id=schedule.id, name=name_of(schedule.id), next_run_time=upcoming)


class JobStatus(BaseModel):
    """What became of a job."""

    status: Literal["paused", "resumed", "deleted"]


def jobs_router(
    scheduler: Scheduler,
    *,
    authorize: Callable[..., Any] | None = None,
    allow_anonymous: Anonymous = False,
    trusted_origins: Collection[str] = (),
) -> APIRouter:
    """The job API of an application that used APScheduler: ``include_router(jobs_router(…), prefix="/schedule")``.

    ``POST /jobs``, ``GET /jobs``, ``POST /jobs/{id}/pause``, ``POST /jobs/{id}/resume``, ``DELETE /jobs/{id}``. Jobs
    are schedules: each is on every node at once, and in the other API. What ``func`` names is never imported. Guarded
    as `api_router` is. Raises InvalidArguments.
    """
    know_ids()
    guard = Guard.of(authorize, allow_anonymous, trusted_origins)
    router = APIRouter(route_class=ProblemRoute, tags=["jobs"], responses=refusals())
    reads, writes = [guard.require("read")], [guard.require("write")]

    documented = refusals(body=True)
    documented[400] |= _UNFIT

    @router.post("/jobs", dependencies=writes, responses=documented)
    async def add_job(job: JobIn) -> JobOut:
        return JobOut.of(await _added(scheduler, job))

    @router.get("/jobs", dependencies=reads)
    async def list_jobs(
        request: Request,
        response: Response,
        limit: Annotated[int, Query(ge=1, le=_MOST)] = _MOST,
        cursor: Annotated[str | None, Query(max_length=300)] = None,
    ) -> list[JobOut]:
        """Every job that has not finished; beyond ``limit`` the header ``Link`` says where the list goes on."""
        page = await scheduler.list_schedules(cursor=cursor, limit=limit)
        if page.next_cursor is not None:
            cursor = quote(page.next_cursor, safe="")
            response.headers["Link"] = f'<{address_of(request)}?limit={limit}&cursor={cursor}>; rel="next"'
        return [JobOut.of(schedule) for schedule in page if schedule.state != "finished"]

    @router.post("/jobs/{id:any_text}/pause", dependencies=writes)
    async def pause_job(id: Id) -> JobStatus:  # noqa: A002 - its name in the address
        try:
            await scheduler.pause_schedule(id)
        except Conflict:  # finished, and APScheduler forgets those
            raise NotFound(f"there is no job {id[:60]!r} that has anything left to do") from None
        return JobStatus(status="paused")

    @router.post("/jobs/{id:any_text}/resume", dependencies=writes)
    async def resume_job(id: Id) -> JobStatus:  # noqa: A002 - its name in the address
        if (await scheduler.resume_schedule(id)).state == "finished":
            raise NotFound(f"there is no job {id[:60]!r} that has anything left to do")
        return JobStatus(status="resumed")

    @router.delete("/jobs/{id:any_text}", dependencies=writes)
    async def delete_job(id: Id) -> JobStatus:  # noqa: A002 - its name in the address
        await scheduler.remove_schedule(id)
        return JobStatus(status="deleted")

    acquaint(router)
    return router


async def _added(scheduler: Scheduler, job: JobIn) -> Schedule:
    try:
        task = _named(await scheduler.list_tasks(), job.func)
        trigger, policies = read_trigger(
            job.trigger, job.trigger_args, scheduler.settings.timezone, scheduler.clock.now()
        )
        schedule_id = new_id(job.name if job.name is not None else task.name.rpartition(":")[2])
        return await scheduler.add_schedule(
            task, trigger, id=schedule_id, args=job.kwargs, on_conflict="error", **policies
        )
    except (InvalidArguments, TriggerError, UnknownTask) as error:
        raise HTTPException(400, str(error)) from None


def _named(tasks: list[Task[..., Any]], func: str) -> Task[..., Any]:
    """The one task that is meant: by its name, an alias, or the path of its function, which is compared and no more.

    Raises UnknownTask.
    """
    for task in tasks:
        if func in (task.name, *task.aliases):
            return task
    found = [task for task in tasks if func in _paths(task)]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(repr(task.name) for task in found[:5])
        raise UnknownTask(f"several tasks are made of {func[:80]!r}: give the name of one of them, {names}")
    raise UnknownTask(
        f"no task {func[:80]!r} is registered here: decorate the function with @scheduler.task, and have its module "
        "imported when the application starts"
    )


def _paths(task: Task[..., Any]) -> set[str]:
    module = getattr(task.function, "__module__", None)
    name = getattr(task.function, "__qualname__", None)
    paths = {task.name, f"{module}:{name}"} if module and name else {task.name}
    return paths | {path.replace(":", ".") for path in paths}
