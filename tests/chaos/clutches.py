"""Somebody else holds what the nodes need: tables locked, a snapshot kept open, commits that wait for nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

import asyncpg

from hourbell import Scheduler

from .hardship import BACK_WITHIN, LEASE, Endurance, endured
from .recorded import Recorded
from .report import Report
from .site import Site, run_script
from .straits import asking

HELD = LEASE + 2.0
"""How long each table is locked: longer than a lease, so that everybody loses the one that they had."""

NEEDED = ("declarations", "nodes", "runs", "schedules")
"""Tables without which nothing fires or runs."""


async def locked(site: Site, *, seconds: float = HELD, tables: str = "") -> Report:
    """Each of our tables in turn (or the ones named) is locked against everybody for so long, which is over a lease."""
    async with Scheduler(site.url) as scheduler:
        await scheduler.migrate()
    named = tables.split() or await _tables(site)
    report = site.report(f"ACCESS EXCLUSIVE on {', '.join(named)} for {seconds:g} s each")
    released: dict[str, datetime] = {}

    async def work(connection: asyncpg.Connection) -> None:
        for table in named:
            async with connection.transaction():
                await connection.execute(f"LOCK TABLE hourbell.{table} IN ACCESS EXCLUSIVE MODE")
                await asyncio.sleep(seconds)
            released[table] = datetime.now(UTC)
            await asyncio.sleep(BACK_WITHIN)
        await asyncio.Event().wait()

    how = Endurance(seconds=len(named) * (seconds + BACK_WITHIN), newcomer=len(named) > 1)
    recorded, _ = await endured(site, report, lambda: _busy(site, work), how)
    tell_each(report, recorded, released, seconds)
    report.require(set(released) == set(named), f"not every table has been locked: {sorted(released)}")
    return report


def tell_each(report: Report, recorded: Recorded, released: Mapping[str, datetime], seconds: float) -> None:
    """How late fires were while each table was locked, and how soon one came after."""
    for table, at in released.items():
        late = [
            (run.created_at - run.fire_at).total_seconds()
            for run in recorded.runs
            if run.fire_at is not None and at - timedelta(seconds=seconds) < run.fire_at < at
        ]
        after = min((run.created_at - at).total_seconds() for run in recorded.runs if run.created_at > at)
        report.figure(f"{table} locked", f"latest fire {max(late, default=0):.2f} s, again after {after:.2f} s")
        report.require(bool(late), f"no fire at all became due while {table} was locked")
        report.require(after <= BACK_WITHIN, f"fired only {after:.2f} s after {table} was free again")
        if table not in NEEDED:
            report.require(max(late, default=0) < seconds / 2, f"{table} is not needed, and fires waited for it")


async def snapshot(site: Site, *, seconds: float = 20) -> Report:
    """A transaction that looks at an old state is kept open, so that nothing dead can be cleared away."""
    report = site.report(f"a snapshot held for {seconds:g} s")

    @asynccontextmanager
    async def held() -> AsyncIterator[None]:
        async with asking(site.url) as connection:
            await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM hourbell.runs")
            yield
            dead = await connection.fetchval("SELECT sum(n_dead_tup) FROM pg_stat_user_tables")
            report.figure("dead rows that could not be cleared away", dead)

    await endured(site, report, held, Endurance(seconds=seconds, schedules=40, fires=3.0))
    return report


async def maintenance(site: Site, *, seconds: float = 20) -> Report:
    """Tables are rewritten, indexes built anew and statistics taken, one after the other without a pause."""
    report = site.report(f"VACUUM FULL, REINDEX, ANALYZE without a pause for {seconds:g} s")
    done = 0

    async def work(connection: asyncpg.Connection) -> None:
        nonlocal done
        tables = await _tables(site)
        while True:
            for table in tables:
                for verb in ("VACUUM FULL", "REINDEX TABLE", "ANALYZE", "VACUUM"):
                    # Whoever rewrites a table may meet a node half way round; one of the two is told to try again.
                    with suppress(asyncpg.DeadlockDetectedError):
                        await connection.execute(f"{verb} hourbell.{table}")
                        done += 1

    how = Endurance(seconds=seconds, fires=3.0)
    await endured(site, report, lambda: _busy(site, work), how)
    report.figure("rewritten, built anew or looked through", done)
    return report


async def standby(site: Site, *, seconds: float = 20) -> Report:
    """Each commit waits for a standby that is not there; what it waits with is written all the same."""
    report = site.report(f"commits wait for a standby that is not there for {seconds:g} s")

    @asynccontextmanager
    async def waiting() -> AsyncIterator[None]:
        async with asking(site.url) as connection:
            await connection.execute("SET synchronous_commit = local")
            await connection.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
            await connection.execute("SELECT pg_reload_conf()")
            try:
                yield
            finally:
                await connection.execute("ALTER SYSTEM RESET synchronous_standby_names")
                await connection.execute("SELECT pg_reload_conf()")

    await endured(site, report, waiting, Endurance(seconds=seconds))
    return report


@asynccontextmanager
async def _busy(site: Site, work: Callable[[asyncpg.Connection], Awaitable[None]]) -> AsyncIterator[None]:
    """Something that goes on meanwhile, on a connection of its own; what goes wrong in it is raised."""
    async with asking(site.url) as connection:
        task = asyncio.ensure_future(work(connection))
        try:
            yield
        finally:
            task.cancel()
            (ended,) = await asyncio.gather(task, return_exceptions=True)
    if not isinstance(ended, asyncio.CancelledError) and isinstance(ended, BaseException):
        raise ended


async def _tables(site: Site) -> list[str]:
    """The names of our tables."""
    async with asking(site.url) as connection:
        rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'hourbell' ORDER BY 1")
    return [row["tablename"] for row in rows]


if __name__ == "__main__":
    run_script([], only_postgres=[locked, snapshot, maintenance, standby])
