"""Runs scenarios one after another, says how far it is and what came of each, and keeps the record."""

from __future__ import annotations

import asyncio
import importlib.metadata
import os
import platform
import secrets
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import asyncpg

from .entry import Entry
from .report import Report
from .results import FAILED, NOT_RUN, PASSED, Result
from .site import NotRun, Site, make_site

ROOT = Path(__file__).parents[2]
_PACKAGES = ("hourbell", "asyncpg", "fastapi", "uvicorn")


@dataclass(frozen=True)
class Trial:
    """One scenario that is going to be run on one database."""

    entry: Entry
    on: str
    long: bool
    seed: int

    @property
    def patience(self) -> float:
        """Seconds after which it counts as hung."""
        return 300 + 60 * 4 * (self.entry.minutes if self.long else 1)


def run_trial(trial: Trial) -> Result:
    """Run it, whatever happens, and answer what came of it."""
    entry = trial.entry
    arguments = dict(entry.long if trial.long else entry.short)
    about = {
        "name": entry.name,
        "on": trial.on,
        "form": "long" if trial.long else "short",
        "arguments": arguments,
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }
    missing = entry.missing()
    if missing:
        return Result(**about, verdict=NOT_RUN, why=f"{missing} is missing")
    load, began = os.getloadavg()[0], time.monotonic()
    report, versions = Report(entry.name), _versions()
    try:
        with make_site(trial.on, trial.seed) as site:
            versions |= asyncio.run(_database_version(site))
            try:
                report = asyncio.run(_within(trial, site, arguments))
            except NotRun as reason:
                return Result(**about, verdict=NOT_RUN, why=str(reason))
            except Exception as error:  # noqa: BLE001 - a scenario that breaks off is one that failed
                notes = "".join(f"; {note}" for note in getattr(error, "__notes__", ()))
                report.problems.append(f"broke off with {type(error).__name__}: {error}{notes}")
            private = _private(site)
    except Exception as error:  # noqa: BLE001 - so is one whose place could not be made
        report.problems.append(f"there was no database for it: {type(error).__name__}: {error}")
        private = {}
    return Result(
        **about,
        verdict=FAILED if report.problems else PASSED,
        title=report.title,
        figures=[(name, without(value, private)) for name, value in report.figures],
        problems=[without(problem, private) for problem in report.problems],
        seed=trial.seed,
        seconds=round(time.monotonic() - began, 1),
        load=round(load, 1),
        cores=os.cpu_count(),
        versions=versions,
    )


async def _within(trial: Trial, site: Site, arguments: Mapping[str, object]) -> Report:
    async with asyncio.timeout(trial.patience):
        return await trial.entry.scenario(site, **arguments)


def planned(entries: Sequence[Entry], on: Sequence[str], *, long: bool, seed: int | None) -> list[Trial]:
    """What is going to be run, in order. Without a seed each gets one of its own, which its result tells."""
    return [
        Trial(entry, kind, long, seed if seed is not None else secrets.randbelow(1_000_000))
        for entry in entries
        for kind in entry.databases
        if kind in on
    ]


def without(text: str, private: Mapping[str, str]) -> str:
    """A text without what only says where it was: folders, this machine's name."""
    for word, instead in private.items():
        text = text.replace(word, instead)
    return text


def _private(site: Site) -> dict[str, str]:
    folders = {str(site.folder): "…", str(ROOT): "…", sys.prefix: "…", tempfile.gettempdir(): "…"}
    if site.server is not None and site.server.socket_folder is not None:
        folders[str(site.server.socket_folder)] = "…"
    return folders | {socket.gethostname(): "host"}


def _versions() -> dict[str, str]:
    found = {name: importlib.metadata.version(name) for name in _PACKAGES}
    revision = _revision()
    if revision:
        found["revision"] = revision
    return {"python": platform.python_version(), "system": platform.system()} | found


def _revision() -> str | None:
    """The commit that is tried; none where there is no git, or no history."""
    command = ["git", "describe", "--always", "--dirty=+", "--exclude=*"]
    try:
        said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return said.stdout.strip() or None


async def _database_version(site: Site) -> dict[str, str]:
    if site.kind == "SQLite":
        return {"sqlite": sqlite3.sqlite_version}
    connection = await asyncpg.connect(site.url, timeout=30)
    try:
        return {"postgresql": str(await connection.fetchval("SHOW server_version")).split()[0]}
    finally:
        await connection.close()


@contextmanager
def ticking(stream: TextIO, line: str) -> Iterator[None]:
    """Say what is going on; on a terminal with the seconds, which go away at the end."""
    if not stream.isatty():
        print(line, file=stream, flush=True)
        yield
        return
    over, began = threading.Event(), time.monotonic()

    def tick() -> None:
        while not over.wait(0.5):
            print(f"\r{line} … {time.monotonic() - began:.0f} s ", end="", file=stream, flush=True)

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        print(f"\r\x1b[K{line}", file=stream, flush=True)
