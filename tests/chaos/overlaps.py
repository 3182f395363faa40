"""Bodies longer than their interval, under every overlap policy, while processes are killed: taking turns holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from .blueprint import Planned
from .checkers import check_bodies, compare_fires
from .expected import expected_fires
from .fleet import Fleet
from .kill_storm import Kills, killing
from .ledger import START, Line
from .limits import most_at_once
from .recorded import Recorded, RecordedRun
from .report import Report
from .site import Site, run_script
from .storm import complaints, over, soon

LEASE, PROCESSES = 3.0, 4
BODY = 1.6
"""Seconds: longer than the interval, so that every fire finds another unfinished."""

POLICIES: Mapping[str, Mapping[str, Any]] = {
    "skip": {"overlap": "skip"},
    "skip, two": {"overlap": "skip", "max_running": 2},
    "buffer one": {"overlap": "buffer_one"},
    "buffer all": {"overlap": "buffer_all"},
    "buffer all, two": {"overlap": "buffer_all", "max_running": 2},
    "cancel other": {"overlap": "cancel_other"},
}

_OF_EACH = 3


async def scenario(site: Site, *, seconds: float = 60, every: float = 2.0) -> Report:
    """Kills one process every so many seconds; judges by what the bodies themselves wrote down."""
    report = site.report(f"overlap under kills, {len(POLICIES) * _OF_EACH} schedules, {PROCESSES} processes")
    until = soon(PROCESSES) + timedelta(seconds=round(seconds))
    planned = {f"{name} {number}": policies for name, policies in POLICIES.items() for number in range(_OF_EACH)}
    schedules = [
        Planned(
            id=schedule_id,
            body="long",
            args={"seconds": BODY},
            end=until.isoformat(),
            # By chance a run may lose its node five times within a minute; that is not what is asked here.
            policies={"catch_up": "all", "lost_limit": 1000, **policies},
        )
        for schedule_id, policies in planned.items()
    ]
    blueprint = site.blueprint(schedules=schedules, settings={"lease": LEASE, "catch_up_rate": 0})
    groups = 2 if site.kind == "PostgreSQL" else 1
    with Fleet(site.folder) as fleet:
        for _ in range(groups):
            fleet.start(blueprint, workers=PROCESSES // groups)
        await site.until_live(PROCESSES)
        kills = await killing(site, fleet, until, every)
        # What is buffered runs one after the other: about twice as long as it took to come together.
        await over(site, until, patience=4 * seconds + 90)
        await fleet.stop()
        recorded, lines = await site.tables.all(), site.ledger()
        report.figure("kills", len(kills))
        report.figure("attempts lost with their node", sum(one.outcome == "lost" for one in recorded.attempts))
        comparison = compare_fires(expected_fires(recorded.schedules, until), recorded.runs)
        report.figure("fires", f"{comparison.expected} = {comparison.ran} runs + {comparison.covered} skipped")
        report.add(comparison.problems())
        report.add(check_bodies(recorded, lines))
        for schedule_id, policies in planned.items():
            _judge(report, schedule_id, policies, recorded, lines, kills)
        for name, policies in POLICIES.items():
            overlapped = any(run.reason == "overlap" and (run.schedule_id or "")[:-2] == name for run in recorded.runs)
            if policies["overlap"] != "buffer_all" and "max_running" not in policies:
                report.require(overlapped, f"{name}: nothing ever overlapped, so nothing was seen")
        complaints(report, site, fleet)
    return report


def _judge(
    report: Report,
    schedule_id: str,
    policies: Mapping[str, Any],
    recorded: Recorded,
    lines: Sequence[Line],
    kills: Kills,
) -> None:
    """What one schedule's policy promises, by the bodies' own ledger."""
    own = [line for line in lines if line.schedule == schedule_id]
    runs = [run for run in recorded.runs if run.schedule_id == schedule_id]
    ran = [run for run in runs if run.state == "succeeded"]
    most = policies.get("max_running", 1)
    at_once = most_at_once(own, kills)
    told = f"at once {at_once} of {most}, {len(ran)} runs succeeded, {len(runs) - len(ran)} rows did not"
    report.figure(schedule_id, told)
    report.require(bool(ran), f"{schedule_id}: no run succeeded")
    report.require(at_once <= most, f"{schedule_id}: {at_once} bodies ran at once, {most} may")
    if policies["overlap"] == "buffer_all":
        report.require(ran == runs, f"{schedule_id}: {len(runs) - len(ran)} of {len(runs)} fires did not succeed")
    if policies["overlap"].startswith("buffer") and most == 1:
        started = _first_starts(own)
        report.require(started == sorted(started), f"{schedule_id}: buffered fires started out of their order")
    wrong = [run for run in runs if run.state in ("failed", "cancelled") and run.reason != "overlap"]
    report.require(not wrong, f"{schedule_id}: {len(wrong)} runs failed: {_some(wrong)}")


def _first_starts(lines: Sequence[Line]) -> list[datetime]:
    """The fires in the order in which their bodies first started."""
    first: dict[str, datetime] = {}
    for line in lines:
        if line.phase == START and line.fire_at is not None:
            first.setdefault(line.run, line.fire_at)
    return list(first.values())


def _some(runs: Sequence[RecordedRun]) -> str:
    return ", ".join(f"{run.id} ({run.state}, {run.reason})" for run in runs[:3])


if __name__ == "__main__":
    run_script([scenario])
