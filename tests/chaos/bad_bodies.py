"""Bodies that crash, never end, flood or do not listen, beside good ones: these notice nothing of it."""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from .blueprint import Planned
from .checkers import check_bodies, check_drained, compare_fires, lateness, start_lateness
from .expected import expected_fires, whole
from .fleet import Fleet
from .recorded import Recorded, RecordedRun
from .report import Report
from .site import Site, run_script
from .storm import COUNTING, complaints, over

POLL = 1.0
IMPORT = 10.0
"""Seconds for an import: a busy machine needs some for a good one."""
GROWTH = 40.0
"""Megabytes by which a node may be larger in the last third of the time than in the middle one."""

SETTINGS = {"poll": POLL, "processes": 4, "process_start": IMPORT}
NODES = 2

REASONS: Mapping[str, tuple[str, str]] = {
    "bad_abort": ("failed", "SIGABRT"),
    "bad_endless": ("timed_out", "its process was killed"),
    "bad_flood": ("failed", "its result cannot be kept"),
    "bad_import": ("failed", "to import chaos.slow"),
    "bad_endless_thread": ("timed_out", "goes on unheeded"),
    "bad_flood_thread": ("failed", "its result cannot be kept"),
    "bad_swallow": ("timed_out", "goes on unheeded"),
}
"""How each of the bad ones has to end, and what its run says of it."""


async def scenario(site: Site, *, seconds: float = 300, good: int = 20, slack: float = 1.0) -> Report:
    """Every good fire runs within a poll and ``slack`` seconds; every bad run ends with its reason; memory is flat."""
    report = site.report(f"bad bodies for {seconds:g} s beside {good} good schedules, {NODES} nodes")
    until = whole(datetime.now(UTC)) + timedelta(seconds=round(seconds + 5))
    schedules = [*planned_good(good, until), *planned_bad(seconds, until)]
    with Fleet(site.folder) as fleet:
        blueprint = site.blueprint(schedules=schedules, settings=SETTINGS, bad=True)
        for _ in range(NODES):
            fleet.start(blueprint)
        await site.until_live(NODES)
        settled = datetime.now(UTC) + timedelta(seconds=2)
        sizes: dict[int, list[float]] = defaultdict(list)
        sampling = asyncio.ensure_future(sample(fleet, sizes))
        try:
            await over(site, until, patience=seconds + 60)
        finally:
            sampling.cancel()
        await fleet.stop()
        recorded, lines = await site.tables.all(), site.ledger()
        tell_good(report, only(recorded, bad=False), until)
        report.add(check_bodies(only(recorded, bad=False), lines, undisturbed=True))
        late = start_lateness(lines, settled)
        report.spread("good fires recorded after their time", lateness(only(recorded, bad=False), settled))
        report.spread("good fires started after their time", late)
        report.require(max(late) <= POLL + slack, f"a good fire started {max(late):.2f} s late")
        tell_bad(report, [run for run in recorded.runs if is_bad(run)])
        tell_sizes(report, sizes)
        left = bodies_left(site.ledger_folder)
        report.figure("processes left behind", len(left))
        report.require(not left, f"processes outlive their nodes: {left}")
        complaints(report, site, fleet, ["bad_", "^[^:]*: Traceback: "])
    return report


def planned_good(count: int, until: datetime) -> list[Planned]:
    """Every second, async and sync ones, each fire with a run of its own."""
    bodies = ("quick", "quick", "quick_sync")
    return [
        Planned(id=f"good-{number:02}", body=bodies[number % 3], end=until.isoformat(), policies=COUNTING)
        for number in range(count)
    ]


def planned_bad(seconds: float, until: datetime) -> list[Planned]:
    """Every few seconds, one at a time; threads that never end more seldom, since they stay as long as the node."""
    every = dict.fromkeys(REASONS, 4.0) | {"bad_endless_thread": max(4.0, seconds / 7)}
    # None of them begins so late that it would still have to be waited for long after the others.
    last = until - timedelta(seconds=1)
    return [Planned(id=body, body=body, seconds=period, end=last.isoformat()) for body, period in every.items()]


def is_bad(run: RecordedRun) -> bool:
    return run.schedule_id in REASONS


def only(recorded: Recorded, *, bad: bool) -> Recorded:
    """The good ones, or the bad ones."""
    return replace(
        recorded,
        runs=[run for run in recorded.runs if is_bad(run) == bad],
        schedules=[schedule for schedule in recorded.schedules if (schedule.id in REASONS) == bad],
    )


def tell_good(report: Report, recorded: Recorded, until: datetime) -> None:
    """No good fire is missing, doubled or failed."""
    comparison = compare_fires(expected_fires(recorded.schedules, until), recorded.runs)
    report.figure(
        "good fires expected, recorded, run", f"{comparison.expected}, {comparison.recorded}, {comparison.ran}"
    )
    report.add(comparison.problems())
    report.add(check_drained(recorded))


def tell_bad(report: Report, runs: Sequence[RecordedRun]) -> None:
    """Every bad run is final and says why."""
    for body, (outcome, reason) in REASONS.items():
        own = [run for run in runs if run.schedule_id == body and run.state != "skipped"]
        wrong = [run for run in own if not run.final or run.outcome != outcome or reason not in str(run.error)]
        skipped = sum(run.covers_count or 1 for run in runs if run.schedule_id == body and run.state == "skipped")
        report.figure(body, f"{len(own)} runs {outcome} ({reason}), {skipped} fires skipped")
        report.require(bool(own), f"{body} has never run")
        report.require(
            not wrong, f"{len(wrong)} runs of {body} ended otherwise: {[str(run.error)[:120] for run in wrong[:3]]}"
        )


async def sample(fleet: Fleet, sizes: dict[int, list[float]]) -> None:
    """Note how much memory each node has, every second."""
    while True:
        for pid in fleet.nodes():
            size = resident(pid)
            if size is not None:
                sizes[pid].append(size)
        await asyncio.sleep(1)


def tell_sizes(report: Report, sizes: Mapping[int, Sequence[float]]) -> None:
    """No node grows: its last third against the third before."""
    for number, own in enumerate(sizes.values(), 1):
        third = max(1, len(own) // 3)
        middle, last = typical(own[third : 2 * third] or own), typical(own[2 * third :] or own)
        report.figure(f"memory of node {number} [MB]", f"{own[0]:.0f} → {middle:.0f} → {last:.0f}, most {max(own):.0f}")
        report.require(last - middle <= GROWTH, f"node {number} grew by {last - middle:.0f} MB")


def typical(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]


def resident(pid: int) -> float | None:
    """Megabytes that a process has in memory; None when it is gone."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def bodies_left(ledger: Path) -> list[int]:
    """Processes of this scenario that are still there: they all have its ledger in their environment."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if str(ledger).encode() in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


if __name__ == "__main__":
    run_script([scenario])
