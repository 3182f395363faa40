"""What the application's own SQLAlchemy engine tells about its database: the address, and how to connect to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from hourbell.errors import InvalidArguments

if TYPE_CHECKING:
    from collections.abc import Mapping

# Parameters that only SQLAlchemy's dialects read; the server and the driver never see them.
_DIALECT_PARAMETERS = ("async_fallback", "prepared_statement_cache_size", "prepared_statement_name_func")
# What our connections decide by themselves: how long a statement may take, and which ones are prepared.
_OURS = ("async_creator_fn", "timeout", "command_timeout", "statement_cache_size", "max_cached_statement_lifetime")


def address_of(database: object) -> str | None:
    """The URL in what was given as the database: text, a SQLAlchemy engine, or nothing.

    Raises InvalidArguments for anything else.
    """
    if database is None or isinstance(database, str):
        return database
    url: Any = getattr(database, "url", None)
    if url is None or not hasattr(url, "render_as_string"):
        raise InvalidArguments(
            f"the database cannot be a {type(database).__name__}: give a URL, a SQLAlchemy AsyncEngine, or nothing "
            "to take HOURBELL_DATABASE_URL or DATABASE_URL"
        )
    plain = url.difference_update_query(_DIALECT_PARAMETERS)
    return cast("str", plain.render_as_string(hide_password=False))


def connect_args_of(database: object) -> Mapping[str, Any]:
    """How an asyncpg engine connects beyond its address: ``connect_args``, and what its ``do_connect`` events change.

    Certificates, server settings and passwords come from here. Empty for anything but an asyncpg engine. Nothing is
    connected. Events are asked this once: a password that changes is best given as a callable in ``connect_args``,
    which each new connection asks.
    """
    engine: Any = getattr(database, "sync_engine", None)
    if engine is None or engine.dialect.driver != "asyncpg":
        return {}
    from sqlalchemy import event

    found: dict[str, Any] = {}

    def look(_dialect: Any, _record: Any, _arguments: Any, parameters: Mapping[str, Any]) -> None:
        found.update(parameters)
        raise _SeenError

    event.listen(engine, "do_connect", look)
    try:
        engine.pool.recreate().connect()
    except _SeenError:
        pass
    finally:
        event.remove(engine, "do_connect", look)
    return {name: value for name, value in found.items() if name not in _OURS and name not in _DIALECT_PARAMETERS}


class _SeenError(Exception):
    """Ends the making of a connection before anything is connected."""
