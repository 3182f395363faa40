"""The house over REST: its tasks, its nodes, its health."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from fastapi import APIRouter, Response

from hourbell.errors import InvalidArguments
from hourbell.fastapi.parameters import Cursor, Limit, refusals
from hourbell.fastapi.schemas import HealthOut, ListOut, LiveOut, NodeOut, TaskOut
from hourbell.fastapi.security import Guard
from hourbell.scheduler import Scheduler

S = TypeVar("S")
T = TypeVar("T")


def read_house(router: APIRouter, scheduler: Scheduler, guard: Guard) -> None:
    """Tasks and nodes."""
    reads = [guard.require("read")]

    @router.get("/nodes", dependencies=reads, responses=refusals())
    async def list_nodes(cursor: Cursor = None, limit: Limit = 50) -> ListOut[NodeOut]:
        """Nodes, live ones first."""
        return _page(await scheduler.list_nodes(), NodeOut.of, lambda one: one.id, cursor, limit)

    @router.get("/tasks", dependencies=reads, responses=refusals())
    async def list_tasks(cursor: Cursor = None, limit: Limit = 50) -> ListOut[TaskOut]:
        """What this process has registered, with the JSON schema of the arguments."""
        return _page(await scheduler.list_tasks(), TaskOut.of, lambda one: one.name, cursor, limit)


def read_health(router: APIRouter, scheduler: Scheduler, guard: Guard) -> None:
    """The health, open to everybody; strangers are told what stands, and not who says so."""

    async def examined(response: Response, *unready: str) -> HealthOut:
        found = await scheduler.health()
        if found.status == "down" or found.node.state in unready:
            response.status_code = 503
        return HealthOut.of(found, everything=guard.allows_anonymous("read"))

    down: dict[int | str, dict[str, Any]] = {503: {"model": HealthOut, "description": "Down, with the reasons"}}

    @router.get("/health", responses=down)
    async def health(response: Response) -> HealthOut:
        """How it stands: ok, degraded, or down with status 503."""
        return await examined(response)

    @router.get("/health/ready", responses=down)
    async def ready(response: Response) -> HealthOut:
        """Whether requests should be sent here: 503 while the database is away, or the node starts or drains.

        For a readiness probe."""
        return await examined(response, "starting", "stopping")

    @router.get("/health/live")
    async def live() -> LiveOut:
        """That this process answers. It asks no database: one that is away is no reason to start the process anew.

        For a liveness probe."""
        return LiveOut()


def _page(
    items: Sequence[T], shown: Callable[[T], S], key: Callable[[T], str], cursor: str | None, limit: int
) -> ListOut[S]:
    """A page of a short list that is at hand whole; only what is on it is put into words.

    Raises InvalidArguments for a cursor that is gone.
    """
    places = {key(one): place + 1 for place, one in enumerate(items)}
    if cursor is not None and cursor not in places:
        raise InvalidArguments("the list has changed and this cursor is gone: begin again without one", at="cursor")
    rest = items[places[cursor] if cursor is not None else 0 :]
    return ListOut(
        items=[shown(one) for one in rest[:limit]], next_cursor=key(rest[limit - 1]) if len(rest) > limit else None
    )
