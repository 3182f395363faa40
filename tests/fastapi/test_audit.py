"""The audit over REST: its shape, its pages, and who may read it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from hourbell import Every, Scheduler
from hourbell.acting import acting
from hourbell.fastapi import api_router


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
