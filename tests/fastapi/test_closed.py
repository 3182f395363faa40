"""Every path of the document is closed: to strangers, to those who may something else, to pages of other sites."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Header, HTTPException

from hourbell import Every, InvalidArguments, Scheduler
from hourbell.fastapi import api_router, event_stream, jobs_router

OPEN = {"/health", "/health/live", "/health/ready"}
RUNS = ("/trigger", "/backfill", "/cancel", "/retry")
READS_BY_POST = {"/preview"}


@pytest.fixture(autouse=True)
def no_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream has no end: whoever may have one hears here that there are enough."""
    monkeypatch.setattr(event_stream, "MOST", 0)


@asynccontextmanager
async def opened(**options: Any) -> AsyncIterator[tuple[httpx.AsyncClient, Scheduler, list[tuple[str, str]]]]:
    """A client, its scheduler with one schedule, and every (method, path) of the document."""
    scheduler = Scheduler("memory://")
    scheduler.task(name="t")(lambda: None)
    app = FastAPI()
    app.include_router(api_router(scheduler, **options))
    paths = [(method.upper(), path) for path, verbs in app.openapi()["paths"].items() for method in verbs]
    transport = httpx.ASGITransport(app)
    async with scheduler, httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        await scheduler.add_schedule("t", Every(hours=1), id="s")
        yield client, scheduler, paths


def needed(method: str, path: str) -> str | None:
    """What a path asks for."""
    if path in OPEN:
        return None
    if method == "GET" or path in READS_BY_POST:
        return "read"
    return "run" if path.endswith(RUNS) else "write"


def grants(granted: str = Header("", alias="x-granted")) -> set[str]:
    if not granted:
        raise HTTPException(401, "who are you?", headers={"WWW-Authenticate": "Bearer"})
    return set(granted.split(","))


async def sent(client: httpx.AsyncClient, method: str, path: str, **headers: str) -> httpx.Response:
    body = {"task": "t", "trigger": {"kind": "every", "seconds": 60}, "id": "new"} if path == "/schedules" else {}
    options: dict[str, Any] = {} if method == "GET" else {"json": body}
    return await client.request(method, path.replace("{id}", "s"), headers=headers, **options)


async def unchanged(scheduler: Scheduler) -> bool:
    schedules, runs = await scheduler.list_schedules(), await scheduler.list_runs()
    return [(one.id, one.state, one.version) for one in schedules] == [("s", "active", 1)] and not runs


@pytest.mark.parametrize(
    "options", [{}, {"authorize": grants}, {"allow_anonymous": "read"}], ids=["by default", "authorize", "reading"]
)
async def test_no_stranger_changes_anything(options: dict[str, Any]) -> None:
    async with opened(**options) as (client, scheduler, paths):
        assert len(paths) > 20
        for method, path in paths:
            answer = await sent(client, method, path)
            grant = needed(method, path)
            may = grant is None or (grant == "read" and "allow_anonymous" in options)
            if may:
                assert answer.status_code not in (401, 403), path
            else:
                assert answer.status_code == (401 if "authorize" in options else 403), (method, path)
                assert answer.headers["content-type"] == "application/problem+json"
        assert await unchanged(scheduler)


@pytest.mark.parametrize("granted", ["read", "run", "write"])
async def test_each_role_does_its_own(granted: str) -> None:
    async with opened(authorize=grants) as (client, _, paths):
        for method, path in sorted(paths, key=lambda place: place[0] == "DELETE"):
            answer = await sent(client, method, path, **{"x-granted": granted})
            allowed = needed(method, path) in (None, granted)
            assert (answer.status_code != 403) == allowed, (method, path, answer.text)


async def test_strangers_read_beside_those_who_are_known() -> None:
    async with opened(authorize=grants, allow_anonymous="read") as (client, _, _paths):
        assert (await client.get("/schedules")).status_code == 200
        assert (await sent(client, "POST", "/schedules/s/pause")).status_code == 401
        assert (await sent(client, "POST", "/schedules/s/pause", **{"x-granted": "write"})).status_code == 200


OTHER_SITES = [
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "cross-site", "origin": "http://test"},
    {"origin": "http://evil.example"},
    {"origin": "http://test:81"},
    {"origin": "null"},
    {"origin": "test"},
]
THIS_SITE = [
    {},
    {"sec-fetch-site": "same-origin", "origin": "http://test"},
    {"sec-fetch-site": "none"},
    {"origin": "http://test"},
]


@pytest.mark.parametrize("headers", OTHER_SITES, ids=str)
async def test_a_page_of_another_site_changes_nothing(headers: dict[str, str]) -> None:
    for options in ({"allow_anonymous": True}, {"authorize": grants}):
        async with opened(**options) as (client, scheduler, paths):
            for method, path in paths:
                answer = await sent(client, method, path, **{"x-granted": "read,run,write"}, **headers)
                assert (answer.status_code == 403) == (method != "GET"), (method, path)
            assert await unchanged(scheduler)


@pytest.mark.parametrize("headers", THIS_SITE, ids=str)
async def test_a_page_of_this_site_may(headers: dict[str, str]) -> None:
    async with opened(allow_anonymous=True) as (client, _, _paths):
        assert (await sent(client, "POST", "/schedules/s/pause", **headers)).status_code == 200


async def test_an_origin_may_be_trusted() -> None:
    async with opened(allow_anonymous=True, trusted_origins=["https://admin.example"]) as (client, _, _paths):
        for origin, status in (("https://admin.example", 200), ("https://admin.example.evil", 403), ("null", 403)):
            headers = {"origin": origin, "sec-fetch-site": "cross-site"}
            assert (await sent(client, "POST", "/schedules/s/pause", **headers)).status_code == status


async def test_an_origin_may_be_trusted_with_jobs_too() -> None:
    app = FastAPI()
    scheduler = Scheduler("memory://")
    app.include_router(
        jobs_router(scheduler, allow_anonymous=True, trusted_origins=["https://admin.example"]), prefix="/jobs"
    )
    async with (
        scheduler,
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client,
    ):
        for origin, status in (("https://admin.example", 404), ("https://admin.example.evil", 403)):
            answer = await client.post("/jobs/jobs/nothing/pause", headers={"origin": origin})
            assert answer.status_code == status


async def test_an_origin_is_trusted_as_browsers_say_it() -> None:
    options: dict[str, Any] = {"allow_anonymous": True, "trusted_origins": ["HTTPS://Admin.Example:8443/"]}
    async with opened(**options) as (client, _, _paths):
        headers = {"origin": "https://admin.example:8443", "sec-fetch-site": "cross-site"}
        assert (await sent(client, "POST", "/schedules/s/pause", **headers)).status_code == 200


@pytest.mark.parametrize(
    "origins",
    ["https://a.example", ["a.example"], ["*"], [""], ["https://a.example/admin"], ["https://*.a.example"]],
    ids=str,
)
def test_what_is_no_origin_is_refused(origins: Any) -> None:
    with pytest.raises(InvalidArguments, match="trusted_origins"):
        api_router(Scheduler("memory://"), trusted_origins=origins)
