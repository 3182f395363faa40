"""A few histories on every store, the same ones each time. At length: ``python -m tests.statemachine --help``."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime

import pytest

from hourbell.model.run import Settlement
from hourbell.model.run_state import RunState
from hourbell.store.memory import endings
from hourbell.store.memory.tables import Tables
from statemachine.trial import memory, postgres, sqlite, try_out

STEPS = 40


def test_the_memory_store_does_what_the_reference_does() -> None:
    with asyncio.Runner() as runner, memory(runner) as emptied:
        try_out(runner, emptied, examples=40, steps=STEPS)


def test_the_sqlite_store_does_what_the_reference_does() -> None:
    with asyncio.Runner() as runner, sqlite(runner) as emptied:
        try_out(runner, emptied, examples=15, steps=STEPS)


def test_the_postgres_store_does_what_the_reference_does(postgres_url: str) -> None:
    with asyncio.Runner() as runner, postgres(runner, postgres_url) as emptied:
        try_out(runner, emptied, examples=6, steps=STEPS)


def test_a_store_that_does_otherwise_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A report is heard whoever has the run by now."""

    def heard(tables: Tables, node_id: str, report: Settlement, now: datetime) -> RunState | None:
        run = tables.runs.get(report.run_id)
        if run is not None and run.node_id is not None:
            node_id, report = run.node_id, replace(report, attempt=run.attempt)
        return endings.settle(tables, node_id, report, now)

    monkeypatch.setattr("hourbell.store.memory.claims.settle", heard)
    with asyncio.Runner() as runner, memory(runner) as emptied, pytest.raises(AssertionError, match="accepted"):
        try_out(runner, emptied, examples=200, steps=STEPS, shrink=False)
