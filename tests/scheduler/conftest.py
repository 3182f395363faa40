"""A scheduler on each database, opened as a script does it: no node, so nothing runs by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from hourbell import Scheduler


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty database of each kind."""
    if request.param == "memory":
        return "memory://"
    if request.param == "sqlite":
        return f"sqlite:///{request.getfixturevalue('sqlite_path')}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
async def scheduler(database_url: str) -> AsyncIterator[Scheduler]:
    """An open scheduler with two tasks: `add`, which has policies and needs an argument, and `greet`."""
    made = Scheduler(database_url, lease=3, grace=3600)

    @made.task(name="add", retry=3, timeout=60)
    async def add(a: int, b: int = 0) -> int:
        return a + b

    @made.task(name="greet")
    def greet(name: str = "you") -> str:
        return f"hello {name}"

    async with made:
        yield made
