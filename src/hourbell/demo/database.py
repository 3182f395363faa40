"""The database of the demo: made when it starts, gone when it ends."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hourbell.testing.postgres_server import PostgresServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class DemoDatabase:
    """``name`` is for people, ``place`` says where it is, ``url`` is what the application is told."""

    name: str
    place: str
    url: str


@contextmanager
def throwaway_database(folder: Path, *, postgres: bool) -> Iterator[DemoDatabase]:
    """A SQLite file in the folder, or a PostgreSQL server that lives as long as this context.

    Raises PostgresUnavailable, which says what to install.
    """
    if not postgres:
        file = folder / "hourbell.db"
        yield DemoDatabase("an SQLite file", str(file), f"sqlite:///{file}")
        return
    with PostgresServer(own=True) as server:
        yield DemoDatabase("a PostgreSQL of its own", server.url, server.url)
