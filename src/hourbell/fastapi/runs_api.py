"""Runs over REST: read, with their attempts, results and logs; cancelled; tried again."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from hourbell.fastapi.event_stream import Streams
from hourbell.fastapi.events_api import stream_of_lines, wants_stream
from hourbell.fastapi.inputs import RetryRunIn, RetryRunsIn
from hourbell.fastapi.parameters import AttemptNumber, Cursor, EndedAt, Filter, Limit, RunId, refusals
from hourbell.fastapi.reasons import HeldUpOut
from hourbell.fastapi.schemas import (
    ListOut,
    LogLineOut,
    LogsOut,
    ResultOut,
    RetriedOut,
    RunDetailsOut,
    RunOut,
)
from hourbell.fastapi.security import Guard
from hourbell.scheduler import Scheduler


def read_runs(router: APIRouter, scheduler: Scheduler, guard: Guard) -> None:
    """The routes that change nothing."""
    reads = [guard.require("read")]

    @router.get("/runs", dependencies=reads, responses=refusals())
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
        """Runs, newest first."""
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

    @router.get("/runs/{id}", dependencies=reads, responses=refusals())
    async def get_run(id: RunId) -> RunDetailsOut:  # noqa: A002 - its name in the address
        """One run, with all its attempts."""
        run = await scheduler.get_run(id)
        return RunDetailsOut.told(run, await scheduler.list_attempts(id))

    @router.get("/runs/{id}/held-up", dependencies=reads, responses=refusals())
    async def held_up(id: RunId) -> HeldUpOut:  # noqa: A002 - its name in the address
        """What a queued run waits for, or why a due time was skipped; null for all others."""
        return HeldUpOut.of(await scheduler.held_up(id))

    @router.get("/runs/{id}/result", dependencies=reads, responses=refusals())
    async def get_result(id: RunId) -> ResultOut:  # noqa: A002 - its name in the address
        """What the body returned, or what it raised. Both are null until the run has ended."""
        return ResultOut.of(await scheduler.get_run(id))


def read_logs(router: APIRouter, scheduler: Scheduler, guard: Guard, streams: Streams) -> None:
    """The route of what bodies log, paged or live."""

    @router.get("/runs/{id}/logs", dependencies=[guard.require("read")], responses=refusals(), response_model=LogsOut)
    async def list_logs(
        request: Request,
        id: RunId,  # noqa: A002 - its name in the address
        attempt: AttemptNumber = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> LogsOut | Response:
        """What the body logged, oldest first.

        With `Accept: text/event-stream` the answer goes on, line by line, until the run has ended; `Last-Event-ID`
        counts as the cursor there.
        """
        if wants_stream(request):
            return await stream_of_lines(scheduler, streams, request, id, attempt, cursor)
        page = await scheduler.list_logs(id, attempt=attempt, cursor=cursor, limit=limit)
        lines = [LogLineOut.of(one) for one in page]
        return LogsOut(items=lines, next_cursor=page.next_cursor, dropped=page.dropped)


def change_runs(router: APIRouter, scheduler: Scheduler, guard: Guard) -> None:
    """The routes that end runs, or try them again."""
    runs = [guard.require("run")]

    @router.post("/runs/retry", dependencies=runs, responses=refusals(body=True))
    async def retry_runs(asked: RetryRunsIn) -> RetriedOut:
        """Try many again, newest first. Asking again goes on with the rest."""
        return RetriedOut(retried=await scheduler.retry_runs(**asked.model_dump()))

    @router.post("/runs/{id}/cancel", dependencies=runs, responses=refusals(409))
    async def cancel_run(id: RunId) -> RunOut:  # noqa: A002 - its name in the address
        """End a queued run; ask a running one to end, on whichever node it is."""
        return RunOut.of(await scheduler.cancel_run(id))

    @router.post("/runs/{id}/retry", dependencies=runs, responses=refusals(409, body=True))
    async def retry_run(id: RunId, asked: RetryRunIn | None = None) -> RunOut:  # noqa: A002 - its name in the address
        """Queue a run that has ended again, now."""
        return RunOut.of(await scheduler.retry_run(id, args=asked.args if asked is not None else None))
