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


def test_a_line_names_the_place_where_it_was_logged(caplog: pytest.LogCaptureFixture) -> None:
    context = Context.of(RUN)
    with caplog.at_level(logging.INFO, logger="hourbell.run"):
        context.log.info("here")
        context.log.log(logging.INFO, "and here")
    assert {(record.funcName, record.filename) for record in caplog.records} == {
        ("test_a_line_names_the_place_where_it_was_logged", "test_context.py")
    }


class Pad:
    """A notebook that remembers."""

    level = logging.INFO

    def __init__(self) -> None:
        self.lines: list[tuple[int, str, str]] = []
        self.come: list[tuple[object, object, object]] = []

    def progress(self, context: Context, done: object, total: object, note: object) -> None:
        self.come.append((done, total, note))

    def line(self, context: Context, level: int, logger: str, message: str) -> None:
        self.lines.append((level, logger, message))


def test_what_loggers_do_not_print_is_kept_all_the_same(caplog: pytest.LogCaptureFixture) -> None:
    from hourbell.line_capture import LineCapture

    pad = Pad()
    context = Context.of(RUN, pad)
    capture = LineCapture.install()
    try:
        with caplog.at_level(logging.ERROR, logger="hourbell.run"):
            assert context.log.isEnabledFor(logging.INFO)
            assert not context.log.isEnabledFor(logging.DEBUG)
            context.log.info("quiet %s", "one")
            context.log.debug("too quiet")
            context.log.error("loud")
            try:
                int("x")
            except ValueError as error:
                context.log.warning("odd", exc_info=error)
    finally:
        capture.remove()
    assert [record.getMessage() for record in caplog.records] == ["loud"]
    (_, _, quiet), (_, _, loud), (_, _, odd) = pad.lines
    assert (quiet, loud) == ("quiet one", "loud")
    assert odd.startswith("odd\nTraceback")


def test_progress_goes_into_the_notebook_and_nowhere_without_one() -> None:
    Context.of(RUN).progress(1)
    pad = Pad()
    Context.of(RUN, pad).progress(1, 2, "note")
    assert pad.come == [(1, 2, "note")]
