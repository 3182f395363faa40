"""Nodes at work while something is hard on them: what they do, say and answer before, during and after it."""

from __future__ import annotations

import asyncio
import re
import signal
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx

from .blueprint import Blueprint, Planned
from .checkers import check_bodies, compare_fires
from .expected import expected_fires
from .fleet import Fleet, Group
from .outage import used
from .recorded import Recorded, RecordedRun
from .report import Report
from .site import Site
from .storm import COUNTING

LEASE, DRAIN = 3.0, 1.0
BACK_WITHIN = 5.0
EXIT_WITHIN = DRAIN + 2.0
SETTINGS = {"lease": LEASE, "drain": DRAIN}
# Of one core and process, while nothing can be done: what a loop that spins takes many times over.
MOST_CPU = 0.25
# A second for each process is far more than is useful; a loop that repeats itself writes hundreds.
MOST_LINES = 1.0
# An ok is a lie when nothing has been recorded for this long although something was due in each second.
SILENCE = LEASE + 2.0
# Between the end of the hardship and the end of everything: what is behind comes in.
AFTER = 6.0

BODIES = ("quick", "quick_sync", "long", "quick")

_RECORD = re.compile(r"^(?:\d{4}-\d\d-\d\d |[A-Z]+: )", re.MULTILINE)

ALLOWED = (
    r"LeaseLost",
    r"lost its lease",
    r"unexpected connection_lost",
    r"did not end when cancelled",
    r"does not end although it was cancelled",
)
"""What nodes have to say that are kept from renewing."""


@dataclass(frozen=True)
class Sample:
    """One answer to the question how a process is."""

    at: datetime
    name: str
    status: str
    took: float
    reasons: tuple[str, ...] = ()


@dataclass
class Course:
    """When it was hard, and what was seen meanwhile."""

    began_at: datetime
    ended_at: datetime | None = None
    stopped_at: datetime | None = None
    samples: list[Sample] = field(default_factory=list)
    pids: dict[str, int] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    cpu: dict[int, float] = field(default_factory=dict)
    exit: float | None = None
    exit_code: int | None = None
    came_up: bool | None = None

    @property
    def seconds(self) -> float:
        assert self.ended_at is not None
        return (self.ended_at - self.began_at).total_seconds()


@dataclass(frozen=True, kw_only=True)
class Endurance:
    """How a hardship is gone through.

    ``newcomer``  a process starts while it is hard. ``leaver``  one is told to end while it is hard. ``fires``  the
    hardship leaves no excuse for a fire that is recorded later than so many seconds. ``lines``  what a process may
    log beside a line a second. ``allowed``  what it may say.
    """

    seconds: float = 20
    nodes: int = 3
    schedules: int = 12
    newcomer: bool = True
    leaver: bool = True
    fires: float | None = None
    lines: int = 20
    allowed: Sequence[str] = ALLOWED


def planned(schedules: int) -> list[Planned]:
    """So many schedules, each of every second, without an end."""
    return [
        Planned(
            id=f"tick-{number:02}",
            body=BODIES[number % len(BODIES)],
            args={"seconds": 1.2} if BODIES[number % len(BODIES)] == "long" else {},
            policies={**COUNTING, "lost_limit": 1000},
        )
        for number in range(schedules)
    ]


async def endured(
    site: Site,
    report: Report,
    hardship: Callable[[], AbstractAsyncContextManager[object]],
    how: Endurance,
    blueprint: Blueprint | None = None,
    start: Callable[[Fleet, Blueprint], Group] = Fleet.start,
) -> tuple[Recorded, Course]:
    """Let nodes work through it, and put into the report what it did to them. Answers what was recorded and seen.

    ``start``  starts one node. The first of them is the one that is told to end.
    """
    if blueprint is None:
        blueprint = site.blueprint(schedules=planned(how.schedules), settings=SETTINGS)
    with Fleet(site.folder) as fleet:
        for _ in range(how.nodes):
            start(fleet, blueprint)
        await site.until_live(how.nodes)
        await asyncio.sleep(2)
        async with hardship():
            course = Course(datetime.now(UTC))
            await _through(course, fleet, lambda: start(fleet, blueprint), how)
        course.ended_at = datetime.now(UTC)
        await returned(site, course)
        await asyncio.sleep(AFTER)
        await caught_up(site)
        report.figure("caught up after, at the latest [s]", (datetime.now(UTC) - course.ended_at).total_seconds())
        await well_again(report, [group for group in fleet.groups if group.exit_code is None])
        course.stopped_at = datetime.now(UTC)
        await fleet.stop()
        recorded = await site.tables.all()
        tell(report, site, recorded, course, how)
        found = fleet.complaints(how.allowed)
        report.require(not found, f"{len(found)} unexpected lines in the logs: " + " | ".join(found[:5]))
    return recorded, course


