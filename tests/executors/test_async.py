"""Bodies that are coroutines."""

from __future__ import annotations

import asyncio
import contextvars
import types
from collections.abc import Callable, Generator
from contextlib import suppress
from typing import Any

import pytest

from engine.bench import until
from hourbell.context import Context, current_run
from hourbell.executors.async_ import AsyncBody, AsyncExecutor
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

    async def second(self) -> Ending:
        """The end of a body that was told of as stuck before."""
        await until(lambda: len(self.endings) == 2, 10)
        first, second = self.endings
        assert first.stuck
        return second


def start(
    invoke: Invoke, timeout: float | None = None, begin: Callable[[], bool] = lambda: True, grace: float = 5.0
) -> tuple[Body, Told]:
    told = Told()
    variables = contextvars.copy_context()
    return AsyncExecutor().start(Call(begin, invoke, context(), variables, timeout, grace), told), told


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


async def test_a_body_that_looked_whether_it_should_end_and_returned_has_ended_for_that() -> None:
    async def body() -> str:
        run = current_run()
        assert run is not None
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return "half" if run.cancelled else "whole"
        return ""

    running, told = start(body)
    await asyncio.sleep(0.01)
    running.cancel()
    assert await told.ending() == Ending(How.CANCELLED)


@pytest.mark.parametrize("how", ["returns", "raises", "swallows and goes on"])
async def test_past_its_time_it_has_timed_out_whatever_it_does(how: str) -> None:
    async def body() -> str:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            if how == "raises":
                raise ValueError("while cleaning up") from None
            if how == "swallows and goes on":
                await asyncio.sleep(0.05)
        return "done all the same"

    _, told = start(body, timeout=0.01)
    ending = await told.ending()
    assert (ending.how, type(ending.error), ending.stuck, ending.value) == (How.TIMED_OUT, TimeoutError, False, None)


@pytest.mark.parametrize("how", [How.TIMED_OUT, How.CANCELLED])
async def test_a_body_that_swallows_its_cancellation_is_let_go_of_and_its_end_told_once_more(how: How) -> None:
    leave = asyncio.Event()
    swallowed: list[str] = []

    async def swallowing() -> str:
        while not leave.is_set() and len(swallowed) < 3:
            try:
                await leave.wait()
            except asyncio.CancelledError:
                swallowed.append("yes")
        return "late"

    running, told = start(swallowing, timeout=0.01 if how is How.TIMED_OUT else None, grace=0.05)
    await asyncio.sleep(0.005)
    if how is How.CANCELLED:
        running.cancel()
    ending = await told.ending()
    assert (ending.how, ending.stuck) == (how, True)
    assert "in swallowing" in str(ending.stack)
    running.cancel()
    await asyncio.sleep(0.1)
    assert swallowed == ["yes"], "it is asked once"
    leave.set()
    late = await told.second()
    assert not late.stuck


async def test_a_shorter_grace_may_be_given_and_a_longer_one_not() -> None:
    async def swallowing() -> None:
        end = asyncio.get_running_loop().time() + 0.5
        while (left := end - asyncio.get_running_loop().time()) > 0:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(left)

    for grace, given in ((60.0, 0.01), (0.01, 60.0)):
        running, told = start(swallowing, grace=grace)
        await asyncio.sleep(0.005)
        running.cancel(given)
        assert (await told.ending()).stuck
        await told.second()


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


def test_an_application_that_ends_and_cancels_all_its_tasks_interrupts_the_body() -> None:
    async def body() -> None:
        await asyncio.sleep(60)

    async def application() -> Told:
        _, told = start(body)
        await asyncio.sleep(0.01)
        return told

    told = asyncio.run(application())
    assert [ending.how for ending in told.endings] == [How.CANCELLED]


async def test_a_body_whose_task_the_application_cancels_has_failed() -> None:
    async def body() -> None:
        await asyncio.sleep(60)

    running, told = start(body)
    await asyncio.sleep(0.01)
    assert running.task is not None  # type: ignore[attr-defined]
    running.task.cancel()  # type: ignore[attr-defined]
    ending = await told.ending()
    assert (ending.how, type(ending.error)) == (How.RAISED, asyncio.CancelledError)


@pytest.mark.parametrize("wait", [True, False])
async def test_a_body_that_cancels_itself_or_raises_what_ends_generators_has_failed(wait: bool) -> None:
    async def cancels_itself() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    async def exits() -> None:
        if wait:
            await asyncio.sleep(0)
        raise GeneratorExit

    for body, error in ((cancels_itself, asyncio.CancelledError), (exits, GeneratorExit)):
        _, told = start(body)
        ending = await told.ending()
        assert (ending.how, type(ending.error)) == (How.RAISED, error)


def test_a_body_that_is_closed_when_its_loop_is_gone_tells_nobody() -> None:
    told, variables = Told(), contextvars.copy_context()
    body = AsyncBody(Call(lambda: True, suspended, context(), variables, None, 5.0), told)
    coroutine = body.run()
    variables.run(coroutine.send, None)
    coroutine.close()  # by whoever comes along, with other variables than its own
    assert told.endings == []


def test_a_body_that_is_closed_elsewhere_when_its_loop_is_gone_tells_nobody() -> None:
    """By the collector, whoever lets it run: not in the context in which the body began."""
    closed: list[type[BaseException]] = []

    async def body() -> None:
        try:
            with context().entered():
                await suspended()
        except BaseException as error:
            closed.append(type(error))
            raise

    told = Told()
    coroutine = AsyncBody(Call(lambda: True, body, context(), contextvars.Context(), None, 5.0), told).run()
    contextvars.Context().run(coroutine.send, None)
    contextvars.Context().run(coroutine.close)
    assert told.endings == []
    assert closed == [GeneratorExit]


@types.coroutine
def suspended() -> Generator[None, None, None]:
    yield


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
