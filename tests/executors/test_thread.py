"""Bodies that are plain functions, in daemon threads of our own."""

from __future__ import annotations

import asyncio
import contextvars
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from engine.bench import until
from executors.test_async import Told, context
from hourbell.context import current_run
from hourbell.executors.protocol import Body, Call, Ending, How
from hourbell.executors.thread import ThreadExecutor


@pytest.fixture
def freed() -> list[str]:
    return []


@pytest.fixture
def executor(freed: list[str]) -> Iterator[ThreadExecutor]:
    made = ThreadExecutor(2, lambda: freed.append("freed"))
    yield made
    made.stop()


def start(
    executor: ThreadExecutor,
    invoke: Callable[[], Any],
    timeout: float | None = None,
    begin: Callable[[], bool] = lambda: True,
    grace: float = 5.0,
) -> tuple[Body, Told]:
    told = Told()
    call = Call(begin, invoke, context(), contextvars.copy_context(), timeout, grace)
    return executor.start(call, told), told


async def test_its_value_is_told_on_the_loop(executor: ThreadExecutor, freed: list[str]) -> None:
    _, told = start(executor, lambda: (threading.current_thread().daemon, threading.current_thread().name))
    ending = await told.ending()
    assert ending == Ending(How.RETURNED, (True, "hourbell-body-1"))
    assert (executor.free(), freed) == (2, ["freed"])


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(1), KeyboardInterrupt()])
async def test_whatever_it_raises_is_told_and_the_thread_goes_on(
    executor: ThreadExecutor, error: BaseException
) -> None:
    def body() -> None:
        raise error

    for _ in range(3):
        _, told = start(executor, body)
        ending = await told.ending()
        assert (ending.how, ending.error) == (How.RAISED, error)
    _, told = start(executor, lambda: 1)
    assert (await told.ending()).value == 1


async def test_no_more_run_at_once_than_there_are_threads(executor: ThreadExecutor) -> None:
    leave = threading.Event()
    most: list[int] = []
    inside: list[int] = []

    def body() -> None:
        inside.append(1)
        most.append(len(inside))
        leave.wait(10)
        inside.pop()

    bodies = [start(executor, body) for _ in range(6)]
    await until(lambda: len(most) == 2)
    assert executor.free() == 0
    leave.set()
    for _, told in bodies:
        assert (await told.ending()).how is How.RETURNED
    assert max(most) == 2
    assert executor.free() == 2


async def test_past_its_time_it_may_end_within_its_grace(executor: ThreadExecutor) -> None:
    def body() -> str:
        run = current_run()
        assert run is not None
        while not run.cancelled:
            pass
        return "half"

    _, told = start(executor, body, timeout=0.01)
    ending = await told.ending()
    assert (ending.how, type(ending.error), ending.stuck) == (How.TIMED_OUT, TimeoutError, False)
    assert executor.free() == 2


async def test_a_thread_that_goes_on_is_let_go_of_and_replaced(executor: ThreadExecutor, freed: list[str]) -> None:
    leave = threading.Event()

    def endless() -> None:
        leave.wait(10)

    _, told = start(executor, endless, timeout=0.01, grace=0.01)
    ending = await told.ending()
    assert (ending.how, ending.stuck) == (How.TIMED_OUT, True)
    assert "in endless" in str(ending.stack)
    assert (executor.free(), freed) == (2, ["freed"])
    for _ in range(2):
        _, other = start(executor, lambda: 1)
        assert (await other.ending()).value == 1
    leave.set()
    assert (await told.second()).how is How.TIMED_OUT
    assert executor.free() == 2


async def test_stuck_threads_are_replaced_up_to_a_bound_and_their_replacements_go(executor: ThreadExecutor) -> None:
    leave = threading.Event()
    stuck: list[Told] = []
    for _ in range(6):  # two places, each replaced twice
        _, told = start(executor, lambda: leave.wait(20), timeout=0.001, grace=0.001)
        stuck.append(told)
        assert (await told.ending()).stuck
    assert executor.free() == 0, "so many are not replaced any more"
    assert bodies_threads() == 6
    leave.set()
    for told in stuck:
        await told.second()
    assert executor.free() == 2
    together = threading.Barrier(2)
    for _, told in [start(executor, lambda: together.wait(10)) for _ in range(2)]:
        assert (await told.ending()).how is How.RETURNED
    await until(lambda: bodies_threads() == 2)


def bodies_threads() -> int:
    return sum(thread.name.startswith("hourbell-body") for thread in threading.enumerate())


async def test_a_body_that_never_looked_has_come_to_its_own_end(executor: ThreadExecutor) -> None:
    leave, begun = threading.Event(), threading.Event()

    def body() -> str:
        begun.set()
        leave.wait(10)
        return "whole"

    running, told = start(executor, body)
    await until(begun.is_set)
    running.cancel()
    leave.set()
    assert await told.ending() == Ending(How.RETURNED, "whole")


