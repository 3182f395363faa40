"""Requests of plain functions: of an endpoint that is no coroutine, and of a body in a thread."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from hourbell import Context, HourbellError, InvalidArguments, Scheduler, StoreUnavailable
from hourbell.tracking import tracked


async def task_of(scheduler: Scheduler, name: str) -> Any:
    """A registered task."""
    return next(task for task in await scheduler.list_tasks() if task.name == name)


async def test_a_thread_asks_for_a_run(scheduler: Scheduler) -> None:
    add = await task_of(scheduler, "add")

    def asked() -> Any:
        with tracked("ticket-7"):
            return add.options(key="seven", priority=-5).enqueue_sync(1, b=2)

    run, again = await asyncio.to_thread(asked), await asyncio.to_thread(asked)
    assert run == await scheduler.get_run(run.id) == again
    assert (run.args, run.priority, run.tracking_id) == ({"a": 1, "b": 2}, -5, "ticket-7")
    with pytest.raises(InvalidArguments, match="'a' does not fit"):
        await asyncio.to_thread(add.options().enqueue_sync, "x")
    with pytest.raises(InvalidArguments, match="would block the event loop"):
        add.options().enqueue_sync(1)
    assert len(await scheduler.list_runs()) == 1


@pytest.mark.parametrize("database_url", ["memory", "sqlite"], indirect=True)
async def test_a_body_in_a_thread_asks_for_what_comes_next(database_url: str) -> None:
    scheduler = Scheduler(database_url)

    @scheduler.task(name="second")
    def second(word: str) -> str:
        return word.upper()

    @scheduler.task(name="first")
    def first(context: Context, word: str) -> str:
        return second.options().enqueue_sync(word).id

    async with scheduler.lifespan():
        begun = await scheduler.wait(await first.enqueue("bell"), timeout=30)
        assert begun.state == "succeeded", begun.error
        followed = await scheduler.wait(begun.result, timeout=30)
    assert (followed.result, followed.parent, followed.tracking_id) == ("BELL", begun.id, begun.id)


def test_whoever_asks_too_early_or_too_late_hears_so() -> None:
    scheduler = Scheduler("memory://")

    @scheduler.task(name="note")
    def note() -> None: ...

    with pytest.raises(HourbellError, match="is not open"):
        note.options().enqueue_sync()

    heard: list[BaseException] = []

    def ask() -> None:
        try:
            note.options().enqueue_sync()
        except BaseException as error:  # noqa: BLE001 - whatever it is
            heard.append(error)

    async def left_open() -> None:
        await scheduler.open()

    asyncio.run(left_open())
    thread = threading.Thread(target=ask)
    thread.start()
    thread.join(30)
    (error,) = heard
    assert isinstance(error, StoreUnavailable)
    assert "event loop of the scheduler has ended" in str(error)
