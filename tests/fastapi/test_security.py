"""Closed by default: who reads what, and what health tells to whom."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import Depends, FastAPI, Header, HTTPException

from hourbell import InvalidArguments, Scheduler
from hourbell.fastapi import api_router

READING = ("schedules", "schedules/x", "runs", "runs/x", "nodes", "tasks", "audit")


@asynccontextmanager
async def served(app: FastAPI, *, start: bool = True) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application whose lifespan runs, unless it is not to be started."""
    async with AsyncExitStack() as stack:
        if start:
            await stack.enter_async_context(app.router.lifespan_context(app))
        transport = httpx.ASGITransport(app)
        yield await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://test"))


def client_of(**options: Any) -> AbstractAsyncContextManager[httpx.AsyncClient]:
    """A client of a started application with this router at its root."""
    scheduler = Scheduler("memory://")
    app = FastAPI(lifespan=scheduler.lifespan)
    app.include_router(api_router(scheduler, **options))
    return served(app)


def by_token(authorization: str = Header("")) -> set[str]:
    """Grants by a token, as an application might do it."""
    grants = {"": None, "reader": {"read"}, "runner": {"run"}, "guest": set()}.get(authorization)
    if grants is None:
        raise HTTPException(401, "who are you?", headers={"WWW-Authenticate": "Bearer"})
    return grants


async def test_nothing_is_read_unless_it_is_opened() -> None:
    async with client_of() as client:
        for path in READING:
            answer = await client.get(path)
            assert answer.status_code == 403
            assert answer.headers["content-type"] == "application/problem+json"
            assert "allow_anonymous" in answer.json()["detail"]


@pytest.mark.parametrize("allowed", ["read", True])
async def test_everybody_reads_where_it_says_so(allowed: Any) -> None:
    async with client_of(allow_anonymous=allowed) as client:
        for path in ("schedules", "runs", "nodes", "tasks"):
            assert (await client.get(path)).status_code == 200
        assert (await client.get("schedules/x")).status_code == 404


async def test_a_dependency_decides() -> None:
    async with client_of(authorize=by_token) as client:
        for path in READING:
            refused = await client.get(path)
            assert refused.status_code == 401
            assert refused.headers["www-authenticate"] == "Bearer"
            assert refused.json()["detail"] == "who are you?"
            for token in ("runner", "guest"):
                assert (await client.get(path, headers={"authorization": token})).status_code == 403
            assert (await client.get(path, headers={"authorization": "reader"})).status_code in (200, 404)


@pytest.mark.parametrize("answer", [None, True, 1, {"admin"}, "write", [], {"read": False}], ids=repr)
async def test_an_answer_that_grants_no_reading_does_not_open_it(answer: Any) -> None:
    async with client_of(authorize=lambda: answer) as client:
        assert (await client.get("runs")).status_code == 403


@pytest.mark.parametrize("answer", [{"read"}, ["read", "write"], "read", frozenset({"read"})], ids=repr)
async def test_an_answer_that_grants_reading_does(answer: Any) -> None:
    async with client_of(authorize=lambda: answer) as client:
        assert (await client.get("runs")).status_code == 200


async def test_a_dependency_may_have_dependencies() -> None:
    def user() -> str:
        return "anna"

    def authorize(name: str = Depends(user)) -> set[str]:
        return {"read"} if name == "anna" else set()

    async with client_of(authorize=authorize) as client:
        assert (await client.get("runs")).status_code == 200


@pytest.mark.parametrize("options", [{}, {"authorize": by_token}])
async def test_health_is_open_and_tells_little(options: dict[str, Any]) -> None:
    async with client_of(**options) as client:
        answer = await client.get("health")
        assert answer.status_code == 200
        assert answer.json() == {"status": "ok", "database": {"ok": True}, "node": {"state": "live"}, "reasons": []}


async def test_health_is_whole_where_everybody_reads() -> None:
    async with client_of(allow_anonymous="read") as client:
        found = (await client.get("health")).json()
        assert found["node"]["id"]
        assert found["database"]["kind"] == "memory"


async def test_health_is_503_when_the_database_is_away_and_names_no_host() -> None:
    scheduler = Scheduler("postgresql://nobody:secret@127.0.0.1:1/nowhere")
    app = FastAPI(lifespan=scheduler.lifespan)
    app.include_router(api_router(scheduler), prefix="/closed")
    app.include_router(api_router(scheduler, allow_anonymous="read"), prefix="/open")
    async with served(app) as client:
        answer = await client.get("/closed/health")
        assert answer.status_code == 503
        assert (answer.json()["status"], answer.json()["reasons"]) == ("down", ["the database does not answer"])
        assert "127.0.0.1" not in answer.text
        assert (await client.get("/open/health")).status_code == 503
        runs = await client.get("/open/runs")
        assert (runs.status_code, runs.headers["retry-after"]) == (503, "1")
        for text in (answer.text, runs.text, (await client.get("/open/health")).text):
            assert "secret" not in text


async def test_a_scheduler_that_has_not_started_is_503() -> None:
    app = FastAPI()
    app.include_router(api_router(Scheduler("memory://"), allow_anonymous="read"))
    async with served(app, start=False) as client:
        assert (await client.get("/runs")).status_code == 503
        assert (await client.get("/health")).status_code == 503


@pytest.mark.parametrize("options", [{"allow_anonymous": "write"}, {"allow_anonymous": None}, {"authorize": "me"}])
def test_options_that_mean_nothing_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidArguments):
        api_router(Scheduler("memory://"), **options)


async def test_two_routers_in_one_application_keep_apart() -> None:
    scheduler = Scheduler("memory://")
    app = FastAPI(lifespan=scheduler.lifespan)
    app.include_router(api_router(scheduler, allow_anonymous="read"), prefix="/open")
    app.include_router(api_router(scheduler), prefix="/closed")
    async with served(app) as client:
        assert (await client.get("/open/runs")).status_code == 200
        assert (await client.get("/closed/runs")).status_code == 403
