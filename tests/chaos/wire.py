"""A bad line between the application and PostgreSQL: answers are lost, words come late, connections fall silent."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from .expected import whole
from .fleet import Fleet
from .havoc import LEASE, MIXED
from .relay import Relay, either, relayed
from .report import Report
from .site import Site, run_script
from .storm import COUNTING, complaints, every_second, over, told

NODES = 3
# What nodes have to say about a line like this.
ALLOWED = (r"LeaseLost", r"lost its lease", r"unexpected connection_lost", r"did not end when cancelled")


class BadLine(Relay):
    """While it is not ``good``, each answer of the server's that passes has a small chance to meet with an accident:

    *lost*: the server has done it, and the connection is cut before the answer arrives. *late*: it comes up to a lease
    late. *silent*: nothing passes any more, and nobody closes the connection.
    """

    def __init__(self, url: str, chance: random.Random, share: float) -> None:
        super().__init__(url)
        self.chance = chance
        self.share = share
        self.good = False
        self.accidents: Counter[str] = Counter()

    async def both(
        self,
        reader: asyncio.StreamReader,
        to_server: asyncio.StreamWriter,
        from_server: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """Until one side ends, or an accident cuts it."""
        silent = asyncio.Event()
        await either(
            self._pass(reader, to_server, silent, answers=False), self._pass(from_server, writer, silent, answers=True)
        )

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


async def scenario(site: Site, *, seconds: float = 60, schedules: int = 40, share: float = 0.01) -> Report:
    """So many of the server's answers meet with an accident until the last fire; then the line is good."""
    report = site.report(f"a bad line for {seconds:g} s, {share:.1%} of all answers, {NODES} processes")
    last = whole(datetime.now(UTC)) + timedelta(seconds=round(seconds) + 5)
    planned = every_second(schedules, MIXED, last, {**COUNTING, "lost_limit": 1000})
    line = BadLine(site.url, site.random, share)
    async with relayed(line, site.url) as url:
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
