"""PostgreSQL goes away and comes back: nobody dies, nobody spins, and the gap is treated by policy."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import httpx

from hourbell.model.policies import Policies

from .blueprint import Planned
from .checkers import check_bodies, check_drained, compare_fires
from .expected import expected_fires
from .fleet import Fleet, Group, kill, until
from .processes import look
from .recorded import Recorded
from .report import Report
from .site import Site, run_script
from .storm import complaints, over, soon, up_before
from .words import few_words

LEASE, PATIENT_LEASE = 3.0, 15.0
BACK_WITHIN = 5.0
# Of one core, while the database is away: what a loop that spins takes many times over.
MOST_CPU = 0.15

# What nodes have to say about a database that is away.
ALLOWED = (r"LeaseLost", r"lost its lease", r"unexpected connection_lost")

GAPS: Mapping[str, list[str]] = {"all": [], "latest": ["coalesced"], "skip": ["missed"]}
"""What `catch_up` may say of a gap, and why fires in it do not run then."""

LIMIT = Policies().catch_up_limit
"""So many fires of a gap are made up for under ``all``; of a longer one the rest is skipped."""

EDGES = 2
"""Fires at both ends of a gap, which may have been recorded on time."""


@dataclass(frozen=True)
class Outage:
    """When the server was away, and what each process used of a core meanwhile."""

    away_at: datetime
    back_at: datetime
    cpu: dict[int, float]


async def scenario(site: Site, *, seconds: float = 30, mode: Literal["fast", "immediate"] = "fast") -> Report:
    """The server stops for a while; one worker is killed in the meantime and started again by its parent."""
    report = site.report(f"outage of {seconds:g} s ({mode} stop)")
    moment = soon(3)
    last = moment + timedelta(seconds=round(seconds) + 9)
    planned = [Planned(id=gap, end=last.isoformat(), policies={"catch_up": gap, "overlap": "allow"}) for gap in GAPS]
    blueprint = site.blueprint(schedules=planned, settings={"lease": LEASE})
    with Fleet(site.folder) as fleet:
        group, single = fleet.start(blueprint, workers=2), fleet.start(blueprint)
        await up_before(site, moment, 3)
        await asyncio.sleep(2)
        before = fleet.nodes()
        outage, victim = await suffer(site, report, fleet, group, seconds, mode)
        await over(site, last, patience=60)
        survivors = set(before) - {victim}
        report.require(survivors <= set(fleet.nodes()), "a process died that nobody killed")
        await until(lambda: len(fleet.nodes()) == 3, "the killed worker has been replaced")
        await site.until_live(3)
        await healthy(report, [group, single])
        await fleet.stop()
        recorded, lines = await site.tables.all(), site.ledger()
        comparison = compare_fires(expected_fires(recorded.schedules, last), recorded.runs)
        report.figure("fires expected", comparison.expected)
        report.figure("fires recorded", f"{comparison.recorded} = {comparison.ran} runs + {comparison.covered} skipped")
        report.add(comparison.problems())
        report.add(check_drained(recorded))
        report.add(check_bodies(recorded, lines))
        tell_return(report, recorded, outage)
        tell_gap(report, recorded, outage)
        few_words(report, fleet)
        complaints(report, site, fleet, ALLOWED)
    return report


async def crash(site: Site, *, seconds: float = 30) -> Report:
    """The server is stopped as in a crash, and recovers when it starts."""
    return await scenario(site, seconds=seconds, mode="immediate")


async def brief(site: Site, *, seconds: float = 5) -> Report:
    """An outage shorter than the lease: bodies that run go on, start once and are settled when the server is back."""
    report = site.report(f"outage of {seconds:g} s under a lease of {PATIENT_LEASE:g} s")
    assert site.server is not None
    moment = soon(2)
    bodies = [
        Planned(
            id=f"{body}-{number}",
            body=body,
            args={"seconds": seconds + 3},
            start=moment.isoformat(),
            end=moment.isoformat(),
        )
        for body in ("long", "long_sync")
        for number in range(3)
    ]
    with Fleet(site.folder) as fleet:
        blueprint = site.blueprint(schedules=bodies, settings={"lease": PATIENT_LEASE})
        for _ in range(2):
            fleet.start(blueprint)
        await up_before(site, moment, 2)
        await until(lambda: len(site.ledger()) == len(bodies), "all bodies have begun")
        await asyncio.to_thread(site.server.stop, "immediate")
        await asyncio.sleep(seconds)
        await asyncio.to_thread(site.server.start)
        await over(site, moment, patience=60)
        await fleet.stop()
        recorded = await site.tables.all()
        report.figure("runs, attempts that did not end their run", f"{len(recorded.runs)}, {len(recorded.attempts)}")
        report.add(check_drained(recorded))
        report.add(check_bodies(recorded, site.ledger(), undisturbed=True))
        report.require(len(recorded.nodes) == 2, f"{len(recorded.nodes)} node ids instead of 2: a lease was lost")
        few_words(report, fleet)
        complaints(report, site, fleet, ALLOWED)
    return report


async def suffer(
    site: Site, report: Report, fleet: Fleet, group: Group, seconds: float, mode: Literal["fast", "immediate"]
) -> tuple[Outage, int]:
    """Stop the server, kill a worker, look at what the others do, and start the server again."""
    assert site.server is not None
    away_at = datetime.now(UTC)
    await asyncio.to_thread(site.server.stop, mode)
    await asyncio.sleep(seconds / 4)
    victim = site.random.choice(group.nodes())
    kill(victim)
    await until(lambda: len(group.nodes()) == 2 and victim not in group.nodes(), "uvicorn replaces the killed worker")
    # A process that starts works hard; what it does once it is up is what counts.
    await group.serving()
    await asyncio.sleep(min(2.0, seconds / 4))
    await unhealthy(report, fleet.groups)
    left = max(2.0, seconds - (datetime.now(UTC) - away_at).total_seconds())
    before = used(fleet.nodes())
    await asyncio.sleep(left)
    cpu = {pid: (after - before[pid]) / left for pid, after in used(fleet.nodes()).items() if pid in before}
    await asyncio.to_thread(site.server.start)
    back_at = datetime.now(UTC)
    report.figure("away for [s]", (back_at - away_at).total_seconds())
    report.figure("of a core per process while away", " ".join(f"{share:.3f}" for share in cpu.values()))
    for pid, share in cpu.items():
        report.require(share < MOST_CPU, f"process {pid} took {share:.2f} of a core while the database was away")
    return Outage(away_at, back_at, cpu), victim


def used(pids: Iterable[int]) -> dict[int, float]:
    """CPU seconds of processes so far."""
    return {pid: found.cpu for pid in pids if (found := look(pid)) is not None}


async def unhealthy(report: Report, groups: Iterable[Group]) -> None:
    """Every process serves requests and says that the database is away."""
    for group, status in zip(groups, await statuses(groups), strict=True):
        report.require(status == 503, f"{group.name} answered {status} for its health while the database was away")


async def healthy(report: Report, groups: Iterable[Group]) -> None:
    """Every process says that all is well again."""
    for group, status in zip(groups, await statuses(groups), strict=True):
        report.require(status == 200, f"{group.name} answered {status} for its health at the end")


async def statuses(groups: Iterable[Group]) -> list[int]:
    async with httpx.AsyncClient(timeout=20) as client:
        return [(await client.get(f"{group.url}/hourbell/health")).status_code for group in groups]


def tell_return(report: Report, recorded: Recorded, outage: Outage) -> None:
    """How soon it fired again."""
    after = [run.created_at for run in recorded.runs if run.created_at > outage.back_at and run.state != "skipped"]
    seconds = (min(after) - outage.back_at).total_seconds() if after else float("inf")
    report.figure("fired again after [s]", seconds)
    report.require(seconds <= BACK_WITHIN, f"fired again only {seconds:.2f} s after the database was back")


def tell_gap(report: Report, recorded: Recorded, outage: Outage) -> None:
    """Each schedule's gap as its policy has it: every fire, the latest, none."""
    for gap in GAPS:
        inside = [
            run
            for run in recorded.runs
            if run.schedule_id == gap and run.fire_at is not None and outage.away_at < run.fire_at < outage.back_at
        ]
        ran = sum(1 for run in inside if run.state != "skipped")
        covered = sum(run.covers_count or 1 for run in inside if run.state == "skipped")
        reasons = sorted({run.reason for run in inside if run.reason is not None})
        report.figure(f"gap under catch_up={gap!r}", f"{ran} runs, {covered} skipped {reasons}")
        is_long = gap == "all" and ran + covered > LIMIT
        expected = ["catch_up_limit"] if is_long else GAPS[gap]
        report.require(reasons == expected, f"fires in the gap under catch_up={gap!r} were skipped as {reasons}")
        # The latest fire may be one that became due after the return; a fire from just before the end may have run too.
        right = covered == 0 if gap == "all" else ran <= EDGES < covered
        if is_long:
            right = abs(ran - LIMIT) <= EDGES
        report.require(right, f"the gap under catch_up={gap!r} has {ran} runs and {covered} skipped fires")


if __name__ == "__main__":
    run_script([], only_postgres=[scenario, crash, brief])
