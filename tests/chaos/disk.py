"""The disk is full, under PostgreSQL's data or under SQLite's file, and has room again after a while."""

from __future__ import annotations

import asyncio
import ctypes
import os
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from hourbell.testing.postgres_server import PostgresServer

from .checkers import check_bodies, check_drained, compare_fires
from .entry import Need
from .expected import expected_fires
from .fleet import Fleet, Group
from .havoc import ALLOWED
from .recorded import Recorded
from .report import Report
from .site import Site, run_script
from .storm import COUNTING, complaints, every_second, over_at, soon

LEASE = 3.0
NODES = 2
BACK_WITHIN = 5.0
BODIES = (("quick", {}), ("quick_sync", {}), ("long", {"seconds": 1.2}))
# The kernel's own numbers: no devices, no programs that change their user; take it away whoever still uses it.
_MODEST, _DETACH = 2 | 4, 2

# An outage: what nodes say of it is what the scenario judges by itself, in how many lines.
SAID = (*ALLOWED, r"No space left", r"full", r"StoreUnavailable", r"terminating connection", r"cannot be reached")
MOST_LINES = 40
"""Lines at WARNING and above that a node may say while the disk is full."""


def mount(folder: Path, megabytes: int) -> None:
    """Mount a small disk of memory. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    options = f"size={megabytes}m,mode=0777".encode()
    if libc.mount(b"tmpfs", str(folder).encode(), b"tmpfs", _MODEST, options) != 0:
        raise OSError(ctypes.get_errno(), "mount")


def unmount(folder: Path) -> None:
    """Take it away, also when somebody still uses it."""
    ctypes.CDLL(None).umount2(str(folder).encode(), _DETACH)


def may_mount() -> bool:
    """Whether this process has the right to mount a disk of its own."""
    with TemporaryDirectory() as name:
        try:
            mount(Path(name), 1)
        except (OSError, AttributeError):
            return False
        unmount(Path(name))
    return True


SMALL_DISK = Need(name="the right to mount a tmpfs", is_there=may_mount)


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A folder that has no more room than that."""
    folder.mkdir(exist_ok=True)
    mount(folder, megabytes)
    try:
        yield folder
    finally:
        unmount(folder)


def fill(folder: Path) -> Path:
    """Write a file until nothing more fits."""
    ballast = folder / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(b"\0" * 4096)
    return ballast


@contextmanager
def on_small_disk(site: Site) -> Iterator[tuple[Site, Path]]:
    """The site once more, its database on a disk of its own. Its ledger stays where there is room."""
    disk = site.folder / "disk"
    if site.kind == "SQLite":
        with small_disk(disk, 6):
            yield Site(f"sqlite:///{disk / 'hourbell.db'}", site.folder, site.seed), disk
        return
    server = PostgresServer(own=True, settings={"max_wal_size": "64MB", "min_wal_size": "32MB"})
    server.start()
    try:
        url = server.create_database("small")
        server.stop()
        assert server.socket_folder is not None
        data = server.socket_folder / "data"
        beside = data.with_name("data-before")
        data.rename(beside)
        with small_disk(data, 256):
            owner = beside.stat()
            shutil.copytree(beside, data, symlinks=True, dirs_exist_ok=True)
            for path in [data, *data.rglob("*")]:
                os.chown(path, owner.st_uid, owner.st_gid)
            data.chmod(0o700)
            server.start()
            yield Site(url, site.folder, site.seed, server), data
            server.stop("immediate")
    finally:
        server.close()


async def scenario(site: Site, *, seconds: float = 30, schedules: int = 20) -> Report:
    """Full for so long; the server is started again when it has ended itself, as whoever runs it would."""
    report = site.report(f"disk full for {seconds:g} s, {NODES} processes")
    with on_small_disk(site) as (small, disk), Fleet(site.folder) as fleet:
        last = soon(NODES) + timedelta(seconds=round(seconds) + 14)
        planned = every_second(schedules, BODIES, last, {**COUNTING, "lost_limit": 1000})
        for _ in range(NODES):
            fleet.start(small.blueprint(schedules=planned, settings={"lease": LEASE}))
        await small.until_live(NODES)
        await asyncio.sleep(3)
        ballast = fill(disk)
        full_at = datetime.now(UTC)
        said = await unwell(report, fleet.groups, seconds)
        ballast.unlink()
        if small.server is not None and not small.server.running:
            report.figure("the server", "ended itself, and was started again")
            await asyncio.to_thread(small.server.start)
        back_at = datetime.now(UTC)
        report.figure("health while it was full", said)
        await over_at(small.tables, small, last, patience=120)
        report.require(len(fleet.nodes()) == NODES, "a process died")
        await fleet.stop()
        recorded = await small.tables.all()
        tell(report, recorded, full_at, back_at)
        report.add(compare_fires(expected_fires(recorded.schedules, last), recorded.runs).problems())
        report.add(check_drained(recorded))
        report.add(check_bodies(recorded, small.ledger()))
        await integrity(report, small)
        complaints(report, site, fleet, SAID)
        for group in fleet.groups:
            lines = [line for line in group.log().splitlines() if " WARNING " in line or " ERROR " in line]
            report.figure(f"warnings and errors of {group.name}", len(lines))
            report.require(len(lines) <= MOST_LINES, f"{group.name} said {len(lines)} lines: {lines[-3:]}")
    return report


async def unwell(report: Report, groups: list[Group], seconds: float) -> dict[str, int]:
    """Ask every node for its health until the time is over; how often each was answered in the second half."""
    found: Counter[str] = Counter()
    begun = time.monotonic()
    async with httpx.AsyncClient(timeout=20) as client:
        while (passed := time.monotonic() - begun) < seconds:
            for group in groups:
                health = (await client.get(f"{group.url}/hourbell/health")).json()
                if passed > seconds / 2:
                    found[health["status"]] += 1
            await asyncio.sleep(0.5)
    # A node that finds every due schedule locked by another, who fails, has nothing to complain of for that moment.
    honest = found["ok"] <= 0.25 * found.total()
    report.require(honest, f"nodes said that they were well while nothing could be written: {dict(found)}")
    return dict(found)


def tell(report: Report, recorded: Recorded, full_at: datetime, back_at: datetime) -> None:
    """What was recorded while it was full, and how soon it went on."""
    inside = [run for run in recorded.runs if full_at + timedelta(seconds=1) < run.created_at < back_at]
    report.figure("fires recorded while it was full", len(inside))
    after = [run.created_at for run in recorded.runs if run.created_at >= back_at and run.state != "skipped"]
    seconds = (min(after) - back_at).total_seconds() if after else float("inf")
    report.figure("fired again after [s]", seconds)
    report.require(seconds <= BACK_WITHIN, f"fired again only {seconds:.2f} s after there was room")


async def integrity(report: Report, site: Site) -> None:
    """What the database says of itself."""
    if site.kind == "SQLite":
        with closing(sqlite3.connect(site.url.removeprefix("sqlite:///"))) as connection:
            found = [row[0] for row in connection.execute("PRAGMA integrity_check")]
            broken = connection.execute("PRAGMA foreign_key_check").fetchall()
        report.figure("integrity_check", ", ".join(found))
        report.require(found == ["ok"] and not broken, f"the file is damaged: {found[:3]} {broken[:3]}")
        return
    rows = await site.tables.rows("SELECT count(*) AS n FROM hourbell.runs")
    report.figure("runs that can be read", rows[0]["n"])


if __name__ == "__main__":
    run_script([scenario])
