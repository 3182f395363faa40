"""Commits in doubt: the server has done it, and whoever asked never hears of it."""

from __future__ import annotations

import asyncio
import random
import re
import struct
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from .fleet import Fleet
from .havoc import ALLOWED, LEASE, MIXED
from .relay import Relay, either, relayed
from .report import Report
from .site import Site, run_script
from .storm import COUNTING, complaints, every_second, over, soon, told

NODES = 3
_SSL = struct.pack("!ii", 8, 80877103)
# Not each commit in turn, so that it is not always the same one that comes first.
_SHARE = 0.5
_WROTE = (b"INSERT", b"UPDATE", b"DELETE", b"MERGE")
# A table after it, so that no lock (FOR UPDATE OF …) is taken for a change.
_WRITES = re.compile(rb"\b(?:UPDATE|INSERT INTO|DELETE FROM)\s+\"?\w+\"?\.")


@dataclass
class Asking:
    """Reads what a client asks. ``writes``: the statement that it asked for last changes a table, wherever in its text
    that stands: the server's own word for one that begins with WITH may be SELECT.
    """

    writes: bool = False
    _left: bytes = b""
    _has_begun: bool = False
    _prepared: dict[bytes, bool] = field(default_factory=dict)

    def hear(self, text: bytes) -> None:
        """These bytes are on their way to the server."""
        self._left += text
        # The first message alone has no letter before its length.
        while len(self._left) >= (head := 5 if self._has_begun else 4):
            length = head - 4 + struct.unpack("!i", self._left[head - 4 : head])[0]
            if len(self._left) < length:
                return
            message, self._left = self._left[:length], self._left[length:]
            if self._has_begun:
                self._understand(message[:1], message[5:])
            self._has_begun = True

    def _understand(self, kind: bytes, body: bytes) -> None:
        if kind == b"Q":
            self.writes = _WRITES.search(body) is not None
        elif kind == b"P":
            name, query, _ = body.split(b"\0", 2)
            self._prepared[name] = _WRITES.search(query) is not None
        elif kind == b"B":
            _, name, _ = body.split(b"\0", 2)
            self.writes = self._prepared.get(name, False)


@dataclass
class Said:
    """A piece of what the server says. ``commit`` is set where this is the news of one: what kind of commit."""

    text: bytes
    commit: str | None = None


@dataclass
class Sayings:
    """Cuts what a server says into messages. The last word on a statement is held back until the next question may
    come: only then it is known whether anything was committed.
    """

    asking: Asking = field(default_factory=Asking)
    _left: bytes = b""
    _held: bytes = b""
    _tag: bytes = b""

    def of(self, text: bytes) -> Iterator[Said]:
        """What these bytes complete."""
        self._left += text
        while len(self._left) >= 5:
            length = 1 + struct.unpack("!i", self._left[1:5])[0]
            if len(self._left) < length:
                return
            message, self._left = self._left[:length], self._left[length:]
            kind = message[:1]
            if kind == b"C":
                self._tag = message[5:-1]
            if self._tag:
                self._held += message
            if not self._tag:
                yield Said(message)
            elif kind == b"Z":
                yield Said(self._held, _commit(self._tag, writes=self.asking.writes) if message[5:6] == b"I" else None)
                self._held = self._tag = b""


def _commit(tag: bytes, *, writes: bool) -> str | None:
    """What kind of commit this is the last word on: of a transaction, or of a statement that wrote something."""
    if tag == b"COMMIT":
        return "transaction"
    verb, _, count = tag.partition(b" ")
    return "statement" if (writes or verb in _WROTE) and count.split()[-1:] != [b"0"] else None


