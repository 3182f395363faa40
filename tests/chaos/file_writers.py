"""One SQLite file, four processes that write to it, requests to each of them, kills, and a look at the file itself."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from .fleet import Fleet, kill
from .havoc import ALLOWED
from .kill_storm import MIXED
from .report import Report
from .site import Site, run_script
from .storm import COUNTING, complaints, every_second, over, soon, told

LEASE = 3.0
WRITERS = 4


async def scenario(site: Site, *, seconds: float = 60, schedules: int = 40, every: float = 2.0) -> Report:
    """Each process fires, claims and settles, and a client asks it for further runs; its file is checked throughout."""
    report = site.report(f"{WRITERS} writers of one file, killed every {every:g} s")
    last = soon(WRITERS) + timedelta(seconds=round(seconds))
    planned = every_second(schedules, MIXED, last, {**COUNTING, "lost_limit": 1000})
    blueprint = site.blueprint(schedules=planned, settings={"lease": LEASE}, is_open=True)
    checks: list[str] = []
    answered: list[str] = []
    kills = 0
    with Fleet(site.folder) as fleet:
        groups = [fleet.start(blueprint) for _ in range(WRITERS)]
        await site.until_live(WRITERS)
        settled = datetime.now(UTC)
        urls = [group.url for group in groups]
        clients = [asyncio.create_task(ask(urls, place, last, answered)) for place in range(WRITERS)]
        while datetime.now(UTC) < last:
            await asyncio.sleep(every)
            victim = site.random.randrange(WRITERS)
            kill(groups[victim].pid)
            kills += 1
            checks += await asyncio.to_thread(checked, site)
            groups[victim] = fleet.start(blueprint)
            urls[victim] = groups[victim].url
            await groups[victim].serving()
        await asyncio.gather(*clients)
        await over(site, last, patience=90)
        await asyncio.gather(*(group.stop() for group in groups))
        recorded = await site.tables.all()
        report.figure("kills", kills)
        report.figure("requests answered", len(answered))
        keys = Counter(run.key for run in recorded.runs if run.key is not None)
        report.require(max(keys.values(), default=0) <= 1, f"keys with several runs: {keys.most_common(3)}")
        lost = [key for key in answered if key not in keys]
        report.require(not lost, f"{len(lost)} requests that were acknowledged are not there: {lost[:3]}")
        await told(site, report, last, settled, schedules=schedules, undisturbed=False)
        checks += checked(site)
        report.figure("checks of the file", f"{len(checks)}: {dict(Counter(checks))}")
        report.require(set(checks) == {"ok"}, f"the file is damaged: {set(checks) - {'ok'}}")
        complaints(report, site, fleet, ALLOWED)
    return report


async def ask(urls: list[str], place: int, last: datetime, answered: list[str]) -> None:
    """Ask one process after the other for runs, each under a key of its own, until shortly before the end."""
    number = 0
    async with httpx.AsyncClient(timeout=20) as client:
        while datetime.now(UTC) < last - timedelta(seconds=3):
            number += 1
            key = f"{place}-{number}"
            try:
                path = f"/hourbell/schedules/storm-{place:03}/trigger"
                answer = await client.post(urls[place] + path, json={"key": key})
            except httpx.HTTPError:
                continue
            if answer.status_code == 201:
                answered.append(key)
            await asyncio.sleep(0.05)


def checked(site: Site) -> list[str]:
    """What SQLite finds in the file."""
    with closing(sqlite3.connect(Path(site.url.removeprefix("sqlite:///")), timeout=30)) as connection:
        found = [row[0] for row in connection.execute("PRAGMA integrity_check")]
        found += [f"foreign key: {row}" for row in connection.execute("PRAGMA foreign_key_check")]
    return found


if __name__ == "__main__":
    run_script([scenario])
