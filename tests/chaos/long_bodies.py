"""Bodies that take many leases, and bodies that block the application's event loop: nobody takes them over."""

from __future__ import annotations

from datetime import datetime, timedelta

from .blueprint import Planned
from .checkers import check_bodies, check_drained, compare_fires
from .expected import every_second, expected_fires
from .fleet import Fleet
from .ledger import END, START
from .recorded import Recorded
from .report import Report
from .site import Site, run_script
from .storm import COUNTING, complaints, over, soon, up_before

LEASE = 3.0
TEN_LEASES = 10 * LEASE
# What counts as recorded on time on a machine that does other things as well.
ON_TIME = 2.0


async def patient(site: Site, *, seconds: float = TEN_LEASES) -> Report:
    """Async and sync bodies of so many seconds, in two processes: each is started once."""
    report = site.report(f"bodies of {seconds:g} s under a lease of {LEASE:g} s")
    moment = soon(2)
    bodies = [_once(f"{body}-{number}", body, seconds, moment) for body in ("long", "long_sync") for number in range(3)]
    with Fleet(site.folder) as fleet:
        blueprint = site.blueprint(schedules=bodies, settings={"lease": LEASE})
        for _ in range(2):
            fleet.start(blueprint)
        await up_before(site, moment, 2)
        await over(site, moment, patience=seconds + 30)
        await fleet.stop()
        recorded, lines = await site.tables.all(), site.ledger()
        report.add(compare_fires({one.id: [moment] for one in bodies}, recorded.runs).problems())
        report.add(check_drained(recorded))
        report.add(check_bodies(recorded, lines, undisturbed=True))
        tell_leases(report, recorded, nodes=2)
        took = [
            (end.at - start.at).total_seconds()
            for end in lines
            for start in lines
            if (end.phase, start.phase) == (END, START) and end.run == start.run
        ]
        report.figure("starts", sum(1 for line in lines if line.phase == START))
        report.spread("took", took)
        report.require(len(took) == len(bodies) and min(took) >= seconds, "a body was cut short")
        complaints(report, site, fleet)
    return report


async def blocked(site: Site, *, seconds: float = 2 * LEASE, nodes: int = 2) -> Report:
    """One body holds its process's event loop with ``time.sleep``; fires are recorded all the same."""
    report = site.report(f"event loop blocked for {seconds:g} s, {nodes} processes")
    moment = soon(nodes)
    last = moment + timedelta(seconds=seconds + 3)
    ticks = [Planned(id=f"tick-{number}", end=last.isoformat(), policies=COUNTING) for number in range(20)]
    with Fleet(site.folder) as fleet:
        blocker = _once("blocker", "blocker", seconds, moment)
        blueprint = site.blueprint(schedules=[*ticks, blocker], settings={"lease": LEASE})
        for _ in range(nodes):
            fleet.start(blueprint)
        await up_before(site, moment, nodes)
        await over(site, last, patience=60)
        await fleet.stop()
        recorded, lines = await site.tables.all(), site.ledger()
        ticking = [schedule for schedule in recorded.schedules if schedule.id != "blocker"]
        comparison = compare_fires({**expected_fires(ticking, last), "blocker": [moment]}, recorded.runs)
        report.figure("fires expected, recorded", f"{comparison.expected}, {comparison.recorded}")
        report.add(comparison.problems())
        report.add(check_drained(recorded))
        report.add(check_bodies(recorded, lines))
        starts = [line for line in lines if (line.phase, line.schedule) == (START, "blocker")]
        report.require(len(starts) == 1, f"the blocking body was started {len(starts)} times")
        tell_meanwhile(report, recorded, moment, moment + timedelta(seconds=seconds))
        tell_leases(report, recorded, nodes=nodes)
        complaints(report, site, fleet)
    return report


async def blocked_alone(site: Site, *, seconds: float = 2 * LEASE) -> Report:
    """The same with nobody else to help: the process records every fire itself while its loop stands still."""
    return await blocked(site, seconds=seconds, nodes=1)


def tell_meanwhile(report: Report, recorded: Recorded, first: datetime, last: datetime) -> None:
    """Fires while the loop was blocked were recorded on time."""
    seconds = set(every_second(first, last))
    late = [
        (run.created_at - run.fire_at).total_seconds()
        for run in recorded.runs
        if run.fire_at in seconds and run.covers_until is None
    ]
    report.spread("recorded after its time while blocked", late)
    report.require(max(late) < ON_TIME, f"a fire was recorded {max(late):.2f} s late while the loop was blocked")


def tell_leases(report: Report, recorded: Recorded, *, nodes: int) -> None:
    """No lease was lost."""
    report.figure("nodes", [f"{node.id[:8]} {node.state}, {node.renewals} renewals" for node in recorded.nodes])
    report.require(len(recorded.nodes) == nodes, f"{len(recorded.nodes)} node ids instead of {nodes}")
    report.require(all(node.state == "stopped" for node in recorded.nodes), "a node did not end by itself")
    lost = [one for one in recorded.attempts if one.outcome == "lost"]
    report.require(not lost, f"{len(lost)} attempts were taken over")
    report.figure("runs handed back before they had begun", len(recorded.attempts) - len(lost))


def _once(name: str, body: str, seconds: float, moment: datetime) -> Planned:
    """A schedule with a single fire."""
    return Planned(id=name, body=body, args={"seconds": seconds}, start=moment.isoformat(), end=moment.isoformat())


if __name__ == "__main__":
    run_script([patient, blocked, blocked_alone])
