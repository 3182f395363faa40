"""PgBouncer in transaction mode between nodes and PostgreSQL: nothing is lost, and everybody is told that they poll."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx

from hourbell import Scheduler
from hourbell.model.ids import new_run_id
from hourbell.model.run import NewRun
from hourbell.model.run_state import Origin

from .blueprint import Blueprint
from .bouncer import Bouncer, bouncing
from .fleet import Fleet, kill, until
from .hardship import ALLOWED, LEASE, SETTINGS, Endurance, endured, planned
from .havoc import MIXED
from .ledger import START
from .report import Report
from .site import Site, run_script
from .storm import COUNTING, complaints, every_second, over, soon, told

NODES, SCHEDULES = 3, 20
POLLED_WITHIN = 3.0
"""Seconds from a request to its start where nobody is told of it: a poll of 1 s, and a busy machine."""
PROOF = 2.5
"""Seconds after which it is clear whether hints arrive."""
TOLD = "hints do not arrive"


async def kills(site: Site, *, seconds: float = 30, every: float = 3) -> Report:
    """Processes are killed again and again while the pooler lends out few connections."""
    report = site.report(f"behind PgBouncer in transaction mode, a kill every {every:g} s for {seconds:g} s")
    killed: list[int] = []
    async with bouncing(site, {"default_pool_size": "5"}) as bouncer:
        last = soon(NODES) + timedelta(seconds=round(seconds))
        ticking = every_second(SCHEDULES, MIXED, last, {**COUNTING, "lost_limit": 1000})
        blueprint = behind(site, bouncer).having(schedules=ticking)
        with Fleet(site.folder) as fleet:
            for _ in range(NODES):
                fleet.start(blueprint)
            await site.until_live(NODES)
            task = asyncio.create_task(_killing(site, fleet, blueprint, every, killed))
            await asyncio.sleep((last - datetime.now(UTC)).total_seconds())
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await over(site, last, patience=60)
            await fleet.stop()
            report.figure("kills", len(killed))
            report.figure("connections that the pooler made", bouncer.log().count("new connection to server"))
            await told(site, report, last, last - timedelta(seconds=seconds), schedules=SCHEDULES, undisturbed=False)
            complaints(report, site, fleet, ALLOWED)
    return report


async def commands(site: Site, *, seconds: float = 30) -> Report:
    """Its connections are as short-lived as can be, and its console says RECONNECT, KILL, RESUME, PAUSE in turn."""
    report = site.report(f"PgBouncer told RECONNECT, KILL, PAUSE and RESUME for {seconds:g} s")
    done: Counter[str] = Counter()
    settings = {"server_lifetime": "1", "server_idle_timeout": "1", "default_pool_size": "5"}
    async with bouncing(site, settings) as bouncer:
        database = site.url.rpartition("/")[2]

        async def telling() -> None:
            while True:
                turns = (
                    ("RECONNECT", 0.5),
                    (f"KILL {database}", site.random.uniform(0.1, 1.0)),
                    (f"RESUME {database}", 2.0),
                    (f"PAUSE {database}", site.random.uniform(0.1, LEASE / 2)),
                    (f"RESUME {database}", 2.0),
                )
                for command, rest in turns:
                    await bouncer.tell(command)
                    done[command.split()[0]] += 1
                    await asyncio.sleep(rest)

        @asynccontextmanager
        async def told_so() -> AsyncIterator[None]:
            task = asyncio.create_task(telling())
            try:
                yield
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                for command in ("RESUME", "ENABLE"):
                    await bouncer.tell(f"{command} {database}")

        await endured(site, report, told_so, Endurance(seconds=seconds), behind(site, bouncer))
        report.figure("commands", dict(done))
    return report


async def paused(site: Site, *, seconds: float = 2.5 * LEASE) -> Report:
    """The pooler lets every question wait, for longer than a lease, as before the server behind it is exchanged."""
    report = site.report(f"PgBouncer paused for {seconds:g} s")
    database = site.url.rpartition("/")[2]
    async with bouncing(site) as bouncer:

        @asynccontextmanager
        async def pause() -> AsyncIterator[None]:
            await asyncio.wait_for(bouncer.tell(f"PAUSE {database}"), 10)
            try:
                yield
            finally:
                await bouncer.tell(f"RESUME {database}")

        await endured(site, report, pause, Endurance(seconds=seconds), behind(site, bouncer))
    return report


async def says(site: Site, *, seconds: float = 6) -> Report:
    """What log, health and doctor say of it, with and without an address that passes by it, and without the setting."""
    report = site.report("what is said behind PgBouncer in transaction mode")
    async with bouncing(site) as bouncer:
        await _polling(site, report, bouncer, seconds)
        await _direct(site, report, bouncer, seconds)
        found = await _diagnosed(bouncer.url, pooler=False)
        report.figure("doctor without HOURBELL_POOLER", found)
        report.require("pooler" in found, f"doctor does not name the pooler: {found}")
    return report


async def _polling(site: Site, report: Report, bouncer: Bouncer, seconds: float) -> None:
    """Without an address that passes by the pooler."""
    with Fleet(site.folder) as fleet:
        waits = await _waits(site, fleet, behind(site, bouncer), seconds)
        report.spread("request to start, no direct address", waits)
        report.require(max(waits) <= POLLED_WITHIN, f"a request waited {max(waits):.1f} s")
        hints = await _hints(fleet)
        report.require(hints == [False], f"health says of hints that cannot arrive: {hints}")
        said = sum(group.log().count(TOLD) for group in fleet.groups)
        report.figure("times that the log says that it polls", said)
        report.require(said == 1, f"the log says {said} times instead of once that it polls")
        report.add(fleet.complaints())
    found = await _diagnosed(bouncer.url, pooler=True)
    report.figure("doctor finds", found)
    report.require("hints" in found, f"doctor does not say that nodes poll: {found}")


async def _direct(site: Site, report: Report, bouncer: Bouncer, seconds: float) -> None:
    """With one; and polls so seldom that only hints can explain a quick start."""
    blueprint = behind(site, bouncer)
    settings = {**blueprint.settings, "direct_url": site.url, "poll": 3 * POLLED_WITHIN}
    folder = site.folder / "direct"
    folder.mkdir()
    with Fleet(folder) as fleet:
        waits = await _waits(site, fleet, blueprint.having(settings=settings), seconds)
        report.spread("request to start, with a direct address", waits)
        report.require(max(waits) <= POLLED_WITHIN, f"a request waited {max(waits):.1f} s although hints arrive")
        hints = await _hints(fleet)
        report.require(hints == [True], f"health says of hints that arrive: {hints}")
        said = sum(group.log().count(TOLD) for group in fleet.groups)
        report.require(said == 0, f"the log says {said} times that hints do not arrive although they do")
        report.add(fleet.complaints())


async def _waits(site: Site, fleet: Fleet, blueprint: Blueprint, seconds: float) -> list[float]:
    """One node, and somebody else who asks for runs: how long each of them waited for its start."""
    fleet.start(blueprint)
    await site.until_live(1)
    await asyncio.sleep(PROOF)
    asked: dict[str, datetime] = {}
    async with Scheduler(blueprint.database, pooler=True) as scheduler:
        store, begun = scheduler._core.store, datetime.now(UTC)
        while (datetime.now(UTC) - begun).total_seconds() < seconds:
            run = NewRun(id=new_run_id(datetime.now(UTC)), task="quick", origin=Origin.ENQUEUE, args={})
            await store.enqueue([run])
            asked[run.id] = datetime.now(UTC)
            await store.hint()
            await asyncio.sleep(site.random.uniform(0.1, 0.7))

    def started() -> dict[str, datetime]:
        return {line.run: line.at for line in site.ledger() if line.phase == START and line.run in asked}

    await until(lambda: len(started()) == len(asked), "every request has begun", patience=30)
    return [(at - asked[run]).total_seconds() for run, at in started().items()]


async def _hints(fleet: Fleet) -> list[bool]:
    """What each process says of hints."""
    async with httpx.AsyncClient(timeout=10) as client:
        answers = [await client.get(f"{group.url}/hourbell/health") for group in fleet.groups]
    for group in fleet.groups:
        await group.stop()
    return [answer.json()["node"]["hints"] for answer in answers]


async def _diagnosed(url: str, *, pooler: bool) -> list[str]:
    """What doctor finds at an address."""
    async with Scheduler(url, pooler=pooler) as scheduler:
        return [one.about for one in (await scheduler.diagnose()).findings]


def behind(site: Site, bouncer: Bouncer) -> Blueprint:
    """An application that reaches the database only through the pooler, and is told so."""
    return site.blueprint(schedules=planned(12), settings={**SETTINGS, "pooler": True}).having(database=bouncer.url)


async def _killing(site: Site, fleet: Fleet, blueprint: Blueprint, every: float, killed: list[int]) -> None:
    """One process after another, each replaced at once."""
    while True:
        await asyncio.sleep(every)
        victim = site.random.choice([group for group in fleet.groups if group.exit_code is None])
        if kill(victim.pid):
            killed.append(victim.pid)
        fleet.start(blueprint)


if __name__ == "__main__":
    run_script([], only_postgres=[kills, commands, paused, says])
