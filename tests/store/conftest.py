"""Two stores on one database: one that a fault strikes, and one that goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hourbell.clock import ManualClock
from hourbell.store.protocol import Store
from support.faults import Faults, install


@dataclass
class Pair:
    """``struck`` has the faults; ``other`` is another process's view of the same truth."""

    kind: str
    clock: ManualClock
    struck: Store
    other: Store
    faults: Faults


def _opened(kind: str, request: pytest.FixtureRequest, clock: ManualClock) -> Callable[[], Any]:
    if kind == "sqlite":
        from hourbell.store.sqlite import SqliteStore

        path: Path = request.getfixturevalue("sqlite_path")
        return lambda: SqliteStore(path, clock, patience=2)
    from hourbell.store.postgres import PostgresStore

    url: str = request.getfixturevalue("postgres_url")
    return lambda: PostgresStore(url, clock, patience=2)


@pytest.fixture
async def pair(request: pytest.FixtureRequest) -> AsyncIterator[Pair]:
    """Parametrised indirectly with ``"sqlite"`` or ``"postgres"``."""
    kind: str = request.param
    clock = ManualClock()
    make = _opened(kind, request, clock)
    struck, other = make(), make()
    await struck.open()
    await other.open()
    await struck.migrate()
    faults = install(struck)
    yield Pair(kind, clock, struck, other, faults)
    await struck.close()
    await other.close()
