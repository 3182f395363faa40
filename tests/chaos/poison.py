"""A body that kills its own node, each time: it is convicted alone, and takes nobody along for good."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from .blueprint import Planned
from .checkers import check_bodies, check_drained, compare_fires
from .expected import expected_fires
from .fleet import Fleet
from .report import Report
from .site import Site, run_script
from .storm import COUNTING, complaints, over, soon, up_before

LEASE, LIMIT = 3.0, 5
INNOCENT = 8


async def scenario(site: Site, *, seconds: float = 30, workers: int = 3) -> Report:
    """Several uvicorn workers; their parent starts another for each that dies."""
    report = site.report(f"a body that kills its node, beside {INNOCENT} long ones, {workers} processes")
    moment = soon(workers)
    last = moment + timedelta(seconds=seconds)
    once = {"start": moment.isoformat(), "end": moment.isoformat()}
    planned = [Planned(id="poison", body="suicide", args={"seconds": 0.3}, **once)]
    planned += [Planned(id=f"long-{n}", body="long", args={"seconds": 1.0}, **once) for n in range(INNOCENT)]
    planned.append(Planned(id="tick", end=last.isoformat(), policies=COUNTING))
    blueprint = site.blueprint(schedules=planned, settings={"lease": LEASE})
    with Fleet(site.folder) as fleet:
        fleet.start(blueprint, workers=workers)
        await up_before(site, moment, workers)
        await over(site, last, patience=120)
        await asyncio.sleep(1)  # the uvicorn parent may still be starting a worker
        await fleet.stop()
        recorded, lines = await site.tables.all(), site.ledger()
        expected = expected_fires([one for one in recorded.schedules if one.id == "tick"], last)
        expected |= {one.id: [moment] for one in recorded.schedules if one.id != "tick"}
        report.add(compare_fires(expected, recorded.runs).problems())
        (poison,) = [run for run in recorded.runs if run.schedule_id == "poison"]
        report.figure("the run that kills", f"{poison.state} after {poison.losses} losses: {poison.error}")
        report.require(poison.state == "failed", f"the run that kills its nodes ended as {poison.state}")
        report.require(poison.losses == LIMIT, f"it was lost {poison.losses} times")
        report.require(poison.error == f"lost with its node {LIMIT} times", f"it says {poison.error!r}")
        others = [run for run in recorded.runs if run.schedule_id != "poison"]
        hurt = [run for run in others if run.state != "succeeded"]
        report.figure("losses of the others, at most", max(run.losses for run in others))
        report.require(not hurt, f"{len(hurt)} other runs did not succeed: {[run.error for run in hurt[:3]]}")
        spared = replace(recorded, runs=others)
        report.add(check_drained(spared))
        report.add(check_bodies(spared, [line for line in lines if line.run != poison.id]))
        complaints(report, site, fleet)
    return report


if __name__ == "__main__":
    run_script([scenario])
