"""Server-sent events: answers that go on, bounded in number, time and memory, and out of the way of a shutdown.

The format is that of the HTML standard, 9.2 (server-sent events): what a browser's ``EventSource`` reads.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import aclosing, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi import Response
from starlette.types import Receive, Scope, Send

from hourbell.fastapi.problems import problem
from hourbell.fastapi.routes import serve_after

if TYPE_CHECKING:
    from hourbell import Scheduler

MOST = 100
"""Streams of one router in one process: each holds a connection open."""

HEARTBEAT = 15.0
"""Seconds of silence after which a comment is sent, so that nobody in between takes the connection for dead."""

LONGEST = 3600.0
"""Seconds after which a stream ends, and the client asks again: what it may do is asked again as well."""

GLANCE = 0.25
"""Seconds between two glances at whether the process is about to stop."""

STALLED = 30.0
"""Seconds that one event may take to go out; a client that reads more slowly than that is dropped."""

EVENT: Mapping[str, Any] = {
    "type": "object",
    "properties": {"event": {"type": "string"}, "data": {"type": "string"}, "id": {"type": "string"}},
}
"""How each event of a stream is described in OpenAPI 3.1."""

_RETRY = 3_000


@dataclass(frozen=True, slots=True)
class Sent:
    """One event: its type, its data as JSON, and the id that the client says when it comes back."""

    event: str
    data: Mapping[str, Any]
    id: str | None = None

    def text(self) -> bytes:
        """As it goes over the line. JSON has no raw newline, and an id of ours neither."""
        lines = [f"event: {self.event}", f"data: {json.dumps(self.data, separators=(',', ':'))}"]
        if self.id is not None:
            lines.insert(0, f"id: {self.id}")
        return "\n".join([*lines, "", ""]).encode()


Events = AsyncGenerator[Sent | None, None]
"""Events in their order; None: nothing has happened for a while."""


class Streams:
    """The streams of one router."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._open = 0

    def answer(self, events: Callable[[], Events]) -> Response:
        """A stream of these events, or a refusal (503) when there are enough."""
        return self.refusal() or EventStream(self, events)

    def refusal(self) -> Response | None:
        """The answer to one stream more than there may be."""
        if self._open < MOST:
            return None
        return problem(503, f"{MOST} streams are open here already; ask again later", headers={"Retry-After": "10"})

    async def serve(self, events: Callable[[], Events], receive: Receive, send: Send) -> bool:
        """Send the events until they end, the client goes or is too slow, or the process is about to stop.

        Answers whether the client is still there and reads.
        """
        with self._scheduler.stopping() as stopping:
            async with asyncio.TaskGroup() as group:
                sending = group.create_task(_sent(events(), send))
                gone = group.create_task(_gone(receive))
                await _until_over(sending, gone, stopping)
                reads = not gone.done() and not (sending.done() and sending.result())
                sending.cancel()
                gone.cancel()
            return reads

    @contextmanager
    def place(self) -> Iterator[None]:
        """One of the streams is open in the block."""
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1


class EventStream(Response):
    """An answer that is a stream of events."""

    media_type = "text/event-stream"

    def __init__(self, streams: Streams | None = None, events: Callable[[], Events] | None = None) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._streams = streams
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve it to its end, once nothing that the request needed is open any more."""
        if self.background is not None:
            await self.background()
        await serve_after(scope, receive, send, self._begin)

    async def _begin(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Of many that were answered at once, those beyond the bound are refused here."""
        refusal = self._streams.refusal() if self._streams is not None else None
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        with self._streams.place() if self._streams is not None else nullcontext():
            await self._serve(receive, send, only_head=scope.get("method") == "HEAD")

    async def _serve(self, receive: Receive, send: Send, *, only_head: bool) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        reads = True
        if self._streams is not None and self._events is not None and not only_head:
            reads = await self._streams.serve(self._events, receive, send)
        if reads:
            # A client that has stopped reading would hold this up for ever.
            with suppress(TimeoutError):
                async with asyncio.timeout(GLANCE):
                    await send({"type": "http.response.body", "body": b""})


async def _until_over(sending: asyncio.Task[bool], gone: asyncio.Task[None], stopping: Callable[[], bool]) -> None:
    until = asyncio.get_running_loop().time() + LONGEST
    while not stopping() and asyncio.get_running_loop().time() < until:
        done, _ = await asyncio.wait({sending, gone}, timeout=GLANCE, return_when=asyncio.FIRST_COMPLETED)
        if done:
            return


async def _sent(events: Events, send: Send) -> bool:
    """Send them all; True when the client reads too slowly, or not at all."""
    async with aclosing(events):
        try:
            await _put(send, f"retry: {_RETRY}\n\n".encode())
            async for event in events:
                await _put(send, event.text() if event is not None else b":\n\n")
        except TimeoutError:
            return True
    return False


async def _put(send: Send, text: bytes) -> None:
    async with asyncio.timeout(STALLED):
        await send({"type": "http.response.body", "body": text, "more_body": True})


async def _gone(receive: Receive) -> None:
    """Wait until the client is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
