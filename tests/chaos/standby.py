"""An asynchronous standby takes over that never heard of the last seconds: what was committed in them is gone."""

from __future__ import annotations

import asyncio
import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from hourbell.testing.postgres_binaries import PostgresBinaries, find_binaries
from hourbell.testing.postgres_server import PostgresServer, PostgresUnavailable

from .checkers import check_bodies, check_drained, compare_fires
from .entry import Need
from .expected import expected_fires
from .fleet import Fleet, until
from .havoc import ALLOWED
from .ledger import ACCEPTED, Line
from .recorded import Recorded, Tables
from .relay import Relay, relayed
from .report import Report
from .site import Site, run_script
from .storm import COUNTING, complaints, every_second, over_at, soon
from .words import few_words

LEASE = 3.0
NODES = 3
BACK_WITHIN = 5.0
BODIES = (("quick", {}), ("quick_sync", {}), ("long", {"seconds": 1.2}))


def has_base_backup() -> bool:
    """Whether the server can be copied while it runs."""
    try:
        return find_binaries().program("pg_basebackup").exists()
    except PostgresUnavailable:
        return False


BASE_BACKUP = Need(name="pg_basebackup", is_there=has_base_backup)


class Standby(PostgresServer):
    """A copy of a server that follows it through a line which may be cut."""

    def __init__(self, source: str) -> None:
        super().__init__(own=True, settings={"hot_standby": "on"})
        self._source = urlsplit(source)

    def _initialise(self, binaries: PostgresBinaries, folder: Path) -> None:
        owner = folder.stat()
        line = f"host=127.0.0.1 port={self._source.port} user={self._source.username} application_name=standby"
        command = [str(binaries.program("pg_basebackup")), "-D", str(folder / "data"), "-d", line]
        command += ["--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync"]
        made = subprocess.run(
            command,
            cwd=folder,
            env={name: value for name, value in os.environ.items() if not name.startswith("PG")},
            capture_output=True,
            text=True,
            check=False,
            user=owner.st_uid,
            group=owner.st_gid,
            extra_groups=[],
        )
        if made.returncode != 0:
            raise PostgresUnavailable(f"pg_basebackup failed ({made.returncode}): {made.stderr.strip()}")


async def scenario(site: Site, *, tail: float = 5.0, seconds: float = 20, schedules: int = 40) -> Report:
    """The standby is cut off, ``tail`` seconds later the primary dies, and the standby is promoted.

    ``seconds`` is how long it goes on after that.
    """
    report = site.report(f"failover to a standby that lost {tail:g} s, {schedules} schedules, {NODES} processes")
    assert site.server is not None
    replication, front = Relay(site.url), Relay(site.url)
    async with relayed(replication, site.url) as source, relayed(front, site.url) as url:
        standby = Standby(source)
        try:
            await asyncio.to_thread(standby.start)
            last = soon(NODES) + timedelta(seconds=round(seconds + tail) + 4)
            planned = every_second(schedules, BODIES, last, {**COUNTING, "lost_limit": 1000})
            blueprint = site.blueprint(schedules=planned, settings={"lease": LEASE}).having(database=url)
            with Fleet(site.folder) as fleet:
                for _ in range(NODES):
                    fleet.start(blueprint)
                await site.until_live(NODES)
                await asyncio.sleep(3)
                await following(site.url)
                replication.cut()
                cut_at = datetime.now(UTC)
                await asyncio.sleep(tail)
                before = await site.tables.all()
                await asyncio.to_thread(site.server.stop, "immediate")
                front.cut()
                died_at = datetime.now(UTC)
                tables = Tables(standby.url.rpartition("/")[0] + "/" + urlsplit(site.url).path.strip("/"))
                await promoted(standby.url)
                after = await tables.all()
                front.lead(standby.url)
                back_at = datetime.now(UTC)
                await over_at(tables, site, last, patience=120)
                await until(lambda: len(fleet.nodes()) == NODES, "no process has died")
                await fleet.stop()
                recorded = await tables.all()
                tell_tail(report, before, after)
                tell(report, recorded, site.ledger(), cut_at, died_at, back_at)
                report.add(compare_fires(expected_fires(recorded.schedules, last), recorded.runs).problems())
                report.add(check_drained(recorded))
                few_words(report, fleet, told=False)
                complaints(report, site, fleet, ALLOWED)
        finally:
            await asyncio.to_thread(standby.close)
    return report


async def following(url: str) -> None:
    """Wait until the standby has heard all that was committed up to now."""
    connection = await asyncpg.connect(url, timeout=30)
    try:
        at = await connection.fetchval("SELECT pg_current_wal_lsn()::text")
        question = "SELECT count(*) FROM pg_stat_replication WHERE replay_lsn >= $1::text::pg_lsn"
        for _ in range(600):
            if await connection.fetchval(question, at):
                return
            await asyncio.sleep(0.05)
    finally:
        await connection.close()
    raise TimeoutError("the standby does not follow")


async def promoted(url: str) -> None:
    """Make it a primary, and wait until it writes."""
    connection = await asyncpg.connect(url, timeout=30)
    try:
        if not await connection.fetchval("SELECT pg_promote(true, 60)"):
            raise TimeoutError("the standby was not promoted")
    finally:
        await connection.close()


def tell_tail(report: Report, before: Recorded, after: Recorded) -> None:
    """What the old primary had committed and the new one has never heard of."""
    known = {run.id: run for run in after.runs}
    gone = [run for run in before.runs if run.id not in known]
    undone = [run for run in before.runs if run.id in known and run.final and not known[run.id].final]
    report.figure("fires on the lost tail", len(gone))
    report.figure("runs whose end was on it", len(undone))
    report.require(bool(gone), "nothing was committed on the lost tail: nothing can be told")


def tell(
    report: Report, recorded: Recorded, lines: list[Line], cut_at: datetime, died_at: datetime, back_at: datetime
) -> None:
    """Whatever no body touched while the tail was written is judged as ever; the rest by its fires and by its end."""
    touched = {line.run for line in lines if cut_at - timedelta(seconds=2) <= line.at <= back_at}
    record = Recorded(
        [run for run in recorded.runs if run.id not in touched],
        [one for one in recorded.attempts if one.run_id not in touched],
        recorded.nodes,
        recorded.schedules,
    )
    report.add(check_bodies(record, [line for line in lines if line.run not in touched]))
    succeeded: dict[tuple[str, datetime | None], int] = {}
    for line in lines:
        if line.phase == ACCEPTED:
            succeeded[line.schedule, line.fire_at] = succeeded.get((line.schedule, line.fire_at), 0) + 1
    again = [fire for fire, count in succeeded.items() if count > 1]
    report.figure("fires whose bodies succeeded once more", len(again))
    early = timedelta(seconds=4)
    outside = [at for _, at in again if at is None or not cut_at - early <= at <= died_at + timedelta(seconds=1)]
    report.require(not outside, f"{len(outside)} fires succeeded twice that have nothing to do with the lost tail")
    new = [run.created_at for run in recorded.runs if run.created_at > back_at and run.state != "skipped"]
    seconds = (min(new) - back_at).total_seconds() if new else float("inf")
    report.figure("fired again after [s]", seconds)
    report.require(seconds <= BACK_WITHIN, f"fired again only {seconds:.2f} s after the standby was there")


if __name__ == "__main__":
    run_script([], only_postgres=[scenario])
