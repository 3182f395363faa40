"""Bodies that are coroutines."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from typing import Any

import pytest

from hourbell.context import Context, current_run
from hourbell.executors.async_ import AsyncExecutor
from hourbell.executors.protocol import Body, Call, Ending, How

Invoke = Callable[[], Any]


def context() -> Context:
    return Context(run_id="r", task="ring", schedule_id=None, fire_at=None, attempt=1, tracking_id="t")


class Told:
    """Where an ending arrives."""

    def __init__(self) -> None:
        self.endings: list[Ending] = []
        self.here = asyncio.Event()

    def __call__(self, ending: Ending) -> None:
        self.endings.append(ending)
        self.here.set()

    async def ending(self) -> Ending:
        await asyncio.wait_for(self.here.wait(), 10)
        await asyncio.sleep(0)
        (ending,) = self.endings
        return ending


def start(invoke: Invoke, timeout: float | None = None, begin: Callable[[], bool] = lambda: True) -> tuple[Body, Told]:
    told = Told()
    variables = contextvars.copy_context()
    return AsyncExecutor().start(Call(begin, invoke, context(), variables, timeout), told), told


async def test_its_value_is_told() -> None:
    async def body() -> int:
        await asyncio.sleep(0)
        return 7

    _, told = start(body)
    assert await told.ending() == Ending(How.RETURNED, 7)


@pytest.mark.parametrize(
    "error", [ValueError("x"), SystemExit(1), KeyboardInterrupt(), asyncio.CancelledError(), TimeoutError("its own")]
)
@pytest.mark.parametrize("timeout", [None, 60])
async def test_whatever_it_raises_is_told(error: BaseException, timeout: float | None) -> None:
    async def body() -> None:
        raise error

    _, told = start(body, timeout)
    ending = await told.ending()
    assert (ending.how, ending.error) == (How.RAISED, error)


async def test_awaiting_something_cancelled_is_no_cancellation_of_the_body() -> None:
    async def body() -> None:
        future = asyncio.get_running_loop().create_future()
        future.cancel()
        await future

    _, told = start(body)
    assert (await told.ending()).how is How.RAISED


async def test_it_is_timed_out() -> None:
    async def body() -> None:
        await asyncio.sleep(60)

    _, told = start(body, timeout=0.01)
    assert (await told.ending()).how is How.TIMED_OUT


async def test_it_is_cancelled_and_says_so_whatever_it_makes_of_it() -> None:
    async def polite() -> None:
        await asyncio.sleep(60)

    async def rude() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            raise ValueError("while cleaning up") from None

    for body in (polite, rude):
        running, told = start(body, timeout=60)
        await asyncio.sleep(0.01)
        running.cancel()
        assert (await told.ending()).how is How.CANCELLED


async def test_a_body_that_still_returns_when_cancelled_has_returned() -> None:
    async def body() -> str:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return "done all the same"
        return ""

    running, told = start(body)
    await asyncio.sleep(0.01)
    running.cancel()
    assert await told.ending() == Ending(How.RETURNED, "done all the same")


async def test_a_body_refused_at_its_beginning_is_not_invoked() -> None:
    invoked: list[str] = []

    async def body() -> None:
        invoked.append("yes")

    _, told = start(body, begin=lambda: False)
    assert (await told.ending()).how is How.NOT_BEGUN
    assert invoked == []


async def test_cancelled_right_after_its_start_it_is_told_once() -> None:
    async def body() -> None:
        await asyncio.sleep(60)

    running, told = start(body)
    running.cancel()
    assert (await told.ending()).how in (How.NOT_BEGUN, How.CANCELLED)


async def test_an_application_that_cancels_its_tasks_interrupts_the_body() -> None:
    async def body() -> None:
        await asyncio.sleep(60)

    running, told = start(body)
    await asyncio.sleep(0.01)
    assert running.task is not None  # type: ignore[attr-defined]
    running.task.cancel()  # type: ignore[attr-defined]
    assert (await told.ending()).how is How.CANCELLED


async def test_it_has_the_variables_it_was_given_and_keeps_its_own_to_itself() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="none")
    variable.set("of the application")
    seen: list[Any] = []

    async def body() -> None:
        seen.append((variable.get(), current_run()))
        variable.set("of the body")

    _, told = start(body)
    await told.ending()
    ((value, run),) = seen
    assert (value, run.run_id) == ("of the application", "r")
    assert variable.get() == "of the application"
    assert current_run() is None
