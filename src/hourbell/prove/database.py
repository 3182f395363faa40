"""Where it is proved: a schema of its own on the user's PostgreSQL, or a file of its own beside the user's."""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
from abc import ABC, abstractmethod
from contextlib import closing, suppress
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from hourbell.database_url import DatabaseUrl
from hourbell.errors import InvalidArguments

if TYPE_CHECKING:
    import asyncpg


_WRITE = 0.15
"""Seconds after which a write is not on its way any more: whoever holds the file then stands still."""


class ProvingGround(ABC):
    """A database that the proof has to itself. ``url`` and ``schema`` are for the nodes; ``shown`` is for people."""

    kind: str
    url: str
    schema: str = "hourbell"
    shown: str

    made: str
    """What the proof makes there, and how it is removed by hand."""
    needs: str
    """What is needed to make it."""

    @abstractmethod
    async def clear(self) -> None:
        """Remove all that the proof has made."""

    async def end_sessions(self) -> int:
        """End what the nodes have open, and answer how many that were."""
        return 0

    async def is_held(self) -> bool:
        """Whether one process keeps everybody from writing at this moment; never where rows are locked."""
        return False

    def _statement(self, name: str) -> str:
        text = files("hourbell.prove").joinpath(f"sql/{name}.sql").read_text(encoding="utf-8")
        return text.replace("{schema}", self.schema)

    @abstractmethod
    async def lock_runs(self, seconds: float) -> None:
        """Keep everybody from the table of runs for a while; in a file, from all writing."""


def proving_ground(url: str) -> ProvingGround:
    """The ground on this database. Raises InvalidArguments for an address that cannot be understood, or memory://."""
    address = DatabaseUrl.parse(url)
    if address.kind == "postgres":
        return PostgresGround(address)
    if address.kind == "sqlite":
        return SqliteGround(Path(address.path))
    raise InvalidArguments("the memory store ends with its process: there is nothing to prove with several of them")


class SqliteGround(ProvingGround):
    """A new file in the same folder, so that it is on the same disk; the user's own file is not opened."""

    kind = "sqlite"

    def __init__(self, beside: Path) -> None:
        self._file = beside.absolute().with_name(f"{beside.name}.prove-{secrets.token_hex(4)}")
        self.url = f"sqlite:///{self._file}"
        self.shown = f"SQLite, {self._file}"
        self.made = f"the file {self._file}, and those beside it that begin with its name: delete them"
        self.needs = "the right to write into its folder"

    async def clear(self) -> None:
        for suffix in ("", "-wal", "-shm", "-journal"):
            Path(f"{self._file}{suffix}").unlink(missing_ok=True)  # noqa: ASYNC240 - nothing else runs by then

    async def is_held(self) -> bool:
        return await asyncio.to_thread(self._is_held)

    def _is_held(self) -> bool:
        with closing(sqlite3.connect(self._file, timeout=_WRITE, isolation_level=None)) as tried:
            try:
                tried.execute(self._statement("lock_file"))
            except sqlite3.OperationalError:
                return True
            return False

    async def lock_runs(self, seconds: float) -> None:
        with closing(sqlite3.connect(self._file, timeout=30, isolation_level=None, check_same_thread=False)) as held:
            await asyncio.to_thread(held.execute, self._statement("lock_file"))  # waits for whoever writes now
            await asyncio.sleep(seconds)


class PostgresGround(ProvingGround):
    """A new schema in the same database; nothing else there is touched, and only sessions of the nodes are ended."""

    kind = "postgres"

    def __init__(self, address: DatabaseUrl) -> None:
        token = secrets.token_hex(4)
        self._dsn = address.dsn
        self._name = f"hourbell-prove-{token}"
        self.schema = f"hourbell_prove_{token}"
        self.url = _with_parameter(address.dsn, f"application_name={self._name}")
        self.shown = f"PostgreSQL, {address.shown}, schema {self.schema}"
        self.made = f"the schema {self.schema}: DROP SCHEMA {self.schema} CASCADE"
        self.needs = (
            "the role must be allowed to create a schema, which whoever owns the database allows by "
            "GRANT CREATE ON DATABASE … TO …; or give the address of another role, or of none: --postgres"
        )

    async def clear(self) -> None:
        connection = await self._connect()
        try:
            await connection.execute(self._statement("drop_schema"))
        finally:
            await connection.close()

    async def end_sessions(self) -> int:
        connection = await self._connect()
        try:
            return int(await connection.fetchval(self._statement("end_sessions"), self._name))
        finally:
            await connection.close()

    async def lock_runs(self, seconds: float) -> None:
        connection = await self._connect()
        try:
            async with connection.transaction():
                await connection.execute(self._statement("lock_runs"))
                await asyncio.sleep(seconds)
        finally:
            with suppress(OSError):
                await connection.close()

    async def _connect(self) -> asyncpg.Connection[Any]:
        import asyncpg

        return await asyncpg.connect(self._dsn, timeout=10, command_timeout=60)


def _with_parameter(dsn: str, parameter: str) -> str:
    parts = urlsplit(dsn)
    return urlunsplit(parts._replace(query=f"{parts.query}&{parameter}" if parts.query else parameter))
