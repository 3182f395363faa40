"""What a pooler in transaction mode does to hints: the server's own number is hidden, and notifications are lost.

But for those that arrive while the client asks something: it has a connection of the server then, and all that comes
from there is handed on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit, urlunsplit

_SSL_REQUEST = 80_877_103


@asynccontextmanager
async def pooled(url: str, *, in_transactions: bool = True) -> AsyncIterator[str]:
    """The address of the same database, behind somebody who lends its connections: in transactions, or for sessions."""
    parts = urlsplit(url)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, asks = await asyncio.open_connection(parts.hostname, parts.port)
        asking = asyncio.Event()
        with suppress(OSError, EOFError):
            head = await reader.readexactly(8)
            asks.write(head)
            if int.from_bytes(head[4:], "big") == _SSL_REQUEST:
                writer.write(await answers.readexactly(1))
            ways = [
                asyncio.create_task(_questions(reader, asks, asking)),
                asyncio.create_task(_answers(answers, writer, asking if in_transactions else None)),
            ]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
        for end in (asks, writer):
            end.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    who = parts.netloc.rpartition("@")[0]
    try:
        yield urlunsplit(parts._replace(netloc=f"{who}@127.0.0.1:{port}" if who else f"127.0.0.1:{port}"))
    finally:
        server.close()


async def _questions(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asking: asyncio.Event) -> None:
    while said := await reader.read(65536):
        asking.set()
        writer.write(said)


async def _answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asking: asyncio.Event | None) -> None:
    while True:
        kind = await reader.readexactly(1)
        size = await reader.readexactly(4)
        said = await reader.readexactly(int.from_bytes(size, "big") - 4)
        if asking is not None:
            if kind == b"A" and not asking.is_set():  # its listener has given the connection back
                continue
            if kind == b"Z":  # the server has answered; what is asked meanwhile would be asked of another connection
                asking.clear()
        if kind == b"K":  # the number of the server's process: a pooler tells one of its own
            said = (int.from_bytes(said[:4], "big") ^ 1).to_bytes(4, "big") + said[4:]
        writer.write(kind + size + said)
