"""Thousands of runs of limited tasks on processes that are killed: no limit exceeded, nothing lost, and its price."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from hourbell import Scheduler
from hourbell.model.ids import new_run_id
from hourbell.model.run import NewRun
from hourbell.model.run_state import Origin

from .checkers import check_bodies, check_drained
from .fleet import Fleet, kill
from .kill_storm import Kills
from .ledger import ACCEPTED, BROKEN, END, START, Line
from .recorded import RecordedRun
from .report import Report
from .site import Site, run_script
from .storm import complaints

LEASE, PROCESSES = 3.0, 4
LIMITS = {"one": 1, "three": 3, "ten": 10}
SHARES = {"one": 0.05, "three": 0.25, "ten": 0.7}
"""How many of the runs are of which task: about as much time for each, were its limit always full."""

WIDE = 100_000
"""A limit that never keeps anybody waiting: what is left of its price is the counting."""

_BATCH = 500


async def under_kills(site: Site, *, runs: int = 5000, body: float = 0.03, every: float = 2.0) -> Report:
    """Limits of 1, 3 and 10 while one process after the other is killed and started again."""
    report = site.report(f"limits of 1, 3 and 10 under kills, {runs} runs, {PROCESSES} processes")
    with Fleet(site.folder) as fleet:
        tasks, start = await _begun(
            site, fleet, LIMITS, {name: round(runs * share) for name, share in SHARES.items()}, body
        )
        kills = await _killing(site, fleet, every)
        await _over(site)
        await fleet.stop()
        lines, recorded = site.ledger(), await site.tables.all()
        report.figure("runs succeeded", sum(1 for run in recorded.runs if run.state == "succeeded"))
        report.require(len(recorded.runs) == len(tasks), f"{len(recorded.runs)} runs instead of {len(tasks)}")
        report.figure("kills", len(kills))
        report.figure("attempts lost with their node", sum(1 for one in recorded.attempts if one.outcome == "lost"))
        report.figure("from first to last [s]", _span(lines, start))
        for name, most in LIMITS.items():
            own = [line for line in lines if tasks.get(line.run) == name]
            at_once = most_at_once(own, kills)
            report.figure(f"{name}: most at once, of {most}", at_once)
            report.require(at_once <= most, f"{at_once} of {name} ran at once, {most} may")
            report.require(bool(own), f"no body of {name} ever ran")
        report.add(check_drained(recorded))
        report.add(check_bodies(recorded, lines))
        complaints(report, site, fleet)
    return report


async def price(site: Site, *, runs: int = 5000, body: float = 0.0) -> Report:
    """The same runs three times in one go: without limits, beside a limited task, under limits that never bind."""
    report = site.report(f"the price of a limit, {runs} runs, {PROCESSES} processes")
    names = ("free", "beside", "counted")
    speeds = {}
    for name, waiters in zip(names, ({"free": None}, {"beside": None, "other": 1}, {"counted": WIDE}), strict=True):
        with Fleet(site.folder) as fleet:
            tasks, start = await _begun(site, fleet, waiters, {name: runs}, body)
            await _over(site)
            await fleet.stop()
            own = [line for line in site.ledger() if line.run in tasks]
            speeds[name] = runs / _span(own, start)
            complaints(report, site, fleet)
    report.figure("without any limit [runs/s]", speeds["free"])
    report.figure("beside a limited task that has nothing to do [runs/s]", speeds["beside"])
    report.figure("the same, as a share", speeds["beside"] / speeds["free"])
    report.figure("under a limit that never binds [runs/s]", speeds["counted"])
    report.figure("the same, as a share", speeds["counted"] / speeds["free"])
    report.add(check_drained(await site.tables.all()))
    return report


async def bound(site: Site, *, seconds: float = 10, body: float = 0.05) -> Report:
    """How full a limit is kept: the time that bodies ran, as a share of what its places would have allowed."""
    report = site.report(f"how full limits are kept by {PROCESSES} processes, bodies of {body:g} s")
    counts = {name: round(most * seconds / body) for name, most in LIMITS.items()}
    with Fleet(site.folder) as fleet:
        tasks, _ = await _begun(site, fleet, LIMITS, counts, body)
        await _over(site)
        await fleet.stop()
        lines = site.ledger()
        for name, most in LIMITS.items():
            own = [line for line in lines if tasks.get(line.run) == name]
            first, last = own[0].at, max(line.at for line in own if line.phase == END)
            full = counts[name] * body / (most * (last - first).total_seconds())
            report.figure(f"limit {most}, {counts[name]} runs: share of its places in use", full)
            report.require(most_at_once(own, {}) <= most, f"more than {most} of {name} ran at once")
        report.add(check_drained(await site.tables.all()))
        complaints(report, site, fleet)
    return report


def most_at_once(lines: Sequence[Line], kills: Mapping[int, datetime]) -> int:
    """How many bodies ran at the same moment at most, those of killed processes until they were killed."""
    edges: list[tuple[datetime, int]] = []
    begun: dict[tuple[str, int], Line] = {}
    for line in lines:
        if line.phase == START:
            begun[line.run, line.attempt] = line
            edges.append((line.at, 1))
        elif line.phase in (END, BROKEN):
            del begun[line.run, line.attempt]
            edges.append((line.at, -1))
    edges += [(kills[line.pid], -1) for line in begun.values() if line.pid in kills]
    most = now = 0
    for _, change in sorted(edges):
        now += change
        most = max(most, now)
    return most


async def _begun(
    site: Site, fleet: Fleet, waiters: Mapping[str, int | None], counts: Mapping[str, int], body: float
) -> tuple[dict[str, str], datetime]:
    """Start the processes, queue everything for one moment soon; the tasks by run, and that moment."""
    blueprint = site.blueprint(waiters=waiters, settings={"lease": LEASE})
    groups = 2 if site.kind == "PostgreSQL" else 1
    for _ in range(groups):
        fleet.start(blueprint, workers=PROCESSES // groups)
    await site.until_live(PROCESSES)
    scheduler = Scheduler(site.url)
    async with scheduler:
        store = scheduler._core.store
        start = await store.ping() + timedelta(seconds=2 + sum(counts.values()) / 1000)
        wanted = [
            NewRun(id=new_run_id(start), task=name, origin=Origin.ENQUEUE, args={"seconds": body}, run_at=start)
            for name, count in counts.items()
            for _ in range(count)
        ]
        site.random.shuffle(wanted)
        for first in range(0, len(wanted), _BATCH):
            await store.enqueue(wanted[first : first + _BATCH])
        await store.hint()
        if await store.ping() >= start:
            raise TimeoutError("the runs were due before all of them were queued: nothing can be told of their speed")
    return {run.id: run.task for run in wanted}, start


async def _killing(site: Site, fleet: Fleet, every: float) -> Kills:
    """Kill one process after the other while there is something to do, the first as soon as bodies run."""
    kills: Kills = {}
    await site.until(lambda: _running(site), "bodies run")
    while await site.tables.count(RecordedRun, "state IN ('queued', 'running')"):
        alive = fleet.nodes()
        if alive:
            victim = site.random.choice(alive)
            if kill(victim):
                kills[victim] = datetime.now(UTC)
        await asyncio.sleep(every)
    return kills


async def _running(site: Site) -> int:
    return await site.tables.count(RecordedRun, "state = 'running'")


async def _over(site: Site) -> None:
    async def done() -> bool:
        return not await site.tables.count(RecordedRun, "state IN ('queued', 'running')")

    await site.until(done, "every run is final", patience=300)


def _span(lines: Sequence[Line], start: datetime) -> float:
    """Seconds from the moment at which everything was due to the last success that a node was told of."""
    return (max(line.at for line in lines if line.phase == ACCEPTED) - start).total_seconds()


if __name__ == "__main__":
    run_script([under_kills, price, bound])