async def test_cancelled_it_is_asked_and_told_when_it_has_ended(executor: ThreadExecutor) -> None:
    seen: list[Any] = []
    going = threading.Event()

    def body() -> None:
        run = current_run()
        assert run is not None
        going.set()
        while not run.cancelled:
            pass
        seen.append("noticed")

    running, told = start(executor, body)
    await until(going.is_set)
    running.cancel()
    assert (await told.ending()).how is How.CANCELLED
    await until(lambda: seen == ["noticed"])
    await until(lambda: executor.free() == 2)


async def test_a_body_refused_at_its_beginning_is_not_invoked(executor: ThreadExecutor) -> None:
    invoked: list[str] = []
    _, told = start(executor, lambda: invoked.append("yes"), begin=lambda: False)
    assert (await told.ending()).how is How.NOT_BEGUN
    assert invoked == []


async def test_a_body_given_up_while_it_waits_for_a_thread_is_never_invoked(executor: ThreadExecutor) -> None:
    leave = threading.Event()
    invoked: list[str] = []
    busy = [start(executor, lambda: leave.wait(10)) for _ in range(2)]
    waiting, told = start(executor, lambda: invoked.append("yes"))
    waiting.cancel()
    leave.set()
    assert (await told.ending()).how is How.NOT_BEGUN
    for _, other in busy:
        await other.ending()
    await until(lambda: executor.free() == 2)
    assert invoked == []


async def test_context_variables_are_carried_over_and_not_back(executor: ThreadExecutor) -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="none")
    variable.set("of the application")

    def body() -> Any:
        run = current_run()
        found = variable.get(), run.run_id if run else None
        variable.set("of the body")
        return found

    for _ in range(3):
        _, told = start(executor, body)
        assert (await told.ending()).value == ("of the application", "r")
    assert variable.get() == "of the application"


async def test_a_plain_function_that_returns_a_coroutine_is_told_what_to_do(executor: ThreadExecutor) -> None:
    async def inner() -> None: ...

    _, told = start(executor, inner)
    ending = await told.ending()
    assert ending.how is How.RAISED
    assert "async def" in str(ending.error)


async def test_stopping_ends_the_idle_threads() -> None:
    executor = ThreadExecutor(3)
    bodies = [start(executor, lambda: 1) for _ in range(3)]
    for _, told in bodies:
        await told.ending()
    threads = list(executor._threads)
    executor.stop()
    assert threads
    assert not any(thread.is_alive() for thread in threads)


def test_a_body_that_never_returns_does_not_keep_the_process() -> None:
    script = """
import asyncio, contextvars, time
from hourbell.context import Context
from hourbell.executors.protocol import Call
from hourbell.executors.thread import ThreadExecutor

async def main():
    context = Context(run_id="r", task="t", schedule_id=None, fire_at=None, attempt=1, tracking_id="t")
    executor = ThreadExecutor(1)
    call = Call(lambda: True, lambda: time.sleep(3600), context, contextvars.copy_context())
    executor.start(call, print)
    await asyncio.sleep(0.1)
    executor.stop()

asyncio.run(main())
"""
    ended = subprocess.run([sys.executable, "-c", script], timeout=60, check=False)
    assert ended.returncode == 0


async def test_an_ending_after_the_loop_was_closed_hurts_nobody() -> None:
    leave = threading.Event()

    def elsewhere() -> None:
        async def main() -> None:
            executor = ThreadExecutor(1)
            start(executor, lambda: leave.wait(10))
            executor.stop()

        asyncio.run(main())

    await asyncio.to_thread(elsewhere)
    leave.set()
    await until(lambda: not [one for one in threading.enumerate() if one.name.startswith("hourbell-body")])


async def test_without_a_thread_nothing_is_taken_and_with_one_the_next_waits_for_it(
    executor: ThreadExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as scarce:
        scarce.setattr(threading.Thread, "start", refuses)
        with pytest.raises(RuntimeError, match="new thread"):
            start(executor, lambda: 1)
    assert executor.free() == 0, "what is claimed for no thread would only be handed back"
    monkeypatch.setattr("hourbell.executors.thread.SCARCE", 0.0)
    executor._scarce_until = 0.0
    assert executor.free() == 2
    leave = threading.Event()
    _, first = start(executor, lambda: leave.wait(10))
    with monkeypatch.context() as scarce:
        scarce.setattr(threading.Thread, "start", refuses)
        _, second = start(executor, lambda: 2)
    leave.set()
    assert (await first.ending()).value
    assert (await second.ending()).value == 2
    assert executor.free() == 2


def refuses(_: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
async def test_a_copy_that_a_body_forks_ends_where_the_body_does(executor: ThreadExecutor) -> None:
    """It stayed for ever, with all that the application had open: its port, for one."""
    _, told = start(executor, os.fork)
    copy = (await told.ending()).value
    await until(lambda: os.waitpid(copy, os.WNOHANG) == (copy, 0))
