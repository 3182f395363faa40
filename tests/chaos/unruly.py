"""Bodies that hold the GIL, so that no thread of their node takes a step, and bodies that fork."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from .blueprint import Planned
from .checkers import check_bodies, check_drained, compare_fires, lateness
from .expected import expected_fires
from .fleet import Fleet, kill, until
from .havoc import ALLOWED
from .kill_storm import TAKEOVER, Kills, takeovers, tell_takeovers
from .ledger import ACCEPTED, START
from .processes import is_alive
from .report import Report
from .site import Site, run_script
from .storm import COUNTING, complaints, over, soon, up_before

LEASE = 3.0
LATE = 2.0
"""Seconds by which a fire may be recorded late while one of two nodes stands still: a poll, and the machine's own."""


async def held(site: Site, *, seconds: float = 3 * LEASE, slack: float = 0.0) -> Report:
    """C code in a body holds the GIL of its process for three leases: as dead to the others as a stopped process."""
    report = site.report(f"the GIL held for {seconds:g} s, 2 processes")
    moment = soon(2)
    last = moment + timedelta(seconds=round(seconds) + 6)
    once = {"start": moment.isoformat(), "end": moment.isoformat()}
    planned = [
        Planned(id="holder", body="holder", args={"seconds": seconds}, **once),
        *(Planned(id=f"tick-{number}", end=last.isoformat(), policies=COUNTING) for number in range(10)),
    ]
    with Fleet(site.folder) as fleet:
        for _ in range(2):
            fleet.start(site.blueprint(schedules=planned, settings={"lease": LEASE}))
        await up_before(site, moment, 2)
        await over(site, last, patience=60)
        await site.until_live(2)
        report.require(len(fleet.nodes()) == 2, "a process died")
        await fleet.stop()
        recorded, lines = await site.tables.all(), site.ledger()
        expected = expected_fires([one for one in recorded.schedules if one.id != "holder"], last)
        report.add(compare_fires({**expected, "holder": [moment]}, recorded.runs).problems())
        report.add(check_drained(recorded))
        report.add(check_bodies(recorded, lines))
        late = lateness(recorded, moment)
        report.spread("recorded after its time", late)
        report.require(max(late) <= LATE + slack, f"a fire was recorded {max(late):.2f} s late")
        starts = [line for line in lines if line.schedule == "holder" and line.phase == START]
        waited = (starts[-1].at - starts[0].at).total_seconds()
        report.figure("its run was begun again elsewhere after [s]", waited)
        report.require(len(starts) == 2 and starts[0].pid != starts[1].pid, f"the run was begun {len(starts)} times")
        report.require(waited <= TAKEOVER + slack, f"the run was taken over only after {waited:.2f} s")
        accepted = [line for line in lines if line.schedule == "holder" and line.phase == ACCEPTED]
        zombies = [line for line in accepted if line.pid == starts[0].pid]
        report.figure("reports accepted of whom held it", len(zombies))
        report.require(not zombies, "the report of the node that held its GIL was accepted")
        complaints(report, site, fleet, ALLOWED)
    return report


async def forked(site: Site, *, seconds: float = 20, every: float = 4.0, slack: float = 0.0) -> Report:
    """Bodies fork children that have all of their node's connections; nodes are killed while their children live on."""
    report = site.report(f"bodies that fork, nodes killed for {seconds:g} s")
    moment = soon(3)
    last = moment + timedelta(seconds=round(seconds))
    bodies = ("forker", "forker_sync", "quick", "quick", "long")
    planned = [
        Planned(
            id=f"{body}-{number}",
            body=body,
            seconds=1.0,
            args={} if body == "quick" else {"seconds": 2 * LEASE if body.startswith("fork") else 1.2},
            end=last.isoformat(),
            policies={**COUNTING, "lost_limit": 1000},
        )
        for number, body in enumerate(bodies * 2)
    ]
    blueprint = site.blueprint(schedules=planned, settings={"lease": LEASE}, far=True)
    kills: Kills = {}
    with Fleet(site.folder) as fleet:
        groups = [fleet.start(blueprint) for _ in range(3)]
        await site.until_live(3)
        while datetime.now(UTC) < last:
            await asyncio.sleep(every)
            victim = site.random.choice(groups)
            kills[victim.pid] = datetime.now(UTC)
            kill(victim.pid)
            groups[groups.index(victim)] = replaced = fleet.start(blueprint)
            await replaced.serving()
        await over(site, last, patience=90)
        await asyncio.gather(*(group.stop() for group in groups))
        recorded, lines = await site.tables.all(), site.ledger()
        report.figure("kills", len(kills))
        report.add(compare_fires(expected_fires(recorded.schedules, last), recorded.runs).problems())
        report.add(check_drained(recorded))
        report.add(check_bodies(recorded, lines))
        forks = sum(line.phase == START and line.schedule.startswith("fork") and line.attempt == 1 for line in lines)
        report.figure("forks", forks)
        parents = {line.pid for line in lines}
        strangers = parents - {group.pid for group in fleet.groups}
        report.require(not strangers, f"{len(strangers)} forked children ran bodies of their own")
        tell_takeovers(report, takeovers(recorded, lines, kills), TAKEOVER + slack)
        children = [one.pid for group in fleet.groups for one in group.members()]
        await until(lambda: not any(map(is_alive, children)), "the children have ended", 4 * LEASE)
        complaints(report, site, fleet)
    return report


if __name__ == "__main__":
    run_script([held, forked])
