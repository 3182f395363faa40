"""From an address to a store. Drivers are imported here, when one is needed, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hourbell.database_url import DatabaseUrl
from hourbell.errors import InvalidArguments

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hourbell.clock import Clock
    from hourbell.settings import Settings
    from hourbell.store.protocol import Store


def is_store(database: object) -> bool:
    """True for a store made by hand, which tests and other databases use."""
    return hasattr(database, "fire_due") and hasattr(database, "claim")


def make_store(settings: Settings, clock: Clock, connect_args: Mapping[str, Any]) -> Store:
    """The store at the address of the settings. Connects to nothing yet.

    ``connect_args`` go to the PostgreSQL driver beside the address.
    """
    database = settings.database
    if database.kind == "memory":
        from hourbell.store.memory import MemoryStore

        return MemoryStore(clock)
    if database.kind == "sqlite":
        from hourbell.store.sqlite import SqliteStore

        return SqliteStore(database.path, clock, patience=_patience(settings))
    from hourbell.store.postgres import PostgresStore

    return PostgresStore(
        database.dsn,
        clock,
        schema=settings.schema,
        pool=settings.pool,
        patience=_patience(settings),
        pooler=settings.pooler,
        direct_url=DatabaseUrl.parse(settings.direct_url).dsn if settings.direct_url else None,
        connect_args=connect_args,
    )


def migration_script(settings: Settings) -> str:
    """What `migrate` would do to an empty PostgreSQL database, as a script. Raises InvalidArguments for the others."""
    from hourbell.store.statements import load, migrations

    if settings.database.kind != "postgres":
        raise InvalidArguments("only PostgreSQL is migrated by hand: a SQLite file is made when it is first opened")
    named = load("postgres", settings.schema)
    parts = [
        "-- Apply in one transaction: psql --single-transaction --file=…",
        "-- On a schema that exists already, leave out the steps that its table of migrations lists.",
        f"{named['migrating.create_schema'].text};",
        f"{named['migrating.create_versions'].text};",
    ]
    for step in migrations("postgres", settings.schema):
        values = {"version": str(step.version), "name": f"'{step.name}'", "now": "NULL"}
        record = named["migrating.record"]
        text = record.text
        for number, parameter in enumerate(record.parameters, 1):
            text = text.replace(f"${number}", values[parameter])
        parts.append(f"-- {step.name}\n{step.text.strip()}\n{text};")
    return "\n\n".join(parts) + "\n"


def _patience(settings: Settings) -> float:
    """Seconds for one statement: one that took longer than a third of the lease would cost the node its lease."""
    return min(5.0, settings.lease / 3)
