"""Many schedules that fire every second until a known end, in several command lines: what the storms share."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from .blueprint import Blueprint, Planned
from .checkers import check_bodies, check_drained, compare_fires, lateness, start_lateness
from .expected import expected_fires, whole
from .fleet import Fleet
from .recorded import RecordedRun, RecordedSchedule, Tables
from .report import Report
from .site import Site

COUNTING: Mapping[str, Any] = {"catch_up": "all", "overlap": "allow"}
"""Policies under which every fire gets a run of its own."""

Body = tuple[str, Mapping[str, Any]]

BODIES: Sequence[Body] = (("quick", {}), ("quick", {}), ("quick", {}), ("quick_sync", {}))
"""What the schedules run in turn: name and arguments."""

# What the start of one process may take on a small machine that has nothing else to do.
_START = 1.0
# How many processes for each of its cores a machine may be busy with before a start takes longer, and how much longer.
_AT_EASE, _LONGEST = 2.0, 4.0


@dataclass(frozen=True)
class Weather:
    """How heavy a storm is."""

    seconds: float
    groups: int
    workers: int
    schedules: int
    policies: Mapping[str, Any]
    lease: float
    bodies: Sequence[Body] = BODIES

    @property
    def processes(self) -> int:
        return self.groups * self.workers


def brewed(site: Site, weather: Weather) -> tuple[Blueprint, datetime]:
    """The application, and the last second in which its schedules fire."""
    until = whole(datetime.now(UTC)) + timedelta(seconds=round(_starting(weather.processes) + weather.seconds))
    schedules = every_second(weather.schedules, weather.bodies, until, weather.policies)
    return site.blueprint(schedules=schedules, settings={"lease": weather.lease}), until


def every_second(number: int, bodies: Sequence[Body], until: datetime, policies: Mapping[str, Any]) -> list[Planned]:
    """So many schedules, each of every second until then, which run these bodies in turn."""
    end = until.isoformat()
    turns = itertools.islice(itertools.cycle(bodies), number)
    return [
        Planned(id=f"storm-{place:03}", body=body, args=args, end=end, policies=policies)
        for place, (body, args) in enumerate(turns)
    ]


async def begun(site: Site, fleet: Fleet, weather: Weather, blueprint: Blueprint) -> datetime:
    """Start everything, wait until every process is a node, and answer when that was so."""
    for _ in range(weather.groups):
        fleet.start(blueprint, workers=weather.workers)
    await site.until_live(weather.processes)
    return datetime.now(UTC)


def soon(processes: int) -> datetime:
    """A whole second by which so many processes should be up."""
    return whole(datetime.now(UTC)) + timedelta(seconds=round(_starting(processes) + 3))


def _starting(processes: int) -> float:
    """Seconds that so many processes may take to start, before the seconds that count begin."""
    busy = os.getloadavg()[0] / (os.cpu_count() or 1)
    return _START * processes * min(_LONGEST, max(1.0, busy / _AT_EASE))


async def up_before(site: Site, moment: datetime, nodes: int) -> None:
    """Wait until so many nodes are live. Raises TimeoutError when that is after what they are needed for."""
    await site.until_live(nodes)
    if datetime.now(UTC) >= moment:
        raise TimeoutError(f"{nodes} nodes came up after {moment}: nothing can be told")


async def over(site: Site, until: datetime, patience: float) -> None:
    """Wait until every schedule has fired for the last time and every run is final."""
    await over_at(site.tables, site, until, patience)


async def over_at(tables: Tables, site: Site, until: datetime, patience: float) -> None:
    """The same of other tables than the site's."""

    async def done() -> bool:
        if datetime.now(UTC) <= until or await tables.count(RecordedSchedule, "state <> 'finished'"):
            return False
        return not await tables.count(RecordedRun, "state IN ('queued', 'running')")

    await site.until(done, "every fire is recorded and every run is final", patience)


async def told(
    site: Site, report: Report, until: datetime, settled: datetime, *, schedules: int, undisturbed: bool
) -> None:
    """Compare everything and put it into the report. ``settled``: from when on lateness is told."""
    recorded, lines = await site.tables.all(), site.ledger()
    comparison = compare_fires(expected_fires(recorded.schedules, until), recorded.runs)
    report.require(len(recorded.schedules) == schedules, f"{len(recorded.schedules)} schedules instead of {schedules}")
    report.figure("fires expected", comparison.expected)
    report.figure("fires recorded", f"{comparison.recorded} = {comparison.ran} runs + {comparison.covered} skipped")
    report.figure("duplicates", len(comparison.duplicates))
    report.figure("missing", len(comparison.missing))
    report.spread("recorded after its time", lateness(recorded, settled))
    report.spread("started after its time", start_lateness(lines, settled))
    report.add(comparison.problems())
    report.add(check_drained(recorded))
    report.add(check_bodies(recorded, lines, undisturbed=undisturbed))


def complaints(report: Report, site: Site, fleet: Fleet, allowed: Sequence[str] = ()) -> None:
    """What the processes and the server said that they should not have to say."""
    found = fleet.complaints(allowed)
    report.require(not found, f"{len(found)} unexpected lines in the logs: " + " | ".join(found[:5]))
    if site.server is not None:
        deadlocks = site.server.log().count("deadlock detected")
        report.require(not deadlocks, f"{deadlocks} deadlocks in the log of the server")
