"""A node is told to end while a body runs on it and a slow request is open: the body goes on elsewhere, at once."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import httpx

from .blueprint import Planned
from .checkers import check_bodies, check_drained, compare_fires
from .expected import expected_fires
from .fleet import Fleet, Group, kill, until
from .ledger import ACCEPTED, START, Line
from .processes import is_alive
from .recorded import Recorded
from .report import Report
from .site import Site, run_script
from .storm import COUNTING, complaints, over, soon, up_before

LEASE, POLL = 3.0, 1.0


async def scenario(site: Site, *, seconds: float = 6, drain: float = 2) -> Report:
    """SIGTERM to one of two workers. ``seconds`` is how long the request takes; the body takes longer."""
    report = site.report(f"SIGTERM of a worker, drain {drain:g} s, a request of {seconds:g} s open")
    moment = soon(2)
    body = Planned(
        id="body",
        body="long",
        args={"seconds": seconds + 4},
        start=moment.isoformat(),
        end=moment.isoformat(),
        policies={"retry": 1},
    )
    last = moment + timedelta(seconds=2 * seconds + 4)
    tick = Planned(id="tick", end=last.isoformat(), policies=COUNTING)
    settings = {"lease": LEASE, "poll": POLL, "drain": drain}
    with Fleet(site.folder) as fleet:
        group = fleet.start(site.blueprint(schedules=[body, tick], settings=settings), workers=2)
        await up_before(site, moment, 2)
        await until(lambda: _starts(site.ledger()), "the body has begun")
        victim = _starts(site.ledger())[0].pid
        request = asyncio.create_task(slow_request(group, victim, seconds))
        await asyncio.sleep(0.5)
        told_at = datetime.now(UTC)
        kill(victim, signal.SIGTERM)
        await until(lambda: not is_alive(victim), "the worker has ended")
        ended_at = datetime.now(UTC)
        await over(site, last, patience=60)
        answered = await request
        await fleet.stop()
        recorded, lines = await site.tables.all(), site.ledger()
        ticking = [schedule for schedule in recorded.schedules if schedule.id == "tick"]
        comparison = compare_fires({**expected_fires(ticking, last), "body": [moment]}, recorded.runs)
        report.add(comparison.problems() + check_drained(recorded) + check_bodies(recorded, lines))
        report.figure("the request was answered with", answered)
        report.require(answered == "200", f"the open request was not served to its end: {answered}")
        tell_hand_back(report, recorded, lines, told_at, ended_at)
        complaints(report, site, fleet)
    return report


def tell_hand_back(
    report: Report, recorded: Recorded, lines: list[Line], told_at: datetime, ended_at: datetime
) -> None:
    """The body was handed back and begun elsewhere, and this cost it nothing."""
    (run,) = (run for run in recorded.runs if run.schedule_id == "body")
    attempts = [(one.attempt, one.outcome) for one in recorded.attempts if one.run_id == run.id]
    report.figure("earlier attempts of the body", attempts)
    report.require(attempts == [(1, "handed_back")], f"the body's attempts are {attempts}")
    report.require((run.failures, run.losses) == (0, 0), f"{run.failures} failures, {run.losses} losses were counted")
    starts = _starts(lines)
    report.figure("ended after the signal [s]", (ended_at - told_at).total_seconds())
    if len(starts) != 2:
        report.require(False, f"the body was started {len(starts)} times")
        return
    report.figure("started elsewhere after the signal [s]", (starts[1].at - told_at).total_seconds())
    report.figure("started elsewhere after the exit [s]", (starts[1].at - ended_at).total_seconds())
    report.require(starts[1].pid != starts[0].pid, "it was started again on the same node")
    within = (starts[1].at - ended_at).total_seconds()
    report.require(within <= POLL + 1, f"it was started elsewhere only {within:.2f} s after the exit")
    accepted = [line.attempt for line in lines if (line.phase, line.schedule) == (ACCEPTED, "body")]
    report.require(accepted == [2], f"accepted were the attempts {accepted}")


async def again(site: Site, *, seconds: float = 60, number: int = signal.SIGTERM, request: bool = True) -> Report:
    """A second signal ends a node at once, whatever still runs: here bodies and a request of so many seconds."""
    report = site.report(f"two {signal.Signals(number).name}, a request {'open' if request else 'not open'}")
    moment = soon(2)
    bodies = [
        Planned(id=f"body-{body}", body=body, args={"seconds": seconds}, start=moment.isoformat())
        for body in ("long", "long_sync")
    ]
    settings = {"lease": LEASE, "poll": POLL, "drain": seconds}
    with Fleet(site.folder) as fleet:
        group = fleet.start(site.blueprint(schedules=bodies, settings=settings))
        await up_before(site, moment, 1)
        await until(lambda: len(_starts(site.ledger())) == 2, "the bodies have begun")
        opened = asyncio.create_task(slow_request(group, group.pid, seconds)) if request else None
        await asyncio.sleep(0.5)
        kill(group.pid, number)
        await asyncio.sleep(1.5)
        report.require(is_alive(group.pid), "the first signal did not wait for the bodies")
        told_at = datetime.now(UTC)
        kill(group.pid, number)
        with suppress(TimeoutError):
            await group.ended(patience=10)
        took = (datetime.now(UTC) - told_at).total_seconds()
        report.figure("ended after the second signal [s]", took)
        report.require(group.exit_code is not None, f"it did not end within {took:.0f} s of the second signal")
        if opened is not None:
            report.figure("the request ended with", await opened)
        recorded = await site.tables.all()
        states = sorted(run.state for run in recorded.runs if run.attempt > 0)
        outcomes = sorted(one.outcome for one in recorded.attempts)
        report.figure("states of the runs, outcomes of their attempts", f"{states}, {outcomes}")
        report.require(outcomes == ["handed_back"] * 2, "the runs were not handed back")
        report.require(not await site.tables.live_nodes(), "the node still counts as live")
    return report


async def again_by_ctrl_c(site: Site, *, seconds: float = 60) -> Report:
    """The same by SIGINT, as Ctrl-C in a terminal sends it."""
    return await again(site, seconds=seconds, number=signal.SIGINT)


async def again_without_request(site: Site, *, seconds: float = 60) -> Report:
    """The same while only bodies hold it up."""
    return await again(site, seconds=seconds, request=False)


async def slow_request(group: Group, pid: int, seconds: float) -> str:
    """Open a slow request to one process of several and answer how it ended: its status, or its error."""
    async with httpx.AsyncClient(timeout=seconds + 30) as client:
        for _ in range(500):
            try:
                params = {"pid": str(pid), "seconds": str(seconds)}
                answer = await client.get(f"{group.url}/slow", params=params, headers={"Connection": "close"})
            except httpx.TransportError as error:
                return type(error).__name__
            if answer.status_code != 409:
                return str(answer.status_code)
    raise RuntimeError(f"no request came to process {pid}")


def _starts(lines: list[Line]) -> list[Line]:
    return [line for line in lines if line.phase == START and line.schedule.startswith("body")]


if __name__ == "__main__":
    run_script([scenario, again, again_by_ctrl_c, again_without_request])
