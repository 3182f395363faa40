"""A few histories on every store, the same ones each time. At length: ``python -m tests.statemachine --help``."""

from __future__ import annotations

import asyncio

import pytest

from statemachine.trial import memory, postgres, sqlite, try_out

STEPS = 40


def test_the_memory_store_does_what_the_reference_does() -> None:
    with asyncio.Runner() as runner, memory(runner) as emptied:
        try_out(runner, emptied, examples=25, steps=STEPS)


def test_the_sqlite_store_does_what_the_reference_does() -> None:
    with asyncio.Runner() as runner, sqlite(runner) as emptied:
        try_out(runner, emptied, examples=15, steps=STEPS)


def test_the_postgres_store_does_what_the_reference_does(postgres_url: str) -> None:
    with asyncio.Runner() as runner, postgres(runner, postgres_url) as emptied:
        try_out(runner, emptied, examples=6, steps=STEPS)


def test_a_store_that_does_otherwise_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node leaves, and what it held stays with it."""
    monkeypatch.setattr("hourbell.store.memory.nodes.hand_back", lambda *_: None)
    with asyncio.Runner() as runner, memory(runner) as emptied, pytest.raises(AssertionError, match="differ"):
        try_out(runner, emptied, examples=200, steps=STEPS, shrink=False)
