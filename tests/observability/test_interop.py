"""With what others use: structlog's events, and the id of asgi-correlation-id's middleware."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import structlog
from asgi_correlation_id import CorrelationIdMiddleware, correlation_id
from fastapi import FastAPI

from hourbell import Context, Scheduler
from hourbell.fastapi import TrackingId, TrackingMiddleware
from hourbell.observability import add_tracking
from hourbell.tracking import tracked


async def test_events_of_structlog_know_their_request_and_run() -> None:
    said = structlog.testing.LogCapture()
    log = structlog.wrap_logger(None, processors=[add_tracking, said])
    scheduler = Scheduler("memory://", poll=0.2)

    @scheduler.task(name="body")
    async def body() -> None:
        log.info("in a run", task="its own")

    async with scheduler.lifespan():
        log.info("outside")
        with tracked("order-42"):
            log.info("in a request")
            run = await body.enqueue()
        await scheduler.wait(run, timeout=60)
    outside, request, inside = said.entries
    assert "tracking_id" not in outside
    assert request["tracking_id"] == "order-42"
    known = {name: inside[name] for name in ("tracking_id", "run_id", "task", "attempt")}
    assert known == {"tracking_id": "order-42", "run_id": run.id, "task": "its own", "attempt": 1}


async def test_the_id_of_asgi_correlation_id_goes_on_in_runs() -> None:
    scheduler = Scheduler("memory://", poll=0.2)

    async def correlated(call_next: Callable[[], Awaitable[Any]], context: Context) -> Any:
        correlation_id.set(context.tracking_id)
        return await call_next()

    scheduler.add_middleware(correlated)

    @scheduler.task
    async def on_loop() -> str | None:
        return correlation_id.get()

    @scheduler.task
    def in_thread() -> str | None:
        return correlation_id.get()

    app = FastAPI()
    # The one that is added last is outermost: its id is in the header that ours takes, or in its variable.
    app.add_middleware(TrackingMiddleware, current=correlation_id.get)
    app.add_middleware(CorrelationIdMiddleware)

    @app.get("/")
    async def order(tracking_id: TrackingId) -> list[object]:
        runs = [await task.enqueue() for task in (on_loop, in_thread)]
        ended = [await scheduler.wait(run, timeout=60) for run in runs]
        return [correlation_id.get(), tracking_id, *(run.tracking_id for run in runs), *(run.result for run in ended)]

    async with scheduler.lifespan():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            made = await client.get("/")
            given = await client.get("/", headers={"X-Request-ID": "6f5902ac-237a-4c8a-9b70-7f0d9ab3c1d4"})
    for answer in (made, given):
        (own,) = set(answer.json())
        assert answer.headers.get_list("X-Request-ID") == [own]
