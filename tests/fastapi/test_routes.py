"""What every route has in common: how HEAD is answered, what is refused, how it is described, what stays open."""

from __future__ import annotations

import asyncio
import json
import warnings
from collections.abc import AsyncIterator
from typing import Annotated, Any

import httpx
import pytest
from fastapi import BackgroundTasks, Depends, FastAPI, Query
from starlette.exceptions import HTTPException

from hourbell import Every, Scheduler
from hourbell.fastapi import api_router, jobs_router

EVERY = {"kind": "every", "seconds": 60}
SCOPE: dict[str, Any] = {
    "type": "http",
    "method": "GET",
    "path": "/events",
    "raw_path": b"/events",
    "headers": [],
    "query_string": b"",
    "scheme": "http",
    "server": ("test", 80),
    "asgi": {"version": "3.0"},
    "http_version": "1.1",
    "root_path": "",
}


@pytest.fixture
async def scheduler() -> AsyncIterator[Scheduler]:
    made = Scheduler("memory://", poll=0.05)
    made.task(name="t")(lambda: None)
    async with made:
        yield made


def client_of(app: Any, root_path: str = "") -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, root_path=root_path)
    return httpx.AsyncClient(transport=transport, base_url="http://test")


class Connection:
    """A client as the server sees it, until it goes."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.news = asyncio.Event()
        self.gone = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.sent.append(message)
        self.news.set()

    async def heard(self, text: bytes) -> None:
        """Wait for it. Raises TimeoutError."""
        async with asyncio.timeout(30):
            while not any(text in message.get("body", b"") for message in self.sent):
                self.news.clear()
                await self.news.wait()


async def test_head_is_answered_as_get_is(scheduler: Scheduler) -> None:
    """Probes ask so: ``wget --spider``, load balancers, those who watch whether a site is up."""
    app = FastAPI()
    app.include_router(api_router(scheduler, allow_anonymous="read"))
    await scheduler.add_schedule("t", Every(hours=1), id="s")
    async with client_of(app) as client:
        for path in ("/health", "/health/live", "/schedules", "/schedules/s"):
            asked, got = await client.head(path), await client.get(path)
            assert (asked.status_code, asked.headers) == (200, got.headers), path
        assert (await client.head("/schedules/none")).status_code == 404
        answer = await client.head("/schedules/s/pause")
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_head_of_a_stream_is_no_stream(scheduler: Scheduler) -> None:
    app, connection = FastAPI(), Connection()
    app.include_router(api_router(scheduler, allow_anonymous="read"))
    async with asyncio.timeout(30):
        await app({**SCOPE, "method": "HEAD"}, connection.receive, connection.send)
    start, *rest = connection.sent
    assert start["status"] == 200
    assert [message.get("body") for message in rest] == [b""]


async def test_head_needs_what_get_needs(scheduler: Scheduler) -> None:
    app = FastAPI()
    app.include_router(api_router(scheduler))
    async with client_of(app) as client:
        assert (await client.head("/schedules")).status_code == 403


async def test_a_parameter_that_is_given_twice_is_refused(scheduler: Scheduler) -> None:
    """All but the last were passed over: a list of what failed or was cancelled showed one of the two."""

    async def reader(team: Annotated[list[str] | None, Query()] = None) -> set[str]:
        return {"read"}

    app = FastAPI()
    app.include_router(api_router(scheduler, authorize=reader), prefix="/open")
    app.include_router(api_router(scheduler), prefix="/closed")
    async with client_of(app) as client:
        answer = await client.get("/open/runs?state=failed&limit=5&state=cancelled")
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
        assert answer.json()["errors"] == [{"detail": "is given more than once", "parameter": "state"}]
        assert (await client.get("/open/runs?state=failed&team=a&team=b")).status_code == 200, "not a parameter of ours"
        assert (await client.get("/closed/runs?state=failed&state=failed")).status_code == 403, "who may not hears that"


@pytest.mark.parametrize("text", ['{"id": "a", "id": "b"}', '{"args": {"x": 1, "x": 1}}', '{"a": [{"a": 1, "a": {}}]}'])
async def test_a_name_that_stands_twice_is_refused(scheduler: Scheduler, text: str) -> None:
    app = FastAPI()
    app.include_router(api_router(scheduler, allow_anonymous=True))
    async with client_of(app) as client:
        body = json.dumps({"task": "t", "trigger": EVERY})[:-1] + ", " + text[1:]
        answer = await client.post("/schedules", content=body, headers={"content-type": "application/json"})
        assert (answer.status_code, "more than once" in answer.json()["detail"]) == (400, True)
        assert (await client.get("/schedules")).json()["items"] == []


@pytest.mark.parametrize("strips", [True, False], ids=["the proxy takes the prefix off", "the server puts it on"])
async def test_where_something_stands_is_told_as_the_client_sees_it(scheduler: Scheduler, *, strips: bool) -> None:
    app = FastAPI()
    app.include_router(api_router(scheduler, allow_anonymous=True), prefix="/hourbell")
    app.include_router(jobs_router(scheduler, allow_anonymous=True), prefix="/schedule")
    asked = "" if strips else "/api"
    async with client_of(app, root_path="/api") as client:
        for name in ("a b", "c"):
            answer = await client.post(f"{asked}/hourbell/schedules", json={"task": "t", "trigger": EVERY, "id": name})
            assert answer.headers["location"] == f"/api/hourbell/schedules/{name.replace(' ', '%20')}"
        answer = await client.get(f"{asked}/schedule/jobs?limit=1")
        assert answer.headers["link"].startswith("</api/schedule/jobs?limit=1&cursor=")


async def test_every_operation_has_an_id_of_its_own(scheduler: Scheduler) -> None:
    app, other = FastAPI(), Scheduler("memory://")
    app.include_router(api_router(scheduler), prefix="/hourbell")
    app.include_router(api_router(other), prefix="/reports/hourbell")
    app.include_router(jobs_router(scheduler), prefix="/hourbell")
    app.include_router(jobs_router(other), prefix="/reports")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        paths = app.openapi()["paths"]
    ids = [verb["operationId"] for verbs in paths.values() for verb in verbs.values()]
    assert len(ids) == len(set(ids))
    assert {"hourbell_list_runs", "hourbell_reports_list_runs"} <= set(ids)


async def test_every_refusal_is_described_as_what_it_is(scheduler: Scheduler) -> None:
    app = FastAPI()
    app.include_router(api_router(scheduler), prefix="/hourbell")
    app.include_router(jobs_router(scheduler), prefix="/schedule")
    for path, verbs in app.openapi()["paths"].items():
        for method, verb in verbs.items():
            refused = {status: one for status, one in verb["responses"].items() if status >= "400"}
            assert "health" in path or refused
            for status, one in refused.items():
                assert "health" in path or "application/problem+json" in one["content"], (method, path, status)
            assert "requestBody" not in verb or {"400", "413", "415"} <= set(refused), (method, path)


async def test_a_stream_keeps_nothing_open_that_its_request_needed(scheduler: Scheduler) -> None:
    """FastAPI ends dependencies after the answer: a session with the database, for an hour of every stream."""
    told: list[str] = []

    async def session() -> AsyncIterator[str]:
        told.append("opened")
        yield "session"
        told.append("closed")

    async def authorize(background: BackgroundTasks, session: str = Depends(session)) -> set[str]:
        background.add_task(told.append, f"noted in the {session}")
        return {"read"}

    app, connection = FastAPI(), Connection()
    app.include_router(api_router(scheduler, authorize=authorize))
    serving = asyncio.ensure_future(app(SCOPE, connection.receive, connection.send))
    await connection.heard(b"event: ready")
    assert told == ["opened", "noted in the session", "closed"]
    assert not serving.done()
    connection.gone.set()
    await serving


async def test_whatever_authorize_refuses_with_is_a_problem_document(scheduler: Scheduler) -> None:
    async def authorize() -> set[str]:
        raise HTTPException(401, "who are you?", headers={"WWW-Authenticate": "Bearer"})

    app = FastAPI()
    app.include_router(api_router(scheduler, authorize=authorize))
    async with client_of(app) as client:
        answer = await client.get("/runs")
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
    assert (answer.json()["detail"], answer.headers["www-authenticate"]) == ("who are you?", "Bearer")
