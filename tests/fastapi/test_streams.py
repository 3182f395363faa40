"""Server-sent events by a real server: what another node changes is told, and an open stream delays no shutdown."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from hourbell import Every, Scheduler

PATIENCE = 30.0
APPLICATION = """
import asyncio
import logging

from fastapi import FastAPI
from hourbell import Scheduler
from hourbell.fastapi import api_router

scheduler = Scheduler(poll=0.2, drain=1)
log = logging.getLogger("app")


@scheduler.task(name="talk")
async def talk(words: int = 3, pause: float = 0.3) -> None:
    for number in range(words):
        log.warning("word %s\\nof many", number)
        await asyncio.sleep(pause)


app = FastAPI(lifespan=scheduler.lifespan)
app.include_router(api_router(scheduler, allow_anonymous=True))
app.include_router(api_router(scheduler), prefix="/closed")
bare = FastAPI()
bare.include_router(api_router(scheduler, allow_anonymous=True))


@bare.post("/open")
async def open_store() -> None:
    await scheduler.open()
"""


class Server:
    """uvicorn with the application above."""

    def __init__(self, folder: Path, database_url: str, app: str = "app") -> None:
        (folder / "streaming.py").write_text(APPLICATION, encoding="utf-8")
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}"
        self._output = folder / f"{app}.txt"
        with self._output.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "uvicorn", f"streaming:{app}", "--port", str(port)],
                cwd=folder,
                env={**os.environ, "HOURBELL_DATABASE_URL": database_url},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + PATIENCE
        while "Uvicorn running on" not in self.said():  # it listens only after its application has started
            late = time.monotonic() > deadline or self.process.poll() is not None
            assert not late, self.said()
            time.sleep(0.05)

    def said(self) -> str:
        return self._output.read_text(encoding="utf-8")

    def stop(self) -> float:
        """Ask it to end, and answer how long that took."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            self.process.wait()
        return time.monotonic() - began


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'streams.db'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def server(tmp_path: Path, database_url: str) -> Iterator[Server]:
    made = Server(tmp_path, database_url)
    yield made
    if made.process.poll() is None:
        made.stop()
    assert "Traceback" not in made.said(), made.said()


class Heard:
    """The events of a stream, one by one."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader

    async def next(self) -> dict[str, Any]:
        """The next event: its type, id and data. Raises EOFError at the end of the stream."""
        found: dict[str, Any] = {}
        while line := (await asyncio.wait_for(self._reader.readline(), PATIENCE)).decode():
            name, _, value = line.rstrip("\n").partition(": ")
            if name in ("event", "id", "data"):
                found[name] = json.loads(value) if name == "data" else value
            elif not name and "event" in found:
                return found
        raise EOFError

    async def end(self) -> list[dict[str, Any]]:
        """The events that are left when the server has ended the stream."""
        left = []
        with suppress(EOFError):
            while True:
                left.append(await self.next())
        return left

    async def until(self, **wanted: Any) -> dict[str, Any]:
        """The first event that has these, in its data or as its type."""
        async with asyncio.timeout(PATIENCE):
            while True:
                event = await self.next()
                told = {**event["data"], "event": event["event"]}
                if all(told.get(name) == value for name, value in wanted.items()):
                    return event


@asynccontextmanager
async def listening(server: Server, path: str = "/events", **headers: str) -> AsyncIterator[Heard]:
    """By HTTP/1.0, whose answers have no chunks: a line of the answer is a line of the stream."""
    host, port = server.address.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    given = {"accept": "text/event-stream", **headers}
    lines = [f"GET {path} HTTP/1.0", *(f"{name}: {text}" for name, text in given.items())]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)).decode().lower()
    try:
        assert " 200 " in head.splitlines()[0], head
        assert "content-type: text/event-stream" in head
        assert "cache-control: no-store" in head
        assert "content-length" not in head
        yield Heard(reader)
    finally:
        writer.close()
        await writer.wait_closed()


@pytest.mark.slow
async def test_what_others_change_is_told_and_no_stream_delays_the_end(server: Server, database_url: str) -> None:
    """The changes are made by another process: here the test itself, which is no node."""
    elsewhere = Scheduler(database_url)

    @elsewhere.task(name="talk")
    async def talk(words: int = 3, pause: float = 0.3) -> None: ...

    async with elsewhere, listening(server) as heard, listening(server) as also:
        await heard.until(event="ready")
        await elsewhere.add_schedule("talk", Every(hours=1), id="s ü", args={"words": 1, "pause": 0.0})
        added = await heard.until(event="schedule", id="s ü")
        assert added["data"]["state"] == "active"
        assert added["data"]["revision"] == (await elsewhere.get_schedule("s ü")).revision
        await elsewhere.pause_schedule("s ü")
        await heard.until(event="schedule", id="s ü", state="paused")
        run = await elsewhere.trigger_schedule("s ü")
        ended = await heard.until(event="run", id=run.id, state="succeeded")
        assert (ended["data"]["task"], ended["data"]["schedule_id"]) == ("talk", "s ü")
        await elsewhere.remove_schedule("s ü")
        await heard.until(event="schedule", id="s ü", state=None)
        await also.until(event="schedule", id="s ü", state=None)
        async with listening(server, **{"last-event-id": "0"}) as again:
            assert (await again.next())["event"] == "reload"
        silent = await talk.enqueue(words=10_000, pause=1.0)
        await heard.until(event="run", id=silent.id, state="running")
        async with listening(server, f"/runs/{silent.id}/logs") as lines:
            await lines.until(event="line")
            took = await asyncio.to_thread(server.stop)
            await lines.end()
    assert took < PATIENCE - 5, f"the server took {took:.1f} s to end"


@pytest.mark.slow
async def test_a_log_is_told_as_it_is_written_and_goes_on_where_it_broke(server: Server) -> None:
    async with httpx.AsyncClient(base_url=server.address) as client:
        await client.post("/schedules", json={"id": "s", "task": "talk", "trigger": {"kind": "every", "seconds": 3600}})
        run = (await client.post("/schedules/s/trigger")).json()
        async with listening(server, f"/runs/{run['id']}/logs") as heard:
            first = await heard.until(event="line")
            assert first["data"]["message"] == "word 0\nof many"
            assert first["data"]["cursor"] == first["id"]
        async with listening(server, f"/runs/{run['id']}/logs", **{"last-event-id": first["id"]}) as heard:
            lines = [await heard.until(event="line") for _ in range(2)]
            assert [line["data"]["message"] for line in lines] == ["word 1\nof many", "word 2\nof many"]
            assert (await heard.until(event="end"))["data"] == {"state": "succeeded"}
            assert await heard.end() == []
        for path, status in ((f"/closed/runs/{run['id']}/logs", 403), ("/closed/events", 403), ("/runs/x/logs", 404)):
            answer = await client.get(path, headers={"accept": "text/event-stream"})
            assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
        answer = await client.get(
            f"/runs/{run['id']}/logs", headers={"accept": "text/event-stream", "last-event-id": "x"}
        )
        assert answer.status_code == 422


@pytest.mark.slow
async def test_a_process_that_is_no_node_ends_as_readily(tmp_path: Path) -> None:
    server = Server(tmp_path, f"sqlite:///{tmp_path / 'bare.db'}", "bare")
    try:
        await asyncio.to_thread(lambda: httpx.post(f"{server.address}/open").raise_for_status())
        async with listening(server) as heard:
            await heard.until(event="ready")
            took = await asyncio.to_thread(server.stop)
    finally:
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait()
    assert took < PATIENCE - 5, f"the server took {took:.1f} s to end"