async def _through(course: Course, fleet: Fleet, start: Callable[[], Group], how: Endurance) -> None:
    """The time in which it is hard."""
    before = {group.name: _lines(group) for group in fleet.groups}
    cpu, measured_at = used(fleet.nodes()), datetime.now(UTC)
    old = list(fleet.groups)
    course.pids = {group.name: group.pid for group in old}
    newcomer = start() if how.newcomer else None
    # A request that is under way holds up the end of a process, which is the application's affair: who shall end is
    # not asked.
    asking = asyncio.create_task(_asked_again_and_again(course, old[1:] if how.leaver else old))
    try:
        await asyncio.sleep(how.seconds * 0.6)
        if how.leaver:
            await _told_to_end(course, old[0])
        await asyncio.sleep(max(0.0, how.seconds - (datetime.now(UTC) - course.began_at).total_seconds()))
    finally:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    if newcomer is not None:
        course.came_up = await _serves(newcomer)
    passed = (datetime.now(UTC) - measured_at).total_seconds()
    course.cpu = {pid: (now - cpu[pid]) / passed for pid, now in used(fleet.nodes()).items() if pid in cpu}
    course.lines = {group.name: _lines(group) - before[group.name] for group in old}


async def _told_to_end(course: Course, group: Group) -> None:
    """SIGTERM, and how long it takes."""
    begun = asyncio.get_running_loop().time()
    try:
        course.exit_code = await group.stop(patience=30)
        course.exit = asyncio.get_running_loop().time() - begun
    except TimeoutError:
        course.exit = float("inf")


async def _serves(group: Group) -> bool:
    """Whether a process that was started while it was hard answers requests."""
    try:
        await group.serving(patience=30)
    except RuntimeError:
        return False
    return True


async def _asked_again_and_again(course: Course, groups: Sequence[Group]) -> None:
    """Ask every process twice a second how it is."""
    async with httpx.AsyncClient(timeout=20) as client:
        while True:
            alive = [group for group in groups if group.exit_code is None]
            course.samples += [
                found for found in await asyncio.gather(*(_asked(client, one) for one in alive)) if found
            ]
            await asyncio.sleep(0.5)


async def _asked(client: httpx.AsyncClient, group: Group) -> Sample | None:
    """One answer; None from a process that is just about to end."""
    loop = asyncio.get_running_loop()
    begun, at = loop.time(), datetime.now(UTC)
    try:
        said = (await client.get(f"{group.url}/hourbell/health")).json()
    except (httpx.TransportError, ValueError):
        return None
    return Sample(at, group.name, said["status"], loop.time() - begun, tuple(said["reasons"]))


async def returned(site: Site, course: Course) -> None:
    """Wait until something has been recorded that began after the hardship."""
    assert course.ended_at is not None
    instant = course.ended_at.isoformat()

    async def fired() -> int:
        return await site.tables.count(RecordedRun, f"created_at > '{instant}' AND fire_at > '{instant}'")

    await site.until(fired, "a fire is recorded after the hardship", patience=60)


async def caught_up(site: Site) -> None:
    """Wait until nothing is open that was due more than a lease ago: after a long time there is much to do."""

    async def clear() -> bool:
        young = (datetime.now(UTC) - timedelta(seconds=LEASE)).isoformat()
        return not await site.tables.count(RecordedRun, f"finished_at IS NULL AND fire_at < '{young}'")

    await site.until(clear, "what was due while it was hard is done", patience=120)


async def well_again(report: Report, groups: Sequence[Group]) -> None:
    """Every process says that all is well at the end."""
    async with httpx.AsyncClient(timeout=20) as client:
        for one in await asyncio.gather(*(_asked(client, group) for group in groups)):
            if one is None or one.status != "ok":
                report.require(False, f"a process does not say that all is well at the end: {one}")


def tell(report: Report, site: Site, recorded: Recorded, course: Course, how: Endurance) -> None:
    """What must be so after every hardship."""
    comparison = compare_fires(expected_fires(recorded.schedules), recorded.runs)
    report.figure("hard for [s]", course.seconds)
    report.figure("fires expected", comparison.expected)
    report.figure("fires recorded", f"{comparison.recorded} = {comparison.ran} runs + {comparison.covered} skipped")
    report.add(comparison.problems())
    report.add(check_open(recorded, course))
    report.add(check_bodies(recorded, site.ledger()))
    report.figure("attempts that did not end their run", dict(Counter(one.outcome for one in recorded.attempts)))
    report.figure("node ids", len(recorded.nodes))
    tell_lateness(report, recorded, course, how)
    tell_return(report, recorded, course)
    tell_health(report, recorded, course)
    tell_processes(report, course, how)


