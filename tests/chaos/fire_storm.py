"""Many schedules due in the same second and then every second, under many processes: each fire once, none missing."""

from __future__ import annotations

from .fleet import Fleet
from .report import Report
from .site import Site, run_script
from .storm import BODIES, COUNTING, Weather, begun, brewed, complaints, over, told

# Longer than the second between two fires: under overlap="skip" every other one is skipped.
OVERLAPPING = (*BODIES, ("long", {"seconds": 1.3}))


async def scenario(
    site: Site, *, seconds: float = 30, schedules: int = 200, workers: int = 4, counting: bool = True
) -> Report:
    """Two command lines of uvicorn on PostgreSQL, one on SQLite. Without ``counting``: under the default policies."""
    groups = 2 if site.kind == "PostgreSQL" else 1
    if counting:
        weather = Weather(seconds, groups, workers, schedules, COUNTING, lease=15)
    else:
        weather = Weather(seconds, groups, workers, schedules, {}, lease=15, bodies=OVERLAPPING)
    policies = "counting policies" if counting else "default policies"
    report = site.report(f"fire storm, {schedules} schedules, {weather.processes} processes, {policies}")
    blueprint, until = brewed(site, weather)
    with Fleet(site.folder) as fleet:
        settled = await begun(site, fleet, weather, blueprint)
        await over(site, until, patience=seconds + 60)
        await fleet.stop()
        await told(site, report, until, settled, schedules=schedules, undisturbed=True)
        complaints(report, site, fleet)
        report.require(not await site.tables.live_nodes(), "nodes are live after all processes have stopped")
    return report


async def counted(site: Site, *, seconds: float = 30) -> Report:
    """Under the counting policies: each fire has its run."""
    return await scenario(site, seconds=seconds)


async def by_default(site: Site, *, seconds: float = 30) -> Report:
    """Under the default policies: runs and what skipped rows cover."""
    return await scenario(site, seconds=seconds, counting=False)


if __name__ == "__main__":
    run_script([counted, by_default])
