"""An application with nothing to do: what its schedules cost the database and the processor."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from .blueprint import Planned
from .fleet import Fleet, Group
from .outage import used
from .report import Report
from .site import Site, run_script
from .storm import complaints

FAR = "2199-01-01T00:00:00Z"


@dataclass(frozen=True)
class Bill:
    """Statements sent so far, renewals and what they take along apart."""

    work: int
    renewing: int


async def scenario(
    site: Site, *, seconds: float = 60, nodes: int = 2, most_statements: float = 1.0, most_cpu: float = 0.01
) -> Report:
    """100 schedules of another century, hints off; beside it the same application without a scheduler."""
    report = site.report(f"idle for {seconds:g} s, 100 far schedules, {nodes} processes, no hints")
    schedules = [Planned(id=f"far-{number:03}", start=FAR) for number in range(100)]
    busy, plain = site.blueprint(schedules=schedules, deaf=True), site.blueprint(plain=True)
    if site.server is not None:
        await prepare_statistics(site)
    with Fleet(site.folder) as fleet:
        groups = [fleet.start(busy) for _ in range(nodes)]
        control = fleet.start(plain)
        await site.until_live(nodes)
        await asyncio.gather(*(group.serving() for group in fleet.groups))
        # What a start brings with it, first looks and first renewals, is no idleness.
        await asyncio.sleep(min(20.0, seconds / 3))
        before, cpu_before = await billed(site, groups), used(fleet.nodes())
        await asyncio.sleep(seconds)
        cpu_after, after = used(fleet.nodes()), await billed(site, groups)
        share = (after.work - before.work) / seconds / nodes
        report.figure("statements per second and node, renewal apart", share)
        report.figure("renewal, statements per second and node", (after.renewing - before.renewing) / seconds / nodes)
        report.require(share <= most_statements, f"{share:.2f} statements per second and node")
        tell_cpu(report, {pid: (cpu_after[pid] - cpu_before[pid]) / seconds for pid in cpu_before}, control, most_cpu)
        if site.server is not None:
            report.figure("which", await told(site))
        await fleet.stop()
        complaints(report, site, fleet)
    return report


def tell_cpu(report: Report, shares: Mapping[int, float], control: Group, most: float) -> None:
    """How much of a core the schedules cost."""
    more = [share - shares[control.pid] for pid, share in shares.items() if pid != control.pid]
    report.figure("of a core without schedules", f"{shares[control.pid]:.4f}")
    report.figure("of a core more with them", " ".join(f"{share:.4f}" for share in more))
    report.require(max(more) <= most, f"the schedules cost {max(more):.4f} of a core")


async def billed(site: Site, groups: list[Group]) -> Bill:
    """What was sent up to now: as the server counts it, or the store itself where there is no server."""
    if site.server is None:
        return await billed_by_store(site, groups)
    rows = await site.tables.rows(STATISTICS)
    return await apart(site, sum(row["calls"] for row in rows), 1)


async def billed_by_store(site: Site, groups: list[Group]) -> Bill:
    """SQLite renews in two statements, with or without a question."""
    async with httpx.AsyncClient() as client:
        sent = sum([(await client.get(f"{group.url}/statements")).json() for group in groups])
    return await apart(site, sent, 2)


async def apart(site: Site, sent: int, each: int) -> Bill:
    """The tables count the renewals, which take a question along: so many statements were sent for each."""
    renewing = each * sum(node.renewals for node in (await site.tables.all()).nodes)
    return Bill(sent - renewing, renewing)


STATISTICS = """
    SELECT query, calls FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
    WHERE d.datname = current_database() AND query LIKE '%hourbell%' AND query NOT LIKE 'SELECT * FROM hourbell.%'
    ORDER BY calls DESC
"""


async def prepare_statistics(site: Site) -> None:
    """The server counts every statement that it is sent; our own looks are left out by their form."""
    import asyncpg

    connection = await asyncpg.connect(site.url)
    try:
        await connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    finally:
        await connection.close()


async def told(site: Site) -> str:
    """The statements most often sent."""
    rows = await site.tables.rows(STATISTICS)
    return "; ".join(f"{row['calls']} × {' '.join(row['query'].split())[:60]}" for row in rows[:6])


if __name__ == "__main__":
    run_script([scenario])
