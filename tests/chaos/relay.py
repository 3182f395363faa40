"""A line to a server that can be cut, and led to another server: what a proxy or a moved address does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlsplit, urlunsplit


class Relay:
    """Forwards to ``target``, or to nobody while that is None."""

    def __init__(self, url: str) -> None:
        self.target: tuple[str, int] | None = address(url)
        self._open: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        """Let nobody through any more, and cut who is."""
        self.target = None
        for writer in self._open:
            writer.transport.abort()

    def lead(self, url: str) -> None:
        """Lead whoever comes from now on to this server."""
        self.target = address(url)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        if self.target is None:
            writer.transport.abort()
            return
        try:
            from_server, to_server = await asyncio.open_connection(*self.target)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, to_server}
        try:
            await self.both(reader, to_server, from_server, writer)
        finally:
            self._open -= {writer, to_server}
            for end in (writer, to_server):
                end.transport.abort()

    async def both(
        self,
        reader: asyncio.StreamReader,
        to_server: asyncio.StreamWriter,
        from_server: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """Pass words both ways until one side ends."""
        await either(passed(reader, to_server), passed(from_server, writer))


async def either(*ways: Coroutine[Any, Any, None]) -> None:
    """Both at once, until one of them ends."""
    going = [asyncio.create_task(way) for way in ways]
    try:
        await asyncio.wait(going, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in going:
            way.cancel()
        await asyncio.gather(*going, return_exceptions=True)


async def passed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One way."""
    with suppress(OSError):
        while said := await reader.read(65536):
            writer.write(said)
            await writer.drain()


def address(url: str) -> tuple[str, int]:
    """Host and port of a server."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    return parts.hostname, parts.port


@asynccontextmanager
async def relayed(relay: Relay, url: str) -> AsyncIterator[str]:
    """The relay at work, and the address of its near end for whoever would go to ``url``."""
    connections: set[asyncio.Task[None]] = set()

    def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.add(task := asyncio.create_task(relay.serve(reader, writer)))
        task.add_done_callback(connections.discard)

    server = await asyncio.start_server(met, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    parts = urlsplit(url)
    try:
        yield urlunsplit(parts._replace(netloc=f"{parts.username}@127.0.0.1:{port}"))
    finally:
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
