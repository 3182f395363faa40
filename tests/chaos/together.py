"""Everything at once: all processes killed in the same moment, again and again, and what comes back finds it all."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from .blueprint import Blueprint
from .fleet import Fleet, Group, kill
from .kill_storm import LEASE, MIXED, Kills, takeovers
from .report import Report
from .site import Site, run_script
from .storm import COUNTING, complaints, every_second, over, soon, told

NODES = 4


async def scenario(site: Site, *, times: int = 10, schedules: int = 60, away: float = 0.0) -> Report:
    """All nodes are killed, ``away`` seconds later as many are started, so many times."""
    report = site.report(f"all of {NODES} processes killed at once, {times} times")
    last = soon(NODES) + timedelta(seconds=times * (4 + away + 3 * LEASE))
    planned = every_second(schedules, MIXED, last, {**COUNTING, "lost_limit": 1000})
    blueprint = site.blueprint(schedules=planned, settings={"lease": LEASE})
    kills: Kills = {}
    with Fleet(site.folder) as fleet:
        groups = started(fleet, blueprint)
        await site.until_live(NODES)
        settled = datetime.now(UTC)
        for _ in range(times):
            await asyncio.sleep(site.random.uniform(2, 4))
            moment = datetime.now(UTC)
            for group in groups:
                if kill(group.pid):
                    kills[group.pid] = moment
            await asyncio.sleep(away)
            groups = started(fleet, blueprint)
            await asyncio.gather(*(group.serving() for group in groups))
        await over(site, last, patience=120)
        await asyncio.gather(*(group.stop() for group in groups))
        recorded = await site.tables.all()
        report.figure("kills", len(kills))
        report.figure("runs of killed nodes", sum(1 for one in recorded.attempts if one.outcome == "lost"))
        await told(site, report, last, settled, schedules=schedules, undisturbed=False)
        # Nobody takes over before somebody is there again: how long that is, the machine decides.
        found = takeovers(recorded, site.ledger(), kills)
        report.spread("taken over after the kill, the starts of the new ones included", [one.seconds for one in found])
        report.require(bool(found), "no kill met a running body: nothing was seen of takeovers")
        complaints(report, site, fleet)
    return report


def started(fleet: Fleet, blueprint: Blueprint) -> list[Group]:
    """As many single nodes as there are to be."""
    return [fleet.start(blueprint) for _ in range(NODES)]


if __name__ == "__main__":
    run_script([scenario])
