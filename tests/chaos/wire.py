"""A bad line between the application and PostgreSQL: answers are lost, words come late, connections fall silent."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit, urlunsplit

from .expected import whole
from .fleet import Fleet
from .havoc import LEASE, MIXED
from .report import Report
from .site import Site, run_script
from .storm import COUNTING, complaints, every_second, over, told

NODES = 3
# What nodes have to say about a line like this.
ALLOWED = (r"LeaseLost", r"lost its lease", r"unexpected connection_lost", r"did not end when cancelled")


@dataclass
class BadLine:
    """Forwards to the server. Of the words that pass, each server's answer has a small chance to meet with an accident:

    *lost*: the server has done it, and the connection is cut before the answer arrives. *late*: it comes up to a lease
    late. *silent*: nothing passes any more, and nobody closes the connection.
    """

    host: str
    port: int
    chance: random.Random
    share: float
    good: bool = False
    accidents: Counter[str] = field(default_factory=Counter)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            to_server = await asyncio.open_connection(self.host, self.port)
        except OSError:
            writer.transport.abort()
            return
        silent = asyncio.Event()
        ways = {
            asyncio.create_task(self._pass(reader, to_server[1], silent, answers=False)),
            asyncio.create_task(self._pass(to_server[0], writer, silent, answers=True)),
        }
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for end in (writer, to_server[1]):
                end.transport.abort()

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, silent: asyncio.Event, *, answers: bool
    ) -> None:
        with suppress(OSError):
            while said := await reader.read(65536):
                if answers and not self.good and self.chance.random() < self.share and await self._accident(silent):
                    return
                if silent.is_set() and not self.good:
                    continue
                writer.write(said)
                await writer.drain()

    async def _accident(self, silent: asyncio.Event) -> bool:
        """What happens to this answer; True when the connection is cut."""
        kind = self.chance.choice(("lost", "lost", "late", "silent"))
        self.accidents[kind] += 1
        if kind == "late":
            await asyncio.sleep(self.chance.uniform(0, LEASE))
        elif kind == "silent":
            silent.set()
        return kind == "lost"


@asynccontextmanager
async def bad_line(site: Site, share: float) -> AsyncIterator[tuple[BadLine, str]]:
    """A line to the site's server, and the address at its near end."""
    parts = urlsplit(site.url)
    assert parts.hostname is not None
    assert parts.port is not None
    line = BadLine(parts.hostname, parts.port, site.random, share)
    connections: set[asyncio.Task[None]] = set()

    def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.add(task := asyncio.create_task(line.serve(reader, writer)))
        task.add_done_callback(connections.discard)

    server = await asyncio.start_server(met, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield line, urlunsplit(parts._replace(netloc=f"{parts.username}@127.0.0.1:{port}"))
    finally:
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)


async def scenario(site: Site, *, seconds: float = 60, schedules: int = 40, share: float = 0.01) -> Report:
    """So many of the server's answers meet with an accident until the last fire; then the line is good."""
    report = site.report(f"a bad line for {seconds:g} s, {share:.1%} of all answers, {NODES} processes")
    last = whole(datetime.now(UTC)) + timedelta(seconds=round(seconds) + 5)
    planned = every_second(schedules, MIXED, last, {**COUNTING, "lost_limit": 1000})
    async with bad_line(site, share) as (line, url):
        with Fleet(site.folder) as fleet:
            blueprint = site.blueprint(schedules=planned, settings={"lease": LEASE}).having(database=url)
            for _ in range(NODES):
                fleet.start(blueprint)
            await site.until_live(NODES)
            await asyncio.sleep((last - datetime.now(UTC)).total_seconds())
            line.good = True
            await over(site, last, patience=120)
            quiet = (datetime.now(UTC) - last).total_seconds()
            report.require(len(fleet.nodes()) == NODES, "a process died")
            await fleet.stop()
            recorded = await site.tables.all()
            report.figure("accidents", dict(line.accidents))
            outcomes = Counter(one.outcome for one in recorded.attempts)
            report.figure("attempts that did not end their run", dict(outcomes))
            report.figure("node ids", len(recorded.nodes))
            report.figure("all was final after the last fire [s]", quiet)
            await told(site, report, last, last - timedelta(seconds=seconds), schedules=schedules, undisturbed=False)
            complaints(report, site, fleet, ALLOWED)
    return report


if __name__ == "__main__":
    run_script([], only_postgres=[scenario])
