"""One id from the request to the runs that it caused, and what those enqueued, in all that they log."""

from __future__ import annotations

import asyncio
import contextvars
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from hourbell import Scheduler, current_run
from hourbell.fastapi import TrackingId, TrackingMiddleware
from hourbell.tracking import current_tracking_id

TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture
async def scheduler() -> AsyncIterator[Scheduler]:
    made = Scheduler("memory://", poll=0.2)

    @made.task(name="second")
    def second() -> str | None:
        current_run().log.info("in a thread")  # type: ignore[union-attr]
        return current_tracking_id()

    @made.task(name="first")
    async def first() -> str | None:
        await asyncio.sleep(0)
        await second.enqueue()
        return current_tracking_id()

    async with made.lifespan():
        yield made


@pytest.fixture
async def client(scheduler: Scheduler) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    app.add_middleware(TrackingMiddleware)
    first = next(task for task in await scheduler.list_tasks() if task.name == "first")

    @app.post("/orders")
    async def order(tracking_id: TrackingId) -> dict[str, Any]:
        run = await first.enqueue()
        return {"run": run.id, "stored": run.tracking_id, "told": tracking_id}

    @app.get("/plain")
    def plain() -> str | None:
        return current_tracking_id()

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as made:
        yield made


async def test_one_id_through_everything(scheduler: Scheduler, client: httpx.AsyncClient) -> None:
    answer = await client.post("/orders", headers={"X-Request-ID": "order-42"})
    assert answer.headers["x-request-id"] == "order-42"
    assert (answer.json()["stored"], answer.json()["told"]) == ("order-42", "order-42")
    assert (await scheduler.wait(answer.json()["run"], timeout=30)).result == "order-42"
    runs = list(await scheduler.list_runs(tracking_id="order-42"))
    assert [run.task for run in runs] == ["second", "first"]
    assert (await scheduler.wait(runs[0], timeout=30)).result == "order-42"
    assert runs[0].parent == runs[1].id
    assert [line.message for line in await scheduler.list_logs(runs[0])] == ["in a thread"]


async def test_requests_at_once_do_not_mix(scheduler: Scheduler, client: httpx.AsyncClient) -> None:
    names = [f"request-{number}" for number in range(100)]
    answers = await asyncio.gather(*(client.post("/orders", headers={"X-Request-ID": name}) for name in names))
    for name, answer in zip(names, answers, strict=True):
        assert answer.headers["x-request-id"] == answer.json()["stored"] == name
        assert (await scheduler.wait(answer.json()["run"], timeout=60)).result == name


async def test_where_the_id_comes_from(client: httpx.AsyncClient) -> None:
    traced = await client.get("/plain", headers={"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"})
    assert traced.json() == traced.headers["x-request-id"] == TRACE
    for given in ({}, {"X-Request-ID": "no id"}, {"X-Request-ID": "x" * 500}, {"traceparent": "nonsense"}):
        answer = await client.get("/plain", headers=given)
        assert re.fullmatch("[0-9a-f]{32}", answer.json())
        assert answer.json() == answer.headers["x-request-id"]
    assert contextvars.copy_context().run(current_tracking_id) is None


async def test_another_header() -> None:
    app = FastAPI()
    app.add_middleware(TrackingMiddleware, header="X-Correlation-ID")

    @app.get("/")
    async def root(tracking_id: TrackingId) -> str:
        return tracking_id

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        answer = await client.get("/", headers={"X-Correlation-ID": "c-1", "X-Request-ID": "r-1"})
        assert answer.json() == answer.headers["x-correlation-id"] == "c-1"


async def test_without_the_middleware_there_is_an_id_all_the_same() -> None:
    app = FastAPI()

    @app.get("/")
    async def root(tracking_id: TrackingId) -> str:
        return tracking_id

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        assert re.fullmatch("[0-9a-f]{32}", (await client.get("/")).json())


async def test_what_answers_and_logs_an_error_outside_of_it_finds_the_id() -> None:
    """The answer 500 and the server's line with the traceback are made outside of every middleware."""
    app = FastAPI()
    app.add_middleware(TrackingMiddleware)

    @app.get("/broken")
    async def broken() -> None:
        raise LookupError("broken")

    @app.exception_handler(Exception)
    async def answered(_request: Request, _error: Exception) -> JSONResponse:
        return JSONResponse({"tracking_id": current_tracking_id()}, status_code=500)

    sent: list[dict[str, Any]] = []
    headers = [(b"x-request-id", b"r-1")]
    scope: dict[str, Any] = {
        "type": "http",
        "method": "GET",
        "path": "/broken",
        "headers": headers,
        "query_string": b"",
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(message)

    async def serve() -> str | None:
        """As a server does: in a task of its own for each request."""
        with pytest.raises(LookupError):
            await app(scope, receive, send)
        return current_tracking_id()

    assert await asyncio.create_task(serve()) == "r-1"
    assert (sent[0]["status"], sent[1]["body"]) == (500, b'{"tracking_id":"r-1"}')
    assert current_tracking_id() is None
