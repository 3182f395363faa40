"""Everything at once, by chance: kills, freezes, deploys, connections cut by the server, a server that crashes."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import asyncpg

from .blueprint import Blueprint
from .expected import whole
from .fleet import Fleet, Group, kill
from .report import Report
from .site import Site, run_script
from .storm import BODIES, COUNTING, complaints, every_second, over, told

LEASE = 3.0
NODES = 5
MIXED = (*BODIES, ("long", {"seconds": 1.2}), ("long_sync", {"seconds": 0.4}))

# Whoever is killed in the middle of a word, or loses its lease, has something to say.
ALLOWED = (
    r"LeaseLost",
    r"lost its lease",
    r"unexpected connection_lost",
    r"did not end when cancelled",
)


@dataclass
class Havoc:
    """The nodes there are, and what has been done to them. An ended node is replaced by a new one."""

    site: Site
    fleet: Fleet
    blueprint: Blueprint
    groups: list[Group] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    frozen: dict[int, datetime] = field(default_factory=dict)

    def replace(self) -> None:
        """Start a node for each one that has ended."""
        self.groups = [group for group in self.groups if group.exit_code is None]
        while len(self.groups) < NODES:
            self.groups.append(self.fleet.start(self.blueprint))

    async def strike(self) -> None:
        """Do one bad thing."""
        bad: list[tuple[Callable[[], Awaitable[None]], int]] = [(self.kill, 4), (self.freeze, 4), (self.deploy, 3)]
        if self.site.kind == "PostgreSQL":
            bad += [(self.cut, 6)]
        if self.site.server is not None:
            bad += [(self.crash, 1)]
        (act,) = self.site.random.choices([act for act, _ in bad], weights=[weight for _, weight in bad])
        self.done[act.__name__] += 1
        await act()

    async def kill(self) -> None:
        """kill -9"""
        kill(self.one())

    async def deploy(self) -> None:
        """SIGTERM"""
        kill(self.one(), signal.SIGTERM)

    async def freeze(self) -> None:
        """SIGSTOP, for up to two leases."""
        victim = self.one()
        if kill(victim, signal.SIGSTOP):
            self.frozen[victim] = datetime.now(UTC) + timedelta(seconds=self.site.random.uniform(0.2, 2 * LEASE))

    async def cut(self) -> None:
        """The server ends some of the connections, whatever they are at."""
        with suppress(asyncpg.PostgresError, OSError):
            connection = await asyncpg.connect(self.site.url)
            try:
                await connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid() AND random() < 0.3"
                )
            finally:
                await connection.close()

    async def crash(self) -> None:
        """The server dies and recovers."""
        assert self.site.server is not None
        await asyncio.to_thread(self.site.server.stop, "immediate")
        await asyncio.sleep(self.site.random.uniform(0, LEASE / 2))
        await asyncio.to_thread(self.site.server.start)

    def thaw(self, *, everybody: bool = False) -> None:
        """Let those go on whose time has come."""
        for pid, until in list(self.frozen.items()):
            if everybody or datetime.now(UTC) >= until:
                del self.frozen[pid]
                kill(pid, signal.SIGCONT)

    def one(self) -> int:
        return self.site.random.choice(self.groups).pid


async def scenario(site: Site, *, seconds: float = 60, schedules: int = 60) -> Report:
    """Every second or so one bad thing, until the last fire; then everything has to come right by itself."""
    report = site.report(f"havoc for {seconds:g} s, {schedules} schedules, {NODES} processes")
    last = whole(datetime.now(UTC)) + timedelta(seconds=round(seconds) + 6)
    planned = every_second(schedules, MIXED, last, {**COUNTING, "lost_limit": 1000})
    with Fleet(site.folder) as fleet:
        blueprint = site.blueprint(schedules=planned, settings={"lease": LEASE, "drain": 1})
        havoc = Havoc(site, fleet, blueprint)
        havoc.replace()
        await site.until_live(NODES)
        while datetime.now(UTC) < last:
            await havoc.strike()
            await asyncio.sleep(site.random.uniform(0.1, 1.5))
            havoc.thaw()
            havoc.replace()
        havoc.thaw(everybody=True)
        havoc.replace()
        await over(site, last, patience=120)
        quiet = (datetime.now(UTC) - last).total_seconds()
        await fleet.stop()
        report.figure("done", dict(havoc.done))
        report.figure("all was final after the last fire [s]", quiet)
        recorded = await site.tables.all()
        report.figure("attempts that did not end their run", dict(Counter(one.outcome for one in recorded.attempts)))
        report.figure("node ids", len(recorded.nodes))
        await told(site, report, last, last - timedelta(seconds=seconds), schedules=schedules, undisturbed=False)
        complaints(report, site, fleet, ALLOWED)
    return report


if __name__ == "__main__":
    run_script([scenario])
