"""Processes of one machine that are killed under a long lease: their neighbours do not wait for it. One that is only
stopped keeps what it has."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

from .fleet import Fleet, frozen, kill
from .kill_storm import MIXED, Kills, survived, takeovers, tell_takeovers
from .recorded import Recorded
from .report import Report
from .site import Site, run_script
from .storm import COUNTING, Weather, begun, brewed, complaints

LEASE, POLL = 15.0, 1.0
TAKEOVER = POLL + 1
STOPPED = POLL + 2
"""Seconds for which a process stands still: longer than it takes to find that one is gone."""


SURVIVORS = 2
"""So many are left to take over: the bodies need more threads than one has, and would wait for those."""


@dataclass
class Blows:
    """Which processes were killed when, and which stood still from when to when."""

    kills: Kills = field(default_factory=dict)
    stops: list[tuple[int, datetime, datetime]] = field(default_factory=list)


async def scenario(
    site: Site, *, seconds: float = 60, schedules: int = 100, workers: int = 4, every: float = 2.5, slack: float = 0.0
) -> Report:
    """Kills the busiest uvicorn worker but the youngest every so many seconds: of that the others have not heard yet.
    Stops one now and then."""
    weather = Weather(seconds, 1, workers, schedules, COUNTING, LEASE, MIXED)
    report = site.report(f"kills under a lease of {LEASE:g} s, {schedules} schedules, {workers} neighbours")
    blueprint, until = brewed(site, weather)
    with Fleet(site.folder) as fleet:
        settled = await begun(site, fleet, weather, blueprint)
        blows = await dealt(site, fleet, until, every)
        recorded = await survived(site, fleet, report, weather, (settled, until), blows.kills)
        tell_deaths(report, recorded, blows)
        tell_takeovers(report, takeovers(recorded, site.ledger(), blows.kills), TAKEOVER + slack)
        tell_stops(report, recorded, blows)
        complaints(report, site, fleet)
    return report


async def dealt(site: Site, fleet: Fleet, until: datetime, every: float) -> Blows:
    """Kill and stop until the last fire."""
    blows = Blows()
    # A process that stands still in the middle of writing keeps an SQLite file locked: nothing could be told there.
    may_stop = site.kind != "SQLite"
    while datetime.now(UTC) < until:
        pids = set(fleet.nodes())
        recorded = await site.tables.all()
        nodes = [one for one in recorded.nodes if one.state == "live" and one.pid in pids]
        *known, _ = sorted(nodes, key=lambda one: one.started_at) or [None]
        held = Counter(run.node_id for run in recorded.runs if run.state == "running")
        victim = max(known, key=lambda one: held[one.id], default=None)
        if len(nodes) < SURVIVORS + 1 or victim is None or not held[victim.id]:  # others start, or nobody is at work
            await asyncio.sleep(0.1)
            continue
        others = [one.pid for one in nodes if one is not victim]
        moment = datetime.now(UTC)
        if kill(victim.pid):
            blows.kills[victim.pid] = moment
        if may_stop and len(others) > SURVIVORS and len(blows.kills) % 3 == 1:
            blows.stops.append(await stopped(site.random.choice(others)))
        else:
            await asyncio.sleep(every)
    return blows


async def stopped(pid: int) -> tuple[int, datetime, datetime]:
    """Let a process stand still for a while."""
    began = datetime.now(UTC)
    os.kill(pid, signal.SIGSTOP)
    try:
        await frozen(pid)
        await asyncio.sleep(STOPPED)
    finally:
        ended = datetime.now(UTC)
        os.kill(pid, signal.SIGCONT)
    return pid, began, ended


def tell_deaths(report: Report, recorded: Recorded, blows: Blows) -> None:
    """How long it took until what the killed had run was queued again."""
    lost = [(recorded.pid_of(one.node_id), one) for one in recorded.attempts if one.outcome == "lost"]
    seconds = {(one.finished_at - blows.kills[pid]).total_seconds() for pid, one in lost if pid in blows.kills}
    report.spread("queued again after the kill", sorted(seconds))


def tell_stops(report: Report, recorded: Recorded, blows: Blows) -> None:
    """Nothing was taken from a process that stood still."""
    report.figure("stopped for a while", len(blows.stops))
    lost = [(recorded.pid_of(one.node_id), one) for one in recorded.attempts if one.outcome == "lost"]
    for pid, began, ended in blows.stops:
        taken = [one.run_id for owner, one in lost if owner == pid and began <= one.finished_at <= ended]
        report.require(not taken, f"{len(taken)} runs were taken from process {pid} while it was stopped")
    dead = {one.pid for one in recorded.nodes if one.state == "dead"}
    report.require(dead <= blows.kills.keys(), f"declared dead alive: {sorted(dead - blows.kills.keys())}")


if __name__ == "__main__":
    run_script([scenario])
