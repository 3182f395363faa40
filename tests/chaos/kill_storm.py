"""The fire storm while processes are killed with kill -9, again and again: nothing lost, nothing doubled."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from .fleet import Fleet, kill
from .ledger import START, Line
from .recorded import Recorded
from .report import Report, at_share
from .site import Site, run_script
from .storm import BODIES, COUNTING, Weather, begun, brewed, complaints, over, told

LEASE, POLL = 3.0, 1.0
TAKEOVER = LEASE + POLL + 1

# Some bodies take long enough to be met by a kill.
MIXED = (*BODIES, ("long", {"seconds": 1.5}), ("quick", {}), ("long_sync", {"seconds": 0.8}))

Kills = dict[int, datetime]


async def scenario(
    site: Site, *, seconds: float = 60, schedules: int = 200, workers: int = 4, every: float = 2.0, slack: float = 0.0
) -> Report:
    """Kills one uvicorn worker every so many seconds; its parent starts another in its place."""
    groups = 2 if site.kind == "PostgreSQL" else 1
    weather = Weather(seconds, groups, workers, schedules, COUNTING, LEASE, MIXED)
    report = site.report(f"kill storm, {schedules} schedules, {weather.processes} processes")
    blueprint, until = brewed(site, weather)
    with Fleet(site.folder) as fleet:
        settled = await begun(site, fleet, weather, blueprint)
        kills = await killing(site, fleet, until, every)
        await over(site, until, patience=seconds + 60)
        await fleet.stop()
        await told(site, report, until, settled, schedules=schedules, undisturbed=False)
        recorded = await site.tables.all()
        report.figure("kills", len(kills))
        report.figure("runs of killed nodes", sum(1 for one in recorded.attempts if one.outcome == "lost"))
        tell_takeovers(report, takeovers(recorded, site.ledger(), kills), slack)
        complaints(report, site, fleet)
    return report


async def killing(site: Site, fleet: Fleet, until: datetime, every: float) -> Kills:
    """Kill one process after the other until the last fire; when each was killed."""
    kills: Kills = {}
    while datetime.now(UTC) < until:
        victim = site.random.choice(fleet.nodes())
        moment = datetime.now(UTC)
        if kill(victim):
            kills[victim] = moment
        await asyncio.sleep(every)
    return kills


def takeovers(recorded: Recorded, lines: Sequence[Line], kills: Kills) -> list[float]:
    """For each run that a killed process held: seconds from the kill to the start of its next attempt."""
    starts = {(line.run, line.attempt): line.at for line in lines if line.phase == START}
    found = []
    for lost in recorded.attempts:
        killed_at = kills.get(recorded.pid_of(lost.node_id)) if lost.outcome == "lost" else None
        next_start = next_started(starts, lost.run_id, lost.attempt)
        if killed_at is not None and next_start is not None:
            found.append((next_start - killed_at).total_seconds())
    return found


def next_started(starts: dict[tuple[str, int], datetime], run: str, attempt: int) -> datetime | None:
    """When the first attempt after this one began that began at all; a claim may be lost before its body starts."""
    later = sorted(number for started, number in starts if started == run and number > attempt)
    return starts[run, later[0]] if later else None


def tell_takeovers(report: Report, seconds: Sequence[float], slack: float) -> None:
    report.spread("taken over after the kill", seconds)
    report.require(bool(seconds), "no kill met a running body: nothing was seen of takeovers")
    if seconds:
        p99 = at_share(seconds, 0.99)
        report.require(p99 <= TAKEOVER + slack, f"p99 of takeovers is {p99:.2f} s, more than {TAKEOVER + slack:g} s")


if __name__ == "__main__":
    run_script([scenario])
