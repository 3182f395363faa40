"""Deaths beside the work: of an idle sibling, just before a due time, of everybody, and in the first start."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

from .blueprint import Planned
from .checkers import check_bodies, check_drained, compare_fires, lateness
from .expected import every_second, expected_fires
from .fleet import Fleet, kill, until
from .ledger import START
from .recorded import RecordedRun
from .report import Report
from .site import Site, run_script
from .storm import COUNTING, complaints, over, soon, up_before

LEASE = 3.0
LATE = 2.0
"""Seconds after its time by which somebody has recorded a fire: a poll, and what the machine takes."""


async def idle_sibling(site: Site, *, seconds: float = 3 * LEASE) -> Report:
    """While one process runs a long body, the other two, which do nothing, are killed one after the other."""
    report = site.report(f"idle siblings killed beside a body of {seconds:g} s")
    moment = soon(3)
    once = {"start": moment.isoformat(), "end": moment.isoformat()}
    planned = [Planned(id="body", body="long", args={"seconds": seconds}, **once)]
    with Fleet(site.folder) as fleet:
        for _ in range(3):
            fleet.start(site.blueprint(schedules=planned, settings={"lease": LEASE}))
        await up_before(site, moment, 3)
        await until(site.ledger, "the body has begun")
        busy = site.ledger()[0].pid
        for group in fleet.groups:
            if group.pid != busy:
                kill(group.pid)
                await asyncio.sleep(seconds / 4)
        await over(site, moment, patience=60)
        await next(group for group in fleet.groups if group.pid == busy).stop()
        recorded, lines = await site.tables.all(), site.ledger()
        report.figure("attempts of the run", recorded.runs[0].attempt)
        report.figure("nodes found dead", sum(node.state == "dead" for node in recorded.nodes))
        report.require([run.attempt for run in recorded.runs] == [1], "the body was disturbed by the death of others")
        report.add(compare_fires({"body": [moment]}, recorded.runs).problems())
        report.add(check_drained(recorded))
        report.add(check_bodies(recorded, lines, undisturbed=True))
        complaints(report, site, fleet)
    return report


async def before_the_fire(site: Site, *, rounds: int = 20, slack: float = 0.0) -> Report:
    """Something is due; up to two seconds before, one of three processes is killed. Every round another of them."""
    report = site.report(f"killed in the last seconds before a fire, {rounds} rounds")
    period = 6
    start = soon(3)
    last = start + timedelta(seconds=period * (rounds - 1))
    bounds = {"start": start.isoformat(), "end": last.isoformat()}
    planned = [Planned(id=f"due-{number}", seconds=period, policies=COUNTING, **bounds) for number in range(10)]
    blueprint = site.blueprint(schedules=planned, settings={"lease": LEASE})
    with Fleet(site.folder) as fleet:
        groups = [fleet.start(blueprint) for _ in range(3)]
        await up_before(site, start - timedelta(seconds=2), 3)
        for number in range(rounds):
            due = start + number * timedelta(seconds=period)
            lead = site.random.uniform(0.05, 2.0)
            await asyncio.sleep(max(0.0, (due - datetime.now(UTC)).total_seconds() - lead))
            victim = number % 3
            kill(groups[victim].pid)
            await asyncio.sleep(max(0.0, (due - datetime.now(UTC)).total_seconds() + 0.5))
            groups[victim] = fleet.start(blueprint)
            await groups[victim].serving()
        await over(site, last, patience=60)
        await asyncio.gather(*(group.stop() for group in groups))
        recorded, lines = await site.tables.all(), site.ledger()
        dues = [start + number * timedelta(seconds=period) for number in range(rounds)]
        comparison = compare_fires({one.id: dues for one in planned}, recorded.runs)
        report.figure("fires expected, recorded", f"{comparison.expected}, {comparison.recorded}")
        late = lateness(recorded, start - timedelta(seconds=1))
        report.spread("recorded after its time", late)
        report.require(max(late) <= LATE + slack, f"a fire was recorded {max(late):.2f} s after its time")
        report.add(comparison.problems())
        report.add(check_drained(recorded))
        report.add(check_bodies(recorded, lines))
        complaints(report, site, fleet)
    return report


async def past_a_grace(site: Site, *, away: float = 12.0, grace: float = 4.0) -> Report:
    """All processes are killed and stay away for longer than the grace of what they should have fired."""
    report = site.report(f"everything away for {away:g} s, a grace of {grace:g} s")
    policies = {**COUNTING, "grace": grace}
    start = soon(2)
    last = start + timedelta(seconds=round(away) + 16)
    bounds = {"start": start.isoformat(), "end": last.isoformat()}
    planned = [
        Planned(id="patient", policies=COUNTING, **bounds),
        Planned(id="graceful", policies=policies, **bounds),
    ]
    blueprint = site.blueprint(schedules=planned, settings={"lease": LEASE})
    with Fleet(site.folder) as fleet:
        for _ in range(2):
            fleet.start(blueprint)
        await up_before(site, start, 2)
        await asyncio.sleep((start - datetime.now(UTC)).total_seconds() + 4)
        gone_at = datetime.now(UTC)
        for group in fleet.groups:
            kill(group.pid)
        await asyncio.sleep(away)
        groups = [fleet.start(blueprint) for _ in range(2)]
        await asyncio.gather(*(group.serving() for group in groups))
        await over(site, last, patience=60)
        await asyncio.gather(*(group.stop() for group in groups))
        recorded, lines = await site.tables.all(), site.ledger()
        expected = {one.id: every_second(start, last) for one in planned}
        report.add(compare_fires(expected, recorded.runs).problems())
        report.add(check_drained(recorded))
        report.add(check_bodies(recorded, lines))
        back_at = min(run.created_at for run in recorded.runs if run.created_at > gone_at + timedelta(seconds=away))
        graceful = [run for run in recorded.runs if run.schedule_id == "graceful"]
        missed = [run for run in graceful if run.state == "skipped"]
        report.figure("fires skipped", sum(run.covers_count or 1 for run in missed))
        report.figure("why", dict(Counter(str(run.reason) for run in missed)))
        told = {run.reason for run in missed}
        report.require(told == {"missed"}, f"what came too late was skipped as {told}")
        ran = [run for run in graceful if run.state == "succeeded" and run.fire_at and run.fire_at > gone_at]
        begun = {line.run: line.at for line in lines if line.phase == START}
        worst = max(((begun[run.id] - run.fire_at).total_seconds() for run in ran if run.fire_at), default=0.0)
        report.figure("latest start after its time under the grace [s]", worst)
        report.require(worst <= grace + 1, f"a body began {worst:.2f} s after its time, past its grace")
        report.figure("away for [s]", (back_at - gone_at).total_seconds())
        complaints(report, site, fleet)
    return report


async def first_starts(site: Site, *, nodes: int = 4, lives: int = 1) -> Report:
    """So many processes start at the same moment on an empty database; the first ``lives - 1`` times all are killed
    in the middle of it.
    """
    report = site.report(f"{nodes} first starts at once on an empty database, killed {lives - 1} times")
    planned = [Planned(id=f"tick-{number}", policies=COUNTING) for number in range(20)]
    blueprint = site.blueprint(schedules=planned, settings={"lease": LEASE})
    with Fleet(site.folder) as fleet:
        for _ in range(lives - 1):
            groups = [fleet.start(blueprint) for _ in range(nodes)]
            await asyncio.sleep(site.random.uniform(0.8, 3.0))
            for group in groups:
                kill(group.pid)
        groups = [fleet.start(blueprint) for _ in range(nodes)]
        await asyncio.gather(*(group.serving() for group in groups))
        await site.until(lambda: fired(site), "everything has fired")
        await asyncio.gather(*(group.stop() for group in groups))
        recorded, lines = await site.tables.all(), site.ledger()
        names = Counter(one.id for one in recorded.schedules)
        report.figure("schedules", len(names))
        report.require(set(names) == {one.id for one in planned}, f"the schedules are {sorted(names)}")
        prefix = "" if site.kind == "SQLite" else "hourbell."
        rows = await site.tables.rows(f"SELECT version FROM {prefix}migrations")
        report.figure("migrations", len(rows))
        report.require(len(rows) == len({row["version"] for row in rows}), "a migration stands there twice")
        comparison = compare_fires(expected_fires(recorded.schedules), recorded.runs)
        report.figure("fires expected, recorded", f"{comparison.expected}, {comparison.recorded}")
        report.add(comparison.problems())
        report.add(check_bodies(recorded, lines))
        complaints(report, site, fleet)
    return report


async def fired(site: Site) -> bool:
    """Whether each schedule has a run that has ended well."""
    return await site.tables.count(RecordedRun, "state = 'succeeded'") >= 60


if __name__ == "__main__":
    run_script([idle_sibling, before_the_fire, past_a_grace, first_starts])
