"""A node that stands still for three leases and then goes on: others ran its runs, and nobody listens to it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from .blueprint import Planned
from .checkers import check_bodies, check_drained, compare_fires
from .expected import expected_fires
from .fleet import Fleet, frozen, kill, until
from .ledger import ACCEPTED, END, START, Line
from .recorded import Recorded
from .report import Report
from .site import Site, run_script
from .storm import COUNTING, complaints, over, soon, up_before

LEASE, POLL = 3.0, 1.0
FROZEN = 3 * LEASE
# What a thawed node has to say, and what the server says to whom it has ended in the meantime.
ALLOWED = (r"LeaseLost", r"lost its lease")


@dataclass(frozen=True)
class Thaw:
    """What is known of the frozen node at the end."""

    pid: int
    stopped_at: datetime
    thawed_at: datetime


async def in_body(site: Site, *, seconds: float = FROZEN) -> Report:
    """Frozen while bodies run on it, async and sync."""
    report = site.report(f"frozen for {seconds:g} s in a body")
    moment = soon(2)
    planned = [
        Planned(id=f"body-{number}", body=body, args={"seconds": 2}, start=moment.isoformat(), end=moment.isoformat())
        for number, body in enumerate(("long", "long_sync") * 3)
    ]
    last = moment + timedelta(seconds=seconds + 4)
    tick = Planned(id="tick", end=last.isoformat(), policies=COUNTING)
    blueprint = site.blueprint(schedules=[*planned, tick], settings={"lease": LEASE, "poll": POLL})
    with Fleet(site.folder) as fleet:
        for _ in range(2):
            fleet.start(blueprint)
        await up_before(site, moment, 2)
        await until(lambda: len(_started(site.ledger(), "body-")) == len(planned), "all bodies have begun")
        held = _started(site.ledger(), "body-")
        victim = next(line.pid for line in held if line.schedule == "body-1")
        thaw = await freeze(victim, seconds)
        await over_after(site, fleet, last)
        await tell(site, report, fleet, thaw, moment, last)
        tell_zombies(report, site.ledger(), [line for line in held if line.pid == victim], thaw)
    return report


async def in_statement(
    site: Site, *, statement: str, seconds: float = FROZEN, unsynced: bool = False, jitter: float = 0.0
) -> Report:
    """Frozen right after the answer to a statement: what it has locked or taken is still its own then.

    ``unsynced``: in the middle of asking the next thing. The server then waits for the rest of the question, and none
    of the timers that it has for an idle transaction runs.
    """
    report = site.report(f"frozen for {seconds:g} s after {statement}")
    moment = soon(2)
    last = moment + timedelta(seconds=seconds + 4)
    policies = {**COUNTING, "jitter": jitter} if jitter else COUNTING
    planned = [Planned(id=f"tick-{number}", end=last.isoformat(), policies=policies) for number in range(5)]
    blueprint = site.blueprint(
        schedules=planned, settings={"lease": LEASE, "poll": POLL}, freeze_after=statement, freeze_unsynced=unsynced
    )
    with Fleet(site.folder) as fleet:
        for _ in range(2):
            fleet.start(blueprint)
        await up_before(site, moment, 2)
        blueprint.freeze_file.touch()
        await until(lambda: list(site.ledger_folder.glob("frozen-*")), f"a node has come to {statement}")
        (told,) = site.ledger_folder.glob("frozen-*")
        thaw = await freeze(int(told.name.partition("-")[2]), seconds)
        await over_after(site, fleet, last)
        await tell(site, report, fleet, thaw, moment, last)
    return report


async def in_fire(site: Site, *, seconds: float = FROZEN) -> Report:
    """Between the lock and the commit of a fire."""
    return await in_statement(site, statement="firing.lock", seconds=seconds)


async def in_claim(site: Site, *, seconds: float = FROZEN) -> Report:
    """With the answer of a claim in hand. What starts later than it fires is not taken with the fire but claimed."""
    return await in_statement(site, statement="claiming.claim", seconds=seconds, jitter=0.05)


async def in_settle(site: Site, *, seconds: float = FROZEN) -> Report:
    """With a settlement written and not yet heard of."""
    return await in_statement(site, statement="settling.succeed", seconds=seconds)


async def in_insert(site: Site, *, seconds: float = FROZEN) -> Report:
    """Between the insert of runs, which moves the cursor, and the commit."""
    return await in_statement(site, statement="firing.record", seconds=seconds)


async def in_question(site: Site, *, seconds: float = FROZEN) -> Report:
    """With schedules locked, in the middle of sending the next statement."""
    return await in_statement(site, statement="firing.lock", seconds=seconds, unsynced=True)


async def freeze(pid: int, seconds: float) -> Thaw:
    """Stop a process for a while."""
    stopped_at = datetime.now(UTC)
    kill(pid, signal.SIGSTOP)
    await frozen(pid)
    await asyncio.sleep(seconds)
    thaw = Thaw(pid, stopped_at, datetime.now(UTC))
    kill(pid, signal.SIGCONT)
    return thaw


async def over_after(site: Site, fleet: Fleet, last: datetime) -> None:
    """Wait until everything is done and the thawed node is live again, then end it all."""
    await over(site, last, patience=60)
    await site.until_live(2)
    await fleet.stop()


async def tell(site: Site, report: Report, fleet: Fleet, thaw: Thaw, moment: datetime, last: datetime) -> None:
    """What must be so wherever the node was frozen."""
    recorded, lines = await site.tables.all(), site.ledger()
    ticking = [schedule for schedule in recorded.schedules if schedule.id.startswith("tick")]
    expected = expected_fires(ticking, last)
    expected |= {one.id: [moment] for one in recorded.schedules if one not in ticking}
    comparison = compare_fires(expected, recorded.runs)
    report.figure("fires expected, recorded", f"{comparison.expected}, {comparison.recorded}")
    report.add(comparison.problems())
    report.add(check_drained(recorded))
    report.add(check_bodies(recorded, lines))
    late = max(
        (run.created_at - run.fire_at).total_seconds()
        for run in recorded.runs
        if run.fire_at is not None and thaw.stopped_at - timedelta(seconds=1) <= run.fire_at <= thaw.thawed_at
    )
    report.figure("latest record while it was frozen [s]", late)
    report.require(late < FROZEN / 2, f"a fire was recorded {late:.1f} s late: the frozen node kept its lock")
    tell_takeover(report, recorded, lines, thaw)
    tell_ids(report, recorded, thaw)
    complaints(report, site, fleet, ALLOWED)


def tell_takeover(report: Report, recorded: Recorded, lines: Sequence[Line], thaw: Thaw) -> None:
    """What the frozen node held was started by another one within the promised time."""
    lost = [one for one in recorded.attempts if one.outcome == "lost" and recorded.pid_of(one.node_id) == thaw.pid]
    report.figure("runs taken over", len(lost))
    for one in lost:
        again = [line for line in lines if (line.phase, line.run) == (START, one.run_id) and line.attempt > one.attempt]
        if not again:
            report.require(False, f"run {one.run_id} was lost and not started again")
            continue
        seconds = (again[0].at - thaw.stopped_at).total_seconds()
        report.require(seconds <= LEASE + POLL + 1, f"taken over only after {seconds:.2f} s")
        report.require(again[0].pid != thaw.pid, "the frozen node itself took its run over")
    starts = [line.at for line in lines if line.phase == START and line.attempt > 1]
    if starts:
        report.figure("last takeover after the freeze [s]", (max(starts) - thaw.stopped_at).total_seconds())


def tell_ids(report: Report, recorded: Recorded, thaw: Thaw) -> None:
    """It came back under a new id."""
    own = sorted((node for node in recorded.nodes if node.pid == thaw.pid), key=lambda node: node.started_at)
    report.figure("ids of the frozen node", [f"{node.id[:8]} {node.state}" for node in own])
    report.require(len(own) == 2, f"the frozen node has {len(own)} ids instead of 2")
    report.require(bool(own) and own[0].state == "dead", "its first id was not declared dead")


def tell_zombies(report: Report, lines: Sequence[Line], held: Sequence[Line], thaw: Thaw) -> None:
    """What the frozen bodies still reported was refused."""
    report.figure("bodies frozen", len(held))
    for start in held:
        own = [line for line in lines if line.run == start.run]
        ended = [line for line in own if line.attempt == start.attempt and line.phase == END]
        accepted = [line.attempt for line in own if line.phase == ACCEPTED]
        report.require(accepted == [start.attempt + 1], f"{start.schedule}: accepted were the attempts {accepted}")
        report.require(all(line.at > thaw.thawed_at for line in ended), f"{start.schedule} ended while frozen")
    zombies = [
        line for line in lines if line.phase == END and line.pid == thaw.pid and line.run in {one.run for one in held}
    ]
    report.figure("zombie bodies that came to their end and were refused", len(zombies))
    report.require(bool(zombies), "no frozen body came to its end after the thaw: nothing was there to be refused")


def _started(lines: Sequence[Line], prefix: str) -> list[Line]:
    return [line for line in lines if line.phase == START and line.schedule.startswith(prefix)]


if __name__ == "__main__":
    run_script([in_body], only_postgres=[in_fire, in_insert, in_question, in_claim, in_settle])
