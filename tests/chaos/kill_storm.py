"""The fire storm while processes are killed with kill -9, again and again: nothing lost, nothing doubled.

The processes are as far from each other as if each had a machine of its own, so that leases decide what is taken over.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from hourbell.model.run import SUSPICIOUS

from .fleet import Fleet, kill
from .ledger import START, Line
from .recorded import Recorded
from .report import Report, at_share
from .site import Site, run_script
from .storm import BODIES, COUNTING, Weather, begun, brewed, complaints, over, told

LEASE, POLL = 3.0, 1.0
TAKEOVER = LEASE + POLL + 1

# Some bodies take long enough to be met by a kill. All the sync ones together need fewer threads than two nodes have:
# else a run waits for a thread, not for its takeover, while others are starting.
MIXED = (*BODIES, ("long", {"seconds": 1.5}), ("quick", {}), ("long_sync", {"seconds": 0.4}))

Kills = dict[int, datetime]


async def scenario(
    site: Site, *, seconds: float = 60, schedules: int = 200, workers: int = 4, every: float = 2.0, slack: float = 0.0
) -> Report:
    """Kills one uvicorn worker every so many seconds; its parent starts another in its place."""
    groups = 2 if site.kind == "PostgreSQL" else 1
    weather = Weather(seconds, groups, workers, schedules, COUNTING, LEASE, MIXED)
    report = site.report(f"kill storm, {schedules} schedules, {weather.processes} processes")
    blueprint, until = brewed(site, weather)
    blueprint = blueprint.having(far=True)
    with Fleet(site.folder) as fleet:
        settled = await begun(site, fleet, weather, blueprint)
        kills = await killing(site, fleet, until, every)
        recorded = await survived(site, fleet, report, weather, (settled, until), kills)
        tell_takeovers(report, takeovers(recorded, site.ledger(), kills), TAKEOVER + slack)
        complaints(report, site, fleet)
    return report


async def survived(
    site: Site, fleet: Fleet, report: Report, weather: Weather, between: tuple[datetime, datetime], kills: Kills
) -> Recorded:
    """Wait until all is done that was fired ``between`` these instants, end the fleet, and tell what there is."""
    settled, until = between
    await over(site, until, patience=weather.seconds + 60)
    await fleet.stop()
    await told(site, report, until, settled, schedules=weather.schedules, undisturbed=False)
    recorded = await site.tables.all()
    report.figure("kills", len(kills))
    report.figure("runs of killed nodes", sum(1 for one in recorded.attempts if one.outcome == "lost"))
    return recorded


async def killing(site: Site, fleet: Fleet, until: datetime, every: float) -> Kills:
    """Kill one process after the other until the last fire; when each was killed.

    Every second kill is of a process that holds a running run: whoever fires also runs, so by chance alone a few kills
    may all be of processes that hold none.
    """
    kills: Kills = {}
    while datetime.now(UTC) < until:
        alive = fleet.nodes()
        if not alive:  # uvicorn has not started others yet: on a loaded machine that takes a while
            await asyncio.sleep(0.1)
            continue
        busy = await site.tables.busy() if len(kills) % 2 == 0 else set()
        victim = site.random.choice([pid for pid in alive if pid in busy] or alive)
        moment = datetime.now(UTC)
        if kill(victim):
            kills[victim] = moment
        await asyncio.sleep(every)
    return kills


@dataclass(frozen=True)
class Takeover:
    """``seconds`` from the kill to the next attempt's start; ``loss`` is how often the run was lost by then."""

    seconds: float
    loss: int


def takeovers(recorded: Recorded, lines: Sequence[Line], kills: Kills) -> list[Takeover]:
    """One for each run that a killed process held."""
    starts = {(line.run, line.attempt): line.at for line in lines if line.phase == START}
    losses: Counter[str] = Counter()
    found = []
    for lost in sorted(recorded.attempts, key=lambda one: one.attempt):
        if lost.outcome != "lost":
            continue
        losses[lost.run_id] += 1
        killed_at = kills.get(recorded.pid_of(lost.node_id))
        next_start = next_started(starts, lost.run_id, lost.attempt)
        if killed_at is not None and next_start is not None:
            found.append(Takeover((next_start - killed_at).total_seconds(), losses[lost.run_id]))
    return found


def next_started(starts: dict[tuple[str, int], datetime], run: str, attempt: int) -> datetime | None:
    """When the first attempt after this one began that began at all; a claim may be lost before its body starts."""
    later = sorted(number for started, number in starts if started == run and number > attempt)
    return starts[run, later[0]] if later else None


def tell_takeovers(report: Report, found: Sequence[Takeover], limit: float) -> None:
    """What was lost three times may be what kills its nodes: a node holds few such at a time, so those may wait."""
    once = [takeover.seconds for takeover in found if takeover.loss < SUSPICIOUS]
    report.spread("taken over after the kill", once)
    suspects = [takeover.seconds for takeover in found if takeover.loss >= SUSPICIOUS]
    report.spread("the same for runs lost three times or more, which may wait for each other", suspects)
    report.figure("by how often it was lost", dict(sorted(Counter(takeover.loss for takeover in found).items())))
    report.require(bool(found), "no kill met a running body: nothing was seen of takeovers")
    if found:
        p99 = at_share([takeover.seconds for takeover in found], 0.99)
        report.figure("p99 of all of them [s]", p99)
        report.require(p99 <= limit, f"p99 of takeovers is {p99:.2f} s, more than {limit:g} s")


if __name__ == "__main__":
    run_script([scenario])
