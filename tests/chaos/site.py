"""Where a scenario takes place: an empty database, a folder, and chance with a seed."""

from __future__ import annotations

import argparse
import asyncio
import random
import secrets
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hourbell.testing.postgres_server import PostgresServer

from .blueprint import Blueprint
from .ledger import Line, read_ledger
from .recorded import Tables
from .report import Report

Scenario = Callable[..., Awaitable[Report]]

KINDS = ("postgres", "sqlite")


class NotRun(Exception):
    """A scenario finds that it cannot be run here; the message says what is missing."""


@dataclass
class Site:
    """``server`` is there when the scenario may stop it."""

    url: str
    folder: Path
    seed: int = field(default_factory=lambda: secrets.randbelow(1_000_000))
    server: PostgresServer | None = None

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.tables = Tables(self.url)
        self.ledger_folder = self.folder / "ledger"
        self.ledger_folder.mkdir(parents=True, exist_ok=True)

    @property
    def kind(self) -> str:
        return "SQLite" if self.url.startswith("sqlite") else "PostgreSQL"

    def blueprint(self, **changes: Any) -> Blueprint:
        """An application on this site's database, writing to its ledger."""
        return Blueprint(database=self.url, ledger=str(self.ledger_folder), **changes)

    def ledger(self) -> list[Line]:
        """What the bodies have written so far."""
        return read_ledger(self.ledger_folder)

    def report(self, title: str) -> Report:
        """An empty report that says where this was."""
        report = Report(f"{title} on {self.kind}")
        report.figure("seed", self.seed)
        return report

    async def until(self, true: Callable[[], Awaitable[object]], what: str, patience: float = 60) -> None:
        """Ask the tables until something is so. Raises TimeoutError that says what was waited for."""
        try:
            async with asyncio.timeout(patience):
                while not await true():  # noqa: ASYNC110 - tables set no event
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise TimeoutError(f"waited {patience:g} s in vain: {what}") from None

    async def until_live(self, nodes: int, patience: float = 60) -> None:
        """Wait until so many nodes are live."""

        async def live() -> bool:
            return await self.tables.live_nodes() >= nodes

        await self.until(live, f"{nodes} live nodes", patience)


@contextmanager
def make_site(kind: str, seed: int | None = None) -> Iterator[Site]:
    """A site of its own, with a durable server where it needs one; nothing of it is left afterwards."""
    chance = {} if seed is None else {"seed": seed}
    with tempfile.TemporaryDirectory(prefix="hourbell-chaos-") as name:
        folder = Path(name)
        if kind == "sqlite":
            yield Site(f"sqlite:///{folder / 'hourbell.db'}", folder, **chance)
            return
        with PostgresServer(own=True) as server:
            yield Site(server.create_database("chaos"), folder, server=server, **chance)


def run_script(scenarios: Sequence[Scenario], *, only_postgres: Sequence[Scenario] = ()) -> None:
    """The long form, by hand: each scenario on each kind of database; prints reports, fails when there are problems."""
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
    parser.add_argument("--seconds", type=float, help="how long it lasts; as long as it is meant to unless given")
    parser.add_argument("--on", choices=KINDS, action="append", help="which database; all of them unless given")
    parser.add_argument("--seed", type=int, help="repeats the chance of an earlier time")
    parser.add_argument("--only", help="the one scenario of this name")
    given = parser.parse_args()
    failed = False
    for kind in given.on or KINDS:
        for scenario in (*scenarios, *(only_postgres if kind == "postgres" else ())):
            if given.only not in (None, scenario.__name__):
                continue
            with make_site(kind, given.seed) as site:
                length = {} if given.seconds is None else {"seconds": given.seconds}
                report = asyncio.run(scenario(site, **length))  # type: ignore[arg-type]
            print(report, flush=True)
            failed = failed or bool(report.problems)
    sys.exit(1 if failed else 0)
