"""What goes on, as it goes on: the stream of changes, and the log of a run that is being written."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Header, Request, Response

from hourbell import NotFound, Scheduler, StoreUnavailable
from hourbell.fastapi.event_stream import EVENT, HEARTBEAT, EventStream, Sent, Streams
from hourbell.fastapi.parameters import refusals
from hourbell.fastapi.schemas import LogLineOut
from hourbell.fastapi.security import Guard

if TYPE_CHECKING:
    from hourbell.fastapi.event_stream import Events
    from hourbell.model.change import Change

_LINES = 500
LastEvent = Annotated[str | None, Header(max_length=300, description="the id of the last event that was heard")]
_STREAM: Mapping[str, Any] = {
    "description": "Changes, until the client has heard enough",
    "content": {"text/event-stream": {"schema": EVENT}},
}


def read_events(router: APIRouter, scheduler: Scheduler, guard: Guard, streams: Streams) -> None:
    """The route that tells what changes, to those who may read."""

    @router.get(
        "/events",
        dependencies=[guard.require("read")],
        status_code=200,
        response_class=EventStream,
        responses={200: dict(_STREAM), **refusals()},
    )
    async def stream_changes(last_event_id: LastEvent = None) -> Response:
        """Changes of runs, schedules and nodes as server-sent events, whichever node makes them.

        `run`, `schedule` and `node` name what changed and the state that it is in now, null when it is gone. `reload`:
        more has changed than is told, as after a break; read the lists again.
        """
        await scheduler.list_nodes()  # refuses in time when the database is away
        return streams.answer(lambda: _changes(scheduler, resumed=last_event_id is not None))


def wants_stream(request: Request) -> bool:
    """True when the client asks for events, as a browser's ``EventSource`` does."""
    return "text/event-stream" in request.headers.get("accept", "")


async def stream_of_lines(
    scheduler: Scheduler, streams: Streams, request: Request, run_id: str, attempt: int | None, cursor: str | None
) -> Response:
    """The lines of a run as events, those that are there and those to come, until it has ended. A client that comes
    back goes on after the line that it had last. Raises what `Scheduler.list_logs` raises."""
    after = request.headers.get("last-event-id") or cursor
    await scheduler.list_logs(run_id, attempt=attempt, cursor=after, limit=1)
    return streams.answer(lambda: _lines(scheduler, run_id, attempt, after))


async def _changes(scheduler: Scheduler, *, resumed: bool) -> Events:
    async with scheduler.watch() as watch:
        yield Sent("reload" if resumed else "ready", {}, id="0")
        while True:
            try:
                async with asyncio.timeout(HEARTBEAT):
                    change = await anext(watch)
            except TimeoutError:
                yield None
            except StopAsyncIteration:  # too slow, or the scheduler was closed
                yield Sent("reload", {}, id="0")
                return
            else:
                yield _told(change)


async def _lines(scheduler: Scheduler, run_id: str, attempt: int | None, cursor: str | None) -> Events:
    quiet = 0.0
    while True:
        try:
            # In this order: what has ended before its lines were read has no more of them.
            run = await scheduler.get_run(run_id)
            page = await scheduler.list_logs(run_id, attempt=attempt, cursor=cursor, limit=_LINES)
        except StoreUnavailable:
            yield None
            await asyncio.sleep(scheduler.settings.poll)
            continue
        except NotFound:  # pruned meanwhile
            yield Sent("end", {"state": None})
            return
        if page.dropped:
            yield Sent("dropped", {"lines": page.dropped})
        for line in page:
            cursor, quiet = line.cursor, 0.0
            yield Sent("line", LogLineOut.of(line).model_dump(mode="json"), id=cursor)
        if page.next_cursor is not None:
            continue
        if run.state.final:
            yield Sent("end", {"state": run.state.value})
            return
        quiet += scheduler.settings.poll
        if quiet >= HEARTBEAT:
            quiet = 0.0
            yield None
        await asyncio.sleep(scheduler.settings.poll)


def _told(change: Change) -> Sent:
    if change.kind == "reload":
        return Sent("reload", {}, id="0")
    details = {
        name: value.isoformat().replace("+00:00", "Z") if hasattr(value, "isoformat") else value
        for name, value in change.details.items()
    }
    return Sent(change.kind, {"id": change.id, "state": change.state, **details})
