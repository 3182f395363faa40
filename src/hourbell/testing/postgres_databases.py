"""Making and removing whole databases on a server. Needs asyncpg, imported only when called."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from hourbell.testing.own_loop import on_own_loop

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    import asyncpg

# Copying the template's files is the fastest way where nothing is flushed to disk; before 15 it is the only one.
_STRATEGY_SINCE = 150_000
_CONNECTED = """
    SELECT concat_ws(' ', 'pid', pid, application_name, state, query) AS what
    FROM pg_stat_activity WHERE datname = $1
"""


def database_url(server_url: str, name: str) -> str:
    """The same server's address with another database."""
    parts = urlsplit(server_url)
    return urlunsplit(parts._replace(path=f"/{name}"))


def create_database(server_url: str, name: str) -> str:
    """Make an empty database and answer its address."""

    async def create(connection: asyncpg.Connection[Any]) -> None:
        strategy = " STRATEGY file_copy" if _version(connection) >= _STRATEGY_SINCE else ""
        await connection.execute(f"CREATE DATABASE {_quoted(name)} TEMPLATE template0{strategy}")

    _on_connection(server_url, create)
    return database_url(server_url, name)


def drop_database(server_url: str, name: str) -> list[str]:
    """Remove a database, and answer what was still connected to it: nothing, after a caller who cleans up.

    The server waits for a few seconds for connections that are just ending; what is left then is ended by force.
    """
    left: list[str] = []

    async def drop(connection: asyncpg.Connection[Any]) -> None:
        import asyncpg

        try:
            await connection.execute(f"DROP DATABASE IF EXISTS {_quoted(name)}")
        except asyncpg.ObjectInUseError:
            rows = await connection.fetch(_CONNECTED, name)
            left.extend(row["what"] for row in rows)
            await connection.execute(f"DROP DATABASE IF EXISTS {_quoted(name)} WITH (FORCE)")

    _on_connection(server_url, drop)
    return left


def _on_connection(url: str, act: Callable[[asyncpg.Connection[Any]], Coroutine[Any, Any, None]]) -> None:
    """Run ``act`` on a connection of its own, so that callers with a running loop can wait for it too."""

    async def connected() -> None:
        import asyncpg

        connection = await asyncpg.connect(url, timeout=30)
        try:
            await act(connection)
        finally:
            await connection.close()

    on_own_loop(connected)


def _version(connection: asyncpg.Connection[Any]) -> int:
    version = connection.get_server_version()
    return version.major * 10_000 + version.minor


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
