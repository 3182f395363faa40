"""A run that is tried again and again: its history is bounded, in each store."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from hourbell.clock import ManualClock
from hourbell.model import history
from hourbell.model.ids import new_run_id
from hourbell.model.node import NewNode
from hourbell.model.run import NewRun, Run, Settlement
from hourbell.model.run_state import Origin, Outcome, RunState
from hourbell.store.memory import MemoryStore
from hourbell.store.postgres import PostgresStore
from hourbell.store.sqlite import SqliteStore

BOUND = 5


@pytest.mark.parametrize("kind", ["memory", "sqlite", "postgres"])
async def test_the_newest_attempts_are_kept(
    kind: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert history.MOST_ATTEMPTS == 1_000, "as many as Retry(attempts=…) takes"
    monkeypatch.setattr(history, "MOST_ATTEMPTS", BOUND)
    clock = ManualClock()
    store: Any
    if kind == "memory":
        store = MemoryStore(clock)
    elif kind == "sqlite":
        store = SqliteStore(request.getfixturevalue("sqlite_path"), clock)
    else:
        store = PostgresStore(request.getfixturevalue("postgres_url"), clock)
    await store.open()
    try:
        await store.migrate()
        lease = timedelta(hours=1)
        await store.register_node(NewNode(id="a", host="h", pid=1, lease=lease, version="1"))
        fields: dict[str, Any] = {"task": "t", "origin": Origin.ENQUEUE, "args": {}}
        other, long = await store.enqueue([NewRun(id=new_run_id(clock.now()), **fields) for _ in range(2)])
        for number in range(1, BOUND + 4):
            claim = await store.claim("a", f"c{number}", limit=2, tasks={"t": 2}, queues=None, suspects=2)
            ran = [run for run in claim.runs if run.id == long.id or number < 3]
            assert set(await store.settle("a", [_later(run) for run in ran])) == {run.id for run in ran}
            # What was written before is still recognised, and forgets nothing more.
            assert set(await store.settle("a", [_later(run) for run in ran])) == {run.id for run in ran}
        kept = [attempt.attempt for attempt in await store.list_attempts(long.id)]
        assert kept == list(range(4, BOUND + 4))
        assert [attempt.attempt for attempt in await store.list_attempts(other.id)] == [1, 2], "each run by itself"
        run = await store.get_run(long.id)
        assert (run.attempt, run.failures) == (BOUND + 3, BOUND + 3)
    finally:
        await store.close()


def _later(run: Run) -> Settlement:
    """What a body reports that raised ``Retry.later`` without a policy: nothing else ever ends it."""
    return Settlement(
        run_id=run.id, attempt=run.attempt, state=RunState.QUEUED, outcome=Outcome.FAILED, failed=True, error="later"
    )
