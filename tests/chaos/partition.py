"""Nodes whose network fails, each in a network namespace of its own: cut off, half cut off, slow, losing packets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from hourbell import Scheduler
from hourbell.model.ids import new_run_id
from hourbell.model.run import NewRun
from hourbell.model.run_state import Origin

from .blueprint import Blueprint
from .fleet import until
from .hardship import BACK_WITHIN, DRAIN, LEASE, Course, Endurance, endured, planned
from .ledger import END, START, Line
from .namespaces import Network, network
from .packets import FROM_NODE, TO_NODE
from .recorded import Recorded
from .report import Report
from .site import Site, run_script

POLL = 1.0
LONG, PATIENT = 2.5 * LEASE, 6.0
LEAVER, VICTIM = "uvicorn-1", "uvicorn-2"
"""Both are cut off; one is told to end meanwhile, the other one comes back."""
BODY = LEASE + 2.0
"""How long bodies last that are under way when their node is cut off: they end after others have taken them over."""
_BODIES = 12


async def cut_off(site: Site, *, seconds: float = LONG, closed: Sequence[str] = (TO_NODE, FROM_NODE)) -> Report:
    """Two of three nodes are cut off for longer than a lease, while bodies run on them, and one of them comes back."""
    report = site.report(f"two of three nodes cut off for {seconds:g} s, nothing passes {' and '.join(closed)}")
    async with network(site) as net:
        cut_at: list[datetime] = []

        @asynccontextmanager
        async def cut() -> AsyncIterator[None]:
            await _bodies_everywhere(site, net)
            cut_at.append(datetime.now(UTC))
            for line in net.lines[:2]:
                line.closed = frozenset(closed)
            try:
                yield
            finally:
                for line in net.lines:
                    line.closed = frozenset()

        # So few at once that no node can do everything alone: who comes back has to work.
        settings = {"lease": LEASE, "drain": DRAIN, "poll": POLL, "max_runs": 5}
        blueprint = site.blueprint(schedules=planned(12), settings=settings)
        how = Endurance(seconds=seconds, fires=LEASE, nodes=3, lines=20 + 4 * _BODIES)
        recorded, course = await endured(site, report, cut, how, blueprint, net.start)
        tell_packets(report, net)
        tell_victim(report, recorded, site.ledger(), course, cut_at[0])
    return report


async def deaf(site: Site, *, seconds: float = LONG) -> Report:
    """What they send arrives, and no answer does; no connection is ended, since nobody is told."""
    return await cut_off(site, seconds=seconds, closed=(TO_NODE,))


async def mute(site: Site, *, seconds: float = LONG) -> Report:
    """What is sent to them arrives, and nothing that they say does."""
    return await cut_off(site, seconds=seconds, closed=(FROM_NODE,))


async def hiccup(site: Site, *, seconds: float = PATIENT / 3) -> Report:
    """All nodes are cut off for less than a lease: nothing is taken over, nobody needs a new name."""
    report = site.report(f"all nodes cut off for {seconds:g} s under a lease of {PATIENT:g} s")
    async with network(site) as net:

        @asynccontextmanager
        async def cut() -> AsyncIterator[None]:
            for line in net.lines:
                line.closed = frozenset((TO_NODE, FROM_NODE))
            try:
                yield
            finally:
                for line in net.lines:
                    line.closed = frozenset()

        how = Endurance(seconds=seconds, newcomer=False, leaver=False)
        recorded, _ = await endured(site, report, cut, how, _patient(site), net.start)
        tell_packets(report, net)
        lost = [one for one in recorded.attempts if one.outcome == "lost"]
        report.require(not lost, f"{len(lost)} attempts were lost although no lease ended")
        report.require(len(recorded.nodes) == 3, f"{len(recorded.nodes)} node ids instead of 3")
    return report


async def slow(site: Site, *, seconds: float = 20, delay: float = 0.1) -> Report:
    """Each packet takes a tenth of a second in each direction: a question and its answer take 200 ms."""
    report = site.report(f"a line with {2 * delay * 1000:g} ms there and back for {seconds:g} s")
    return await _weather(site, report, seconds, delay=delay)


async def lossy(site: Site, *, seconds: float = 20, loss: float = 0.08) -> Report:
    """Some of all packets are lost, in each direction."""
    return await _weather(site, site.report(f"{loss:.0%} of all packets lost for {seconds:g} s"), seconds, loss=loss)


async def _weather(site: Site, report: Report, seconds: float, *, delay: float = 0.0, loss: float = 0.0) -> Report:
    """Every line is so for a while; a process that starts meanwhile gets such a line too."""
    async with network(site) as net:

        @asynccontextmanager
        async def bad() -> AsyncIterator[None]:
            net.defaults = {"delay": delay, "loss": loss}
            for line in net.lines:
                line.delay, line.loss = delay, loss
            try:
                yield
            finally:
                for line in net.lines:
                    line.delay, line.loss = 0.0, 0.0

        how = Endurance(seconds=seconds, fires=PATIENT)
        await endured(site, report, bad, how, _patient(site), net.start)
        tell_packets(report, net)
    return report


def _patient(site: Site) -> Blueprint:
    """An application whose nodes give a statement two seconds."""
    return site.blueprint(schedules=planned(12), settings={"lease": PATIENT, "drain": DRAIN, "poll": POLL})


async def _bodies_everywhere(site: Site, net: Network) -> None:
    """Have threads at work on every node when it is cut off: nobody can stop them from outside."""
    async with Scheduler(site.url) as scheduler:
        store = scheduler._core.store
        wanted = [
            NewRun(
                id=new_run_id(datetime.now(UTC)),
                task="long_sync",
                origin=Origin.ENQUEUE,
                args={"seconds": BODY},
                lost_limit=1000,
            )
            for _ in range(_BODIES)
        ]
        for run in wanted:
            await store.enqueue([run])
            await store.hint()
            await asyncio.sleep(0.1)
        mine = {run.id for run in wanted}
        await until(
            lambda: len([line for line in site.ledger() if line.phase == START and line.run in mine]) == len(mine),
            "all bodies have begun",
            patience=20,
        )


def tell_packets(report: Report, net: Network) -> None:
    """What went over the lines."""
    passed, dropped = sum(line.passed for line in net.lines), sum(line.dropped for line in net.lines)
    report.figure("packets passed, dropped", f"{passed}, {dropped}")


def tell_victim(report: Report, recorded: Recorded, lines: Sequence[Line], course: Course, cut_at: datetime) -> None:
    """What it held was taken over, what it still reported was refused, it knew that it was away, and it came back."""
    pid = course.pids[VICTIM]
    away = {node.id for node in recorded.nodes if node.pid in (pid, course.pids[LEAVER])}
    lost = [one for one in recorded.attempts if one.outcome == "lost" and one.node_id in away]
    report.figure("attempts of theirs that were taken over", len(lost))
    report.require(bool(lost), "nothing was taken over: nothing was there to be refused")
    again = {(one.run_id, one.attempt): _started_again(lines, one.run_id, one.attempt) for one in lost}
    never = [run_id for (run_id, _), at in again.items() if at is None]
    report.require(not never, f"{len(never)} lost runs were not started again")
    delays = [(one.finished_at - cut_at).total_seconds() for one in lost]
    report.spread("taken over after the cut", delays)
    report.require(max(delays, default=0) <= LEASE + POLL + 1, f"taken over only after {max(delays, default=0):.1f} s")
    zombies = [line for line in lines if line.phase == END and (line.run, line.attempt) in again]
    report.figure("zombie bodies that came to their end and were refused", len(zombies))
    report.require(any(line.pid == pid for line in zombies), "no body of the lost node came to its end")
    own = [node for node in recorded.nodes if node.pid == pid]
    report.figure("ids of the node that came back", len(own))
    report.require(len(own) == 2, f"it has {len(own)} ids instead of 2")
    assert course.ended_at is not None
    back = [(line.at - course.ended_at).total_seconds() for line in lines if line.pid == pid and line.phase == START]
    after = min((one for one in back if one > 0), default=float("inf"))
    report.figure("it began its next run after its return [s]", after)
    report.require(after <= BACK_WITHIN, f"it began its next run only {after:.1f} s after its return")
    late = cut_at + timedelta(seconds=LEASE + 1)
    lies = [one for one in course.samples if one.name == VICTIM and one.at > late and one.status == "ok"]
    report.require(not lies, f"{len(lies)} times a node said ok that had been cut off for a lease")


def _started_again(lines: Sequence[Line], run: str, attempt: int) -> datetime | None:
    starts = [line.at for line in lines if (line.phase, line.run) == (START, run) and line.attempt > attempt]
    return min(starts, default=None)


if __name__ == "__main__":
    run_script([], only_postgres=[cut_off, deaf, mute, hiccup, slow, lossy])