def tell_processes(report: Report, course: Course, how: Endurance) -> None:
    """What the processes took and said, and that they end and start as they should."""
    most = MOST_LINES * course.seconds + how.lines
    report.figure("log lines per process while it was hard", " ".join(map(str, course.lines.values())))
    for name, lines in course.lines.items():
        report.require(lines <= most, f"{name} wrote {lines} lines in {course.seconds:.0f} s")
    report.figure("of a core per process while it was hard", " ".join(f"{one:.3f}" for one in course.cpu.values()))
    for pid, share in course.cpu.items():
        report.require(share < MOST_CPU, f"process {pid} took {share:.2f} of a core while it was hard")
    if how.leaver:
        assert course.exit is not None
        report.figure("ended after SIGTERM while it was hard [s]", course.exit)
        report.require(course.exit <= EXIT_WITHIN, f"ended only {course.exit:.2f} s after SIGTERM")
        report.require(course.exit_code in (0, -signal.SIGTERM), f"exit code {course.exit_code} after SIGTERM")
    if how.newcomer:
        report.figure("a process started while it was hard", "serves" if course.came_up else "does not serve")
        report.require(bool(course.came_up), "a process that was started while it was hard does not serve")


def check_open(recorded: Recorded, course: Course) -> list[str]:
    """What is not final at the end must be queued and young: the schedules have no end, so something always is."""
    assert course.stopped_at is not None
    young = course.stopped_at - timedelta(seconds=LEASE)
    old = [
        f"{run.id} ({run.state})"
        for run in recorded.runs
        if not run.final and (run.state == "running" or (run.fire_at is not None and run.fire_at < young))
    ]
    failed = [run.id for run in recorded.runs if run.state in ("failed", "cancelled")]
    behind = [
        schedule.id for schedule in recorded.schedules if schedule.last_fire_at is None or schedule.last_fire_at < young
    ]
    found = {"runs are left open": old, "runs failed": failed, "schedules are behind": behind}
    return [f"{len(which)} {what}: {', '.join(which[:5])}" for what, which in found.items() if which]


def tell_lateness(report: Report, recorded: Recorded, course: Course, how: Endurance) -> None:
    """How late fires were that became due while it was hard."""
    assert course.ended_at is not None
    late = [
        (run.created_at - run.fire_at).total_seconds()
        for run in recorded.runs
        if run.fire_at is not None and run.state != "skipped" and course.began_at < run.fire_at < course.ended_at
    ]
    report.spread("recorded after its time, while it was hard", late)
    if how.fires is not None:
        report.require(bool(late) and max(late) <= how.fires, f"a fire was recorded {max(late, default=0):.1f} s late")


def tell_return(report: Report, recorded: Recorded, course: Course) -> None:
    """How soon it fired again."""
    ended_at = course.ended_at
    assert ended_at is not None
    after = [run.created_at for run in recorded.runs if run.created_at > ended_at and run.state != "skipped"]
    seconds = (min(after) - ended_at).total_seconds() if after else float("inf")
    report.figure("fired after the end of it [s]", seconds)
    report.require(seconds <= BACK_WITHIN, f"fired only {seconds:.2f} s after the end of it")


def tell_health(report: Report, recorded: Recorded, course: Course) -> None:
    """Nobody says that all is well while nothing is recorded although something is due in every second."""
    made = sorted(run.created_at for run in recorded.runs)
    lies = [
        one
        for one in course.samples
        if one.status == "ok" and not any(one.at - timedelta(seconds=SILENCE) < at <= one.at for at in made)
    ]
    report.figure("health while it was hard", dict(Counter(one.status for one in course.samples)))
    slowest = max((one.took for one in course.samples), default=0.0)
    report.figure("slowest answer about health [s]", slowest)
    report.require(bool(course.samples) or course.seconds < SILENCE, "nobody answered how it is")
    report.require(slowest < 5, f"an answer about health took {slowest:.1f} s")
    report.require(not lies, f"{len(lies)} times a process said ok while nothing was recorded, first {lies[:1]}")


def _lines(group: Group) -> int:
    """How many things a log tells; a stack belongs to what it is told for."""
    return len(_RECORD.findall(group.log()))
