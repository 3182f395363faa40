"""What bodies write while processes are killed with kill -9: exactly one row a fire through the effect, exactly one a
key through once, never fewer than one a fire without either, and each row too many stands for an attempt that the
history shows as lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import asyncpg

from .checkers import compare_fires
from .expected import expected_fires
from .fleet import Fleet
from .kill_storm import killing
from .recorded import Recorded
from .report import Report
from .site import Site, run_script
from .storm import COUNTING, Weather, begun, brewed, complaints, over
from .writers import TABLE

LEASE = 3.0
# A run may be met by many kills; none is to be given up for that here.
TASKS = ("effect", "once", "plain")
# A body that is cancelled while its own pool closes a connection is told of by SQLAlchemy; and a holder that was kept
# from renewing its lease of a key is told by ours, whose next try finds the work done.
ALLOWED = (
    r"unexpected connection_lost",
    r"sqlalchemy\.pool",
    r"Traceback: asyncio\.exceptions\.CancelledError",
    r"of once failed.*LeaseLost",
)
POLICIES = {**COUNTING, "lost_limit": 1000}


async def scenario(
    site: Site, *, seconds: float = 120, schedules: int = 42, workers: int = 4, every: float = 1.0, pause: float = 0.2
) -> Report:
    """A third of the schedules write through their effect, a third once for a key that two of them share, a third by
    themselves. On PostgreSQL."""
    bodies = tuple((body, {"pause": pause}) for body in TASKS)
    weather = Weather(seconds, 1, workers, schedules, POLICIES, LEASE, bodies)
    report = site.report(f"effects under kills, {schedules} schedules, {weather.processes} processes")
    await _on(site, TABLE)
    blueprint, until = brewed(site, weather)
    with Fleet(site.folder) as fleet:
        await begun(site, fleet, weather, blueprint.having(writers=True))
        kills = await killing(site, fleet, until, every)
        await over(site, until, patience=seconds + 120)
        await fleet.stop()
        recorded = await site.tables.all()
        report.figure("kills", len(kills))
        comparison = compare_fires(expected_fires(recorded.schedules, until), recorded.runs)
        report.add(comparison.problems())
        rows = await _on(site, "SELECT run, attempt, task FROM written")
        tell(report, recorded, rows)
        # What asyncpg says when an attempt to connect is given up because the machine is too slow.
        complaints(report, site, fleet, allowed=ALLOWED)
    return report


def tell(report: Report, recorded: Recorded, rows: Sequence[Mapping[str, object]]) -> None:
    """Compare what was written with what was recorded."""
    tasks = {schedule.id: TASKS[int(schedule.id[-3:]) % 3] for schedule in recorded.schedules}
    lost = {(one.run_id, one.attempt) for one in recorded.attempts if one.outcome == "lost"}
    report.figure("attempts lost", len(lost))
    report.require(bool(lost), "no kill met a running body: nothing was seen")
    _tell_once(report, recorded, rows, tasks)
    for task in ("effect", "plain"):
        fires = [run for run in recorded.runs if run.schedule_id is not None and tasks[run.schedule_id] == task]
        written = Counter(str(row["run"]) for row in rows if row["task"] == task)
        doubled = {run: count for run, count in written.items() if count > 1}
        report.figure(f"{task}: fires", len(fires))
        report.figure(f"{task}: rows", written.total())
        report.figure(f"{task}: fires with more than one row", len(doubled))
        report.require(all(run.state == "succeeded" for run in fires), f"{task}: a run has not succeeded")
        without = [run.id for run in fires if run.id not in written]
        report.require(not without, f"{task}: {len(without)} fires without a row: {without[:3]}")
        if task == "effect":
            report.require(written.total() == len(fires), f"effect: {written.total()} rows for {len(fires)} fires")
    ends = {run.id: run.attempt for run in recorded.runs}
    unexplained = [
        row
        for row in rows
        if row["task"] == "plain"
        and row["attempt"] != ends[str(row["run"])]
        and (str(row["run"]), row["attempt"]) not in lost
    ]
    report.require(not unexplained, f"plain: {len(unexplained)} rows of attempts that were not lost: {unexplained[:3]}")


def _tell_once(
    report: Report, recorded: Recorded, rows: Sequence[Mapping[str, object]], tasks: Mapping[str, str]
) -> None:
    """One row a key, whatever was killed, and whichever of the two schedules came first."""
    fires = [run for run in recorded.runs if run.schedule_id is not None and tasks[run.schedule_id] == "once"]
    keys = {
        f"{int(run.schedule_id[-3:]) // 6} {run.fire_at.isoformat()}"
        for run in fires
        if run.schedule_id is not None and run.fire_at is not None
    }
    written = Counter(str(row["run"]) for row in rows if row["task"] == "once")
    report.figure("once: fires", len(fires))
    report.figure("once: keys", len(keys))
    report.figure("once: rows", written.total())
    report.require(all(run.state == "succeeded" for run in fires), "once: a run has not succeeded")
    missing = sorted(keys - written.keys())
    report.require(not missing, f"once: {len(missing)} keys without a row: {missing[:3]}")
    doubled = [key for key, count in written.items() if count > 1]
    report.require(not doubled, f"once: {len(doubled)} keys with more than one row: {doubled[:3]}")
    report.require(not written.keys() - keys, "once: rows of keys for which nothing fired")


async def _on(site: Site, query: str) -> list[dict[str, object]]:
    connection = await asyncpg.connect(site.url)
    try:
        return [dict(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()


if __name__ == "__main__":
    run_script([], only_postgres=[scenario])
