"""Streams are bounded: in number, in what waits for the slow, and in how long somebody may be slow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from hourbell import Scheduler
from hourbell.fastapi import api_router, event_stream
from hourbell.fastapi.event_stream import EventStream, Sent, Streams
from hourbell.model.change import Change
from hourbell.scheduler.looks import MOST_WAITING

SCOPE: dict[str, Any] = {"type": "http"}


@pytest.fixture
async def scheduler() -> AsyncIterator[Scheduler]:
    async with Scheduler("memory://", poll=0.05) as made:
        yield made


async def forever() -> dict[str, Any]:
    await asyncio.Event().wait()
    return {}


async def some() -> Any:
    for number in range(3):
        yield Sent("n", {"text": "a\nb", "number": number}, id=str(number))


async def test_events_as_they_go_over_the_line(scheduler: Scheduler) -> None:
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await EventStream(Streams(scheduler), some)(SCOPE, forever, send)  # type: ignore[arg-type]
    assert sent[0]["status"] == 200
    text = b"".join(message.get("body", b"") for message in sent).decode()
    assert text == "retry: 3000\n\n" + "".join(
        f'id: {number}\nevent: n\ndata: {{"text":"a\\nb","number":{number}}}\n\n' for number in range(3)
    )
    assert not sent[-1].get("more_body")


async def test_who_does_not_read_is_dropped(scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "STALLED", 0.05)
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)
        if len(sent) > 3:
            await forever()

    streams = Streams(scheduler)
    async with asyncio.timeout(10):
        await EventStream(streams, some)(SCOPE, forever, send)  # type: ignore[arg-type]
    assert len(sent) == 4, "nothing more is tried"
    assert streams._open == 0


async def test_who_goes_frees_the_place(scheduler: Scheduler) -> None:
    async def gone() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def endless() -> Any:
        yield Sent("n", {})
        await forever()

    async def send(message: dict[str, Any]) -> None: ...

    streams = Streams(scheduler)
    async with asyncio.timeout(10):
        await EventStream(streams, endless)(SCOPE, gone, send)  # type: ignore[arg-type]
    assert streams._open == 0


async def test_there_are_no_more_than_so_many(scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "MOST", 0)
    app = FastAPI()
    app.include_router(api_router(scheduler, allow_anonymous="read"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        answer = await client.get("/events")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
    assert answer.headers["content-type"] == "application/problem+json"


async def test_many_at_once_are_no_more_either(scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them are answered before the first one is served."""
    monkeypatch.setattr(event_stream, "MOST", 3)
    streams = Streams(scheduler)
    statuses: list[int] = []
    gone = asyncio.Event()

    async def receive() -> dict[str, Any]:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        if "status" in message:
            statuses.append(message["status"])
            if len(statuses) == 10:
                gone.set()

    async def endless() -> Any:
        yield Sent("n", {})
        await forever()

    answers = [streams.answer(endless) for _ in range(10)]
    async with asyncio.timeout(10):
        await asyncio.gather(*(answer(SCOPE, receive, send) for answer in answers))  # type: ignore[arg-type]
    assert sorted(statuses) == [200] * 3 + [503] * 7
    assert streams._open == 0


async def test_a_database_that_is_away_is_503() -> None:
    scheduler = Scheduler("postgresql://nobody:secret@127.0.0.1:1/nowhere")
    app = FastAPI()
    app.include_router(api_router(scheduler, allow_anonymous="read"))
    await scheduler.open(migrate=False)
    try:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            assert (await client.get("/events")).status_code == 503
    finally:
        await scheduler.close()


async def test_nothing_is_kept_for_who_is_too_far_behind(scheduler: Scheduler) -> None:
    async with scheduler.watch() as watch:
        for number in range(MOST_WAITING + 10):
            watch.offer(Change("run", str(number), "queued"))
        assert watch.lost
        assert watch._waiting.qsize() == MOST_WAITING
        assert [change async for change in watch] == []


async def test_nobody_looks_when_nobody_watches(scheduler: Scheduler) -> None:
    looks = scheduler._core.looks
    async with scheduler.watch():
        async with scheduler.watch():
            assert looks._task is not None
        assert looks._task is not None
    assert looks._task is None


async def test_the_end_of_the_scheduler_ends_the_watching() -> None:
    scheduler = Scheduler("memory://", poll=0.05)
    await scheduler.open()
    watch = scheduler.watch()
    await watch.__aenter__()
    await scheduler.close()
    async with asyncio.timeout(10):
        assert [change async for change in watch] == []
    await watch.__aexit__()


async def test_who_goes_just_when_there_is_news_is_let_go(scheduler: Scheduler) -> None:
    """Whichever of the two comes first, by however little: a place that is not freed then never is, and who is in it
    holds up the end of the server."""
    app = FastAPI()
    app.include_router(api_router(scheduler, allow_anonymous="read"))
    for turns in range(12):
        ready, gone = asyncio.Event(), asyncio.Event()

        async def receive(gone: asyncio.Event = gone) -> dict[str, Any]:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any, ready: asyncio.Event = ready) -> None:
            if b"ready" in message.get("body", b""):
                ready.set()

        scope = {"type": "http", "method": "GET", "path": "/events", "headers": [], "query_string": b""}
        serving = asyncio.ensure_future(app(scope, receive, send))
        async with asyncio.timeout(30):
            await ready.wait()
            await asyncio.sleep(0.01)
            gone.set()
            for _ in range(turns):
                await asyncio.sleep(0)
            for watch in list(scheduler._core.looks._watches):
                watch.offer(Change("run", "r", "queued"))
            await asyncio.wait({serving}, timeout=10)
        assert serving.done(), f"{turns} turns of the loop later"
        await serving
