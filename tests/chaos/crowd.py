"""Two thousand schedules that are due in one and the same second, with jitter and without."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

from .blueprint import Planned
from .checkers import check_bodies, check_drained, compare_fires, lateness, start_lateness
from .fleet import Fleet
from .report import Report
from .site import Site, run_script
from .storm import complaints, over, soon, up_before

NODES = 2
SPREAD = 0.4
"""The largest share of all starts that a single second may have where jitter spreads them over ten."""


async def scenario(site: Site, *, schedules: int = 2000, jitter: float | None = None, within: float = 20.0) -> Report:
    """All of them once; without jitter the last body must have begun ``within`` so many seconds."""
    spread = f"a jitter of {jitter:g} s" if jitter else "no jitter"
    report = site.report(f"{schedules} schedules due at once, {spread}, {NODES} processes")
    moment = soon(NODES) + timedelta(seconds=8 + schedules / 200)
    once = {"start": moment.isoformat(), "end": moment.isoformat()}
    policies = {"overlap": "allow", **({"jitter": jitter} if jitter else {})}
    planned = [
        Planned(id=f"crowd-{number:04}", body=body, policies=policies, **once)
        for number, body in zip(range(schedules), ("quick", "quick", "quick_sync") * schedules, strict=False)
    ]
    with Fleet(site.folder) as fleet:
        for _ in range(NODES):
            fleet.start(site.blueprint(schedules=planned))
        await asyncio.gather(*(group.serving() for group in fleet.groups))
        await up_before(site, moment, NODES)
        await over(site, moment, patience=within + 120)
        await fleet.stop()
        recorded, lines = await site.tables.all(), site.ledger()
        comparison = compare_fires({one.id: [moment] for one in planned}, recorded.runs)
        report.figure("fires expected, recorded", f"{comparison.expected}, {comparison.recorded}")
        early = moment - timedelta(seconds=1)
        report.spread("recorded after its time", lateness(recorded, early))
        started = start_lateness(lines, early)
        report.spread("started after its time", started)
        report.require(min(started) >= 0, f"a body began {-min(started):.3f} s before its time")
        limit = within + (jitter or 0.0)
        report.require(max(started) <= limit, f"the last body began only {max(started):.1f} s after its time")
        fullest = Counter(int(late) for late in started).most_common(1)[0]
        report.figure("starts in the fullest second", f"{fullest[1]} in the one after {fullest[0]} s")
        if jitter:
            report.require(fullest[1] <= SPREAD * schedules, f"{fullest[1]} began within one second in spite of jitter")
        report.add(comparison.problems())
        report.add(check_drained(recorded))
        report.add(check_bodies(recorded, lines, undisturbed=True))
        complaints(report, site, fleet)
    return report


async def with_jitter(site: Site, *, schedules: int = 2000, jitter: float = 10.0) -> Report:
    """Spread over so many seconds."""
    return await scenario(site, schedules=schedules, jitter=jitter)


if __name__ == "__main__":
    run_script([scenario, with_jitter])
