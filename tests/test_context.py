"""The current run: found in a body, in what copies its context, and nowhere else."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
from datetime import UTC, datetime

import pytest

from hourbell import Context, Run, current_run
from hourbell.model.run_state import RunState

RUN = Run(
    id="r1",
    task="t",
    state=RunState.RUNNING,
    origin="fire",
    created_at=datetime(2030, 1, 1, tzinfo=UTC),
    schedule_id="s",
    fire_at=datetime(2030, 1, 1, tzinfo=UTC),
    attempt=3,
)


def test_tells_of_the_run() -> None:
    context = Context.of(RUN)
    assert (context.run_id, context.schedule_id, context.fire_at) == ("r1", "s", RUN.fire_at)
    assert context.attempt == context.fence == 3
    assert context.tracking_id == "r1"
    assert not context.cancelled


def test_is_there_inside_and_gone_outside() -> None:
    assert current_run() is None
    with Context.of(RUN).entered() as context:
        assert current_run() is context
        with Context.of(RUN).entered() as inner:
            assert current_run() is inner
        assert current_run() is context
    assert current_run() is None


async def test_is_inherited_by_tasks_and_threads_that_copy_it() -> None:
    with Context.of(RUN).entered() as context:
        assert await asyncio.to_thread(current_run) is context
        async with asyncio.TaskGroup() as group:
            found = group.create_task(_asked())
        assert found.result() is context
        seen: list[Context | None] = []
        thread = threading.Thread(target=contextvars.Context().run, args=(lambda: seen.append(current_run()),))
        thread.start()
        thread.join()
    assert seen == [None]


async def _asked() -> Context | None:
    return current_run()


def test_the_log_knows_the_run(caplog: pytest.LogCaptureFixture) -> None:
    context = Context.of(RUN)
    with caplog.at_level(logging.INFO, logger="hourbell.run"):
        context.log.info("hello %s", "there", extra={"mine": 1})
    (record,) = caplog.records
    assert record.getMessage() == "hello there"
    assert (record.run_id, record.schedule_id, record.attempt, record.mine) == ("r1", "s", 3, 1)  # type: ignore[attr-defined]
    assert context.log is context.log
