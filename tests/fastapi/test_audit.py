"""The audit over REST: its shape, its pages, and who may read it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from hourbell import Every, Scheduler
from hourbell.acting import acting, current_actor
from hourbell.fastapi import Granted, TrackingMiddleware, api_router, jobs_router


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    scheduler = Scheduler("memory://")

    @scheduler.task(name="t")
    async def task() -> None: ...

    app = FastAPI()
    app.include_router(api_router(scheduler, allow_anonymous="read"))
    app.include_router(api_router(scheduler), prefix="/closed")
    async with scheduler:
        with acting("anna"):
            await scheduler.add_schedule("t", Every(hours=1), id="s")
            for note in ("a", "b", "c"):
                await scheduler.pause_schedule("s", note=note)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as made:
            yield made


async def test_an_entry(client: httpx.AsyncClient) -> None:
    found = (await client.get("/audit?action=pause&actor=anna&subject=schedule&subject_id=s&limit=1")).json()
    (entry,) = found["items"]
    assert set(entry) == {
        "id", "done_at", "action", "subject", "subject_id", "actor", "tracking_id", "before", "after",
    }  # fmt: skip
    assert entry["done_at"].endswith("Z")
    assert (entry["before"], entry["after"]) == ({"note": "b"}, {"note": "c"})
    rest = (await client.get(f"/audit?cursor={found['next_cursor']}")).json()
    assert ([one["action"] for one in rest["items"]], rest["next_cursor"]) == (["pause", "pause", "add"], None)


async def test_it_is_read_by_those_who_may_read(client: httpx.AsyncClient) -> None:
    assert (await client.get("/closed/audit")).status_code == 403


@pytest.mark.parametrize(
    "query", ["subject=node", "action=look", "cursor=x", "limit=0", "actor=%00", "actor=" + "x" * 400]
)
async def test_a_wrong_question_is_422(client: httpx.AsyncClient, query: str) -> None:
    answer = await client.get(f"/audit?{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


@pytest.mark.parametrize(
    "granted, actor",
    [
        (Granted({"write"}, name="ada"), "ada"),
        (Granted({"write"}, name="a\nb\x00" + "x" * 300), "ab" + "x" * 198),
        (Granted({"write"}, name="\n"), None),
        (Granted({"write"}), None),
        ({"write"}, None),
    ],
    ids=str,
)
async def test_who_the_caller_is_stands_beside_what_it_did(granted: Any, actor: str | None) -> None:
    scheduler = Scheduler("memory://")

    @scheduler.task(name="t")
    async def task() -> None: ...

    app = FastAPI()
    app.add_middleware(TrackingMiddleware)
    app.include_router(api_router(scheduler, authorize=lambda: granted))
    app.include_router(jobs_router(scheduler, authorize=lambda: granted))
    async with scheduler, httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        await scheduler.add_schedule("t", Every(hours=1), id="s")
        headers = {"x-request-id": "request-1"}
        assert (await client.post("/schedules/s/pause", json={"note": "n"}, headers=headers)).status_code == 200
        assert (await client.post("/jobs/s/resume", headers=headers)).status_code == 200
        assert current_actor() is None, "it acts no longer than its request"
        resumed, paused, _ = await scheduler.list_audit()
    for entry in (resumed, paused):
        assert (entry.actor, entry.tracking_id) == (actor, "request-1")


async def test_a_caller_who_may_less_does_nothing() -> None:
    scheduler = Scheduler("memory://")
    app = FastAPI()
    app.include_router(api_router(scheduler, authorize=lambda: Granted({"read"}, name="ada")))
    async with scheduler, httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        assert (await client.post("/schedules/s/pause")).status_code == 403
        assert (await client.get("/schedules")).status_code == 200
