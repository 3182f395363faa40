"""Retries of a whole node, on every store: persisted, counted, and ended by what the body says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from engine.bench import Bench, until, until_async
from engine.faulty_store import FaultyStore
from hourbell.clock import SystemClock
from hourbell.context import Context
from hourbell.model.retry import Retry
from hourbell.model.run import Run
from hourbell.model.run_state import Outcome, RunState
from hourbell.store.memory import MemoryStore
from hourbell.store.postgres import PostgresStore
from hourbell.store.sqlite import SqliteStore


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    clock = SystemClock()
    store: Any
    if request.param == "memory":
        store = MemoryStore(clock)
    elif request.param == "sqlite":
        store = SqliteStore(request.getfixturevalue("sqlite_path"), clock)
    else:
        store = PostgresStore(request.getfixturevalue("postgres_url"), clock)
    await store.open()
    await store.migrate()
    yield Bench(clock, FaultyStore(store), result_max=100)
    await store.close()


async def ended(bench: Bench, name: str) -> tuple[Run, list[Any]]:
    """A run of this task from its request to its end, and its earlier attempts."""
    async with bench.running() as node:
        run = await bench.enqueue(name)
        node.wake()
        run = await bench.final(run.id)
    return run, list(await bench.store.list_attempts(run.id))


async def has_failed(bench: Bench, run_id: str) -> bool:
    return (await bench.run(run_id)).failures > 0


def soon(**given: Any) -> Retry:
    return Retry(**{"first": 0.05, "jitter": False, **given})


async def test_every_attempt_is_kept_with_its_error(bench: Bench) -> None:
    def fail(context: Context) -> str:
        if context.attempt < 3:
            raise ConnectionError(f"no answer to {context.attempt}")
        return "answered"

    bench.task(fail, retry=soon(attempts=5, on=(OSError,)))
    run, attempts = await ended(bench, "fail")
    assert (run.state, run.result, run.attempt, run.failures, run.error) == (RunState.SUCCEEDED, "answered", 3, 2, None)
    assert [(one.attempt, one.outcome) for one in attempts] == [(1, Outcome.FAILED), (2, Outcome.FAILED)]
    for one in attempts:
        assert one.error.splitlines()[0] == f"ConnectionError: no answer to {one.attempt}"
        assert "in fail" in one.error
        assert one.node_id == run.node_id
        assert one.started_at <= one.finished_at <= run.started_at


async def test_tries_are_spent(bench: Bench) -> None:
    async def fail() -> None:
        raise ConnectionError("no answer")

    bench.task(fail, retry=soon(attempts=3))
    run, attempts = await ended(bench, "fail")
    assert (run.state, run.attempt, run.failures, len(attempts)) == (RunState.FAILED, 3, 3, 2)
    assert (run.error or "").startswith("ConnectionError: no answer")


async def test_who_gives_up_is_believed(bench: Bench) -> None:
    async def fail() -> None:
        raise Retry.give_up("the account is closed")

    bench.task(fail, retry=soon(attempts=9))
    run, attempts = await ended(bench, "fail")
    assert (run.state, run.attempt, attempts) == (RunState.FAILED, 1, [])
    assert (run.error or "").splitlines()[0] == "gave up: the account is closed"


async def test_the_wait_stands_in_the_database_and_nobody_sleeps(bench: Bench) -> None:
    async def later() -> None:
        raise Retry.later(3600)

    bench.task(later)
    async with bench.running() as node:
        run = await bench.enqueue("later")
        node.wake()
        await until_async(lambda: has_failed(bench, run.id))
        waiting = await bench.run(run.id)
        await until(lambda: node.status.running == 0)
    assert waiting.run_at is not None
    assert 3590 < (waiting.run_at - bench.clock.now()).total_seconds() <= 3600
    assert (waiting.state, waiting.outcome) == (RunState.QUEUED, Outcome.FAILED)


FLOODS: dict[str, Any] = {"long": "x" * 50_000_000, "no json": object(), "not a number": float("nan")}


@pytest.mark.parametrize("flood", list(FLOODS))
async def test_a_result_that_cannot_be_kept_fails_its_run_once(bench: Bench, flood: str) -> None:
    def work() -> Any:
        return FLOODS[flood]

    bench.task(work, retry=soon(attempts=5))
    run, attempts = await ended(bench, "work")
    assert (run.state, run.attempt, run.result, attempts) == (RunState.FAILED, 1, None, [])
    assert (run.error or "").startswith("the body returned, but its result cannot be kept: it ")
    assert run.started_at is not None
