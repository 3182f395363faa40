"""PostgreSQL is there and makes it hard: no connection is free, its limits are hostile, it takes no writes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from .blueprint import Blueprint
from .hardship import SETTINGS, Endurance, endured, planned
from .report import Report
from .site import Site, run_script

ROLE = "ringer"
"""The role of the nodes, which is no superuser; the scenario itself is one and is not bound by what it does to it."""

HOSTILE: Mapping[str, str] = {
    "statement_timeout": "5ms",
    "lock_timeout": "5ms",
    "idle_in_transaction_session_timeout": "5ms",
    "idle_session_timeout": "1s",
    "transaction_timeout": "50ms",
}
_CUTS_A_SECOND = 5


async def connections(site: Site, *, seconds: float = 20) -> Report:
    """Every connection that the server has is taken, and those of the nodes are ended."""
    report = site.report(f"no connection is free for {seconds:g} s")

    @asynccontextmanager
    async def taken() -> AsyncIterator[None]:
        held: list[asyncpg.Connection] = []
        async with asking(site.url) as connection:
            await connection.execute(f"CREATE ROLE greedy LOGIN; GRANT CONNECT ON DATABASE {_database(site)} TO greedy")
            full = asyncio.Event()
            taking = [asyncio.create_task(_take(site, held, full)) for _ in range(8)]
            try:
                await asyncio.wait_for(full.wait(), 60)
                # Whatever a node has to give up is taken before it asks again: in the end none of them has any.
                without = 0
                while without < 5:
                    without = 0 if await ended(connection) else without + 1
                    await asyncio.sleep(0.05)
                report.figure("connections taken", len(held))
                yield
            finally:
                for task in taking:
                    task.cancel()
                await asyncio.gather(*taking, return_exceptions=True)
                for one in held:
                    one.terminate()

    await endured(site, report, taken, Endurance(seconds=seconds), await as_role(site))
    return report


async def timeouts(site: Site, *, seconds: float = 20) -> Report:
    """The role's own limits would end each of our statements, transactions and idle sessions within moments."""
    report = site.report(f"hostile limits of the role for {seconds:g} s: {', '.join(map(' '.join, HOSTILE.items()))}")

    how = Endurance(seconds=seconds, fires=5.0)
    await endured(site, report, lambda: role_setting(site, HOSTILE), how, await as_role(site))
    return report


async def serializable(site: Site, *, seconds: float = 20) -> Report:
    """The role's transactions are serializable and deferrable unless they say otherwise."""
    report = site.report(f"default_transaction_isolation=serializable for {seconds:g} s")
    stricter = {"default_transaction_isolation": "serializable", "default_transaction_deferrable": "on"}
    how = Endurance(seconds=seconds, fires=3.0)
    await endured(site, report, lambda: role_setting(site, stricter), how, await as_role(site))
    return report


async def read_only(site: Site, *, seconds: float = 20) -> Report:
    """The role's transactions may not write, until they may again; nobody ends the sessions that have learnt it."""
    report = site.report(f"default_transaction_read_only=on for {seconds:g} s")
    asked = {"default_transaction_read_only": "on"}
    await endured(site, report, lambda: role_setting(site, asked), Endurance(seconds=seconds), await as_role(site))
    return report


async def cut(site: Site, *, seconds: float = 20) -> Report:
    """Every session of the nodes is ended five times a second."""
    report = site.report(f"sessions ended {_CUTS_A_SECOND} times a second for {seconds:g} s")
    cuts = 0

    @asynccontextmanager
    async def cutting() -> AsyncIterator[None]:
        async def again_and_again() -> None:
            nonlocal cuts
            async with asking(site.url) as connection:
                while True:
                    cuts += await ended(connection)
                    await asyncio.sleep(1 / _CUTS_A_SECOND)

        task = asyncio.create_task(again_and_again())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    await endured(site, report, cutting, Endurance(seconds=seconds), await as_role(site))
    report.figure("sessions ended", cuts)
    return report


@asynccontextmanager
async def asking(url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the scenario's own."""
    connection = await asyncpg.connect(url, timeout=30)
    try:
        yield connection
    finally:
        connection.terminate()


async def as_role(site: Site) -> Blueprint:
    """An application whose nodes are no superusers; they make and own the tables."""
    async with asking(site.url) as connection:
        await connection.execute(f"CREATE ROLE {ROLE} LOGIN; GRANT CREATE ON DATABASE {_database(site)} TO {ROLE}")
    parts = urlsplit(site.url)
    url = urlunsplit(parts._replace(netloc=f"{ROLE}@{parts.hostname}:{parts.port}"))
    return site.blueprint(schedules=planned(12), settings=SETTINGS).having(database=url)


@asynccontextmanager
async def role_setting(site: Site, values: Mapping[str, str]) -> AsyncIterator[None]:
    """Settings of the nodes' role, which new sessions learn; the sessions that there are end."""
    async with asking(site.url) as connection:
        known = {row["name"] for row in await connection.fetch("SELECT name FROM pg_settings")}
        values = {name: value for name, value in values.items() if name in known}
        for name, value in values.items():
            await connection.execute(f"ALTER ROLE {ROLE} SET {name} = '{value}'")
        await ended(connection)
        try:
            yield
        finally:
            for name in values:
                await connection.execute(f"ALTER ROLE {ROLE} RESET {name}")


async def ended(connection: asyncpg.Connection) -> int:
    """End every session of the nodes, and answer how many there were."""
    count: int = await connection.fetchval(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = $1", ROLE
    )
    return count


async def _take(site: Site, held: list[asyncpg.Connection], full: asyncio.Event) -> None:
    """Take each connection that becomes free."""
    parts = urlsplit(site.url)
    url = urlunsplit(parts._replace(netloc=f"greedy@{parts.hostname}:{parts.port}"))
    while True:
        with suppress(asyncpg.PostgresError, OSError):
            held.append(await asyncpg.connect(url, timeout=5))
            continue
        full.set()
        await asyncio.sleep(0.005)


def _database(site: Site) -> str:
    return urlsplit(site.url).path.lstrip("/")


if __name__ == "__main__":
    run_script([], only_postgres=[connections, timeouts, serializable, read_only, cut])