class DoubtfulLine(Relay):
    """Swallows the answers to commits, as many as are ``owed``, and cuts the connection each time.

    ``asked`` is set whenever somebody asks the server for one.
    """

    def __init__(self, url: str, chance: random.Random) -> None:
        super().__init__(url)
        self.owed = 0.0
        self.lost: Counter[str] = Counter()
        self.asked = asyncio.Event()
        self._chance = chance

    async def both(
        self,
        reader: asyncio.StreamReader,
        to_server: asyncio.StreamWriter,
        from_server: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """The line is not encrypted, whatever the client would like: what is said on it must be read."""
        with suppress(OSError, asyncio.IncompleteReadError):
            first = await reader.readexactly(8)
            if first == _SSL:
                writer.write(b"N")
                first = await reader.readexactly(8)
            to_server.write(first)
        asking = Asking()
        asking.hear(first)
        await either(self._questions(reader, to_server, asking), self._answers(from_server, writer, asking))

    async def _questions(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asking: Asking) -> None:
        with suppress(OSError):
            while said := await reader.read(65536):
                asking.hear(said)
                # Words are passed on as they come: this may meet the half of a word, and then does nothing.
                writer.write(said)
                if said[:1] == b"Q" and b"COMMIT" in said:
                    self.asked.set()
                await writer.drain()

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asking: Asking) -> None:
        sayings = Sayings(asking)
        with suppress(OSError):
            while said := await reader.read(65536):
                for one in sayings.of(said):
                    if one.commit is not None and self.owed >= 1 and self._chance.random() < _SHARE:
                        self.owed -= 1
                        self.lost[one.commit] += 1
                        return
                    writer.write(one.text)
                await writer.drain()


async def scenario(
    site: Site, *, commits: int = 1000, seconds: float = 240, schedules: int = 40, slack: float = 0.0
) -> Report:
    """So many answers to commits are swallowed, evenly over the time; then the line is good."""
    report = site.report(f"{commits} commits in doubt in {seconds:g} s, {NODES} processes")
    line = DoubtfulLine(site.url, site.random)
    async with relayed(line, site.url) as url, weathered(site, report, url, seconds, schedules) as fleet:
        began = time.monotonic()
        while (passed := time.monotonic() - began) < seconds:
            line.owed = min(commits, commits * passed / (0.9 * seconds)) - line.lost.total()
            await asyncio.sleep(0.05)
        line.owed = 0.0
        report.figure("answers swallowed", f"{line.lost.total()}: {dict(line.lost)}")
        report.require(line.lost.total() >= commits * (1 - slack), f"only {line.lost.total()} commits in doubt")
        report.require(len(fleet.nodes()) == NODES, "a process died")
    return report


async def restarts(site: Site, *, times: int = 30, every: float = 4.0, schedules: int = 40) -> Report:
    """The server crashes within milliseconds of being told to commit, again and again."""
    report = site.report(f"{times} crashes of the server in the middle of a commit, {NODES} processes")
    server = site.server
    assert server is not None
    line = DoubtfulLine(site.url, site.random)
    async with relayed(line, site.url) as url, weathered(site, report, url, times * (every + 3), schedules) as fleet:
        for _ in range(times):
            line.asked.clear()
            await asyncio.wait_for(line.asked.wait(), 60)
            await asyncio.sleep(site.random.uniform(0, 0.004))
            await asyncio.to_thread(server.stop, "immediate")
            await asyncio.to_thread(server.start)
            await asyncio.sleep(site.random.uniform(0.5, 1.5) * (every - 1))
        report.figure("crashes", times)
        report.require(len(fleet.nodes()) == NODES, "a process died")
    return report


@asynccontextmanager
async def weathered(site: Site, report: Report, url: str, seconds: float, schedules: int) -> AsyncIterator[Fleet]:
    """A small storm under which something is done to the line; afterwards everything has to be there once."""
    last = soon(NODES) + timedelta(seconds=round(seconds) + 3)
    planned = every_second(schedules, MIXED, last, {**COUNTING, "lost_limit": 1000})
    with Fleet(site.folder) as fleet:
        blueprint = site.blueprint(schedules=planned, settings={"lease": LEASE}).having(database=url)
        for _ in range(NODES):
            fleet.start(blueprint)
        await site.until_live(NODES)
        settled = datetime.now(UTC)
        yield fleet
        calm = max(last, datetime.now(UTC))
        await over(site, last, patience=180)
        report.figure("all was final after the last fire [s]", (datetime.now(UTC) - calm).total_seconds())
        await fleet.stop()
        recorded = await site.tables.all()
        outcomes = Counter(one.outcome for one in recorded.attempts)
        report.figure("attempts that did not end their run", dict(outcomes))
        report.figure("node ids", len(recorded.nodes))
        await told(site, report, last, settled, schedules=schedules, undisturbed=False)
        complaints(report, site, fleet, ALLOWED)


if __name__ == "__main__":
    run_script([], only_postgres=[scenario, restarts])
