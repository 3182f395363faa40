"""Middleware around the bodies of every executor: its order, its errors, and what ends a run all the same."""

from __future__ import annotations

import asyncio
import contextvars
import os
import threading
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

import pytest

from engine.bench import Bench, until, until_async
from hourbell import Conflict, Context, InvalidArguments, Retry, Scheduler
from hourbell.engine.node import Node
from hourbell.events import RunStarted
from hourbell.executors.around import Around
from hourbell.executors.protocol import Call, Ending, How
from hourbell.model.run import Run
from hourbell.model.run_state import Outcome, RunState

Next = Callable[[], Awaitable[Any]]
tenant: ContextVar[str] = ContextVar("tenant", default="nobody")


def node_with(bench: Bench, *middleware: Any) -> Node:
    return Node(
        store=bench.store,
        clock=bench.clock,
        settings=bench.settings,
        tasks=bench.tasks,
        declarations=lambda: (),
        events=bench.events,
        middleware=middleware,
    )


async def ended(bench: Bench, name: str, *middleware: Any) -> Run:
    node = node_with(bench, *middleware)
    await node.start()
    try:
        run = await bench.enqueue(name)
        node.wake()
        return await bench.final(run.id)
    finally:
        await node.stop()


def both(bench: Bench, body: Callable[[], Any], **policies: Any) -> None:
    """The same body as a coroutine, and in a thread."""

    async def on_the_loop() -> Any:
        return body()

    def in_a_thread() -> Any:
        return body()

    bench.task(on_the_loop, "async", **policies)
    bench.task(in_a_thread, "thread", **policies)


KINDS = pytest.mark.parametrize("kind", ["async", "thread"])


@KINDS
async def test_what_was_added_first_is_outermost(kind: str) -> None:
    bench, told = Bench(), []

    def named(name: str) -> Any:
        async def middleware(call_next: Next, context: Context) -> Any:
            told.append((name, context.task))
            result = await call_next()
            told.append((name, result))
            return f"{name}({result})"

        return middleware

    both(bench, lambda: "body")
    bench.events.on(RunStarted, lambda event: told.append(("started", event.run.task)))
    run = await ended(bench, kind, named("a"), named("b"))
    assert (run.state, run.result) == (RunState.SUCCEEDED, "a(b(body))")
    assert told == [("started", kind), ("a", kind), ("b", kind), ("b", "body"), ("a", "b(body)")]
    assert run.started_at is not None


@KINDS
async def test_a_body_sees_what_middleware_put_into_context_variables(kind: str) -> None:
    bench = Bench()

    async def middleware(call_next: Next, _: Context) -> Any:
        tenant.set("acme")
        return [threading.current_thread() is threading.main_thread(), await call_next()]

    both(bench, tenant.get)
    assert (await ended(bench, kind, middleware)).result == [True, "acme"]
    assert tenant.get() == "nobody"


@KINDS
async def test_what_it_raises_is_the_failure_of_the_run(kind: str) -> None:
    bench, called = Bench(), []

    async def refuse(call_next: Next, context: Context) -> Any:
        if context.attempt == 1:
            raise PermissionError("not now")
        return await call_next()

    both(bench, lambda: called.append(1), retry=Retry(attempts=2, first=0.01))
    run = await ended(bench, kind, refuse)
    (attempt,) = await bench.store.list_attempts(run.id)
    assert (run.state, run.failures, called) == (RunState.SUCCEEDED, 1, [1])
    assert attempt.error.splitlines()[0] == "PermissionError: not now"


@KINDS
async def test_it_sees_what_the_body_raises_and_may_answer_instead(kind: str) -> None:
    bench = Bench()

    async def forgive(call_next: Next, _: Context) -> Any:
        try:
            return await call_next()
        except KeyError as error:
            return f"forgiven {error}"

    def fail() -> None:
        raise KeyError("x")

    both(bench, fail)
    assert (await ended(bench, kind, forgive)).result == "forgiven 'x'"

    async def on(call_next: Next, _: Context) -> Any:
        return await call_next()

    run = await ended(bench, kind, on)
    assert run.state is RunState.FAILED
    assert (run.error or "").startswith("KeyError: 'x'")
    assert "in fail" in (run.error or "")


@KINDS
async def test_a_body_runs_once(kind: str) -> None:
    bench, called = Bench(), []

    async def twice(call_next: Next, _: Context) -> Any:
        await call_next()
        await call_next()

    both(bench, lambda: called.append(1))
    run = await ended(bench, kind, twice)
    assert (run.state, called) == (RunState.FAILED, [1])
    assert "call_next() was called twice" in (run.error or "")


@KINDS
async def test_it_may_leave_the_body_out(kind: str) -> None:
    bench = Bench(threads=1)

    async def instead(_: Next, context: Context) -> Any:
        return context.run_id

    both(bench, lambda: pytest.fail("never"))
    for _ in range(3):  # its place is given back
        run = await ended(bench, kind, instead)
        assert run.result == run.id


@KINDS
async def test_time_runs_for_the_middleware_too(kind: str) -> None:
    bench = Bench()

    async def hang(_: Next, __: Context) -> Any:
        await asyncio.Event().wait()

    both(bench, lambda: None, timeout=0.1)
    run = await ended(bench, kind, hang)
    assert (run.state, run.outcome) == (RunState.FAILED, "timed_out")


async def test_a_thread_is_asked_to_end_through_its_middleware() -> None:
    bench, seen = Bench(), []

    def slow(context: Context) -> str:
        while not context.cancelled:
            time.sleep(0.005)
        seen.append("asked")
        raise RuntimeError("stopping")

    async def on(call_next: Next, _: Context) -> Any:
        try:
            return await call_next()
        finally:
            seen.append("left")

    bench.task(slow, timeout=0.1)
    run = await ended(bench, "slow", on)
    assert (run.state, run.outcome) == (RunState.FAILED, "timed_out")
    assert seen == ["asked", "left"]


async def test_no_more_is_claimed_than_there_are_threads() -> None:
    bench, gate = Bench(threads=2), asyncio.Event()

    async def wait(call_next: Next, _: Context) -> Any:
        await gate.wait()
        return await call_next()

    bench.task(lambda: None, "quick")
    node = node_with(bench, wait)
    await node.start()
    try:
        runs = await bench.enqueue_many("quick", 6)
        node.wake()
        await until(lambda: node.status.running == 2)
        await asyncio.sleep(0.5)  # some polls
        assert node.status.running == 2
        assert len(await bench.runs(state=RunState.QUEUED)) == 4
        gate.set()

        async def all_done() -> bool:
            return len(await bench.runs(state=RunState.SUCCEEDED)) == len(runs)

        await until_async(all_done)
    finally:
        await node.stop()


async def test_without_any_nothing_is_wrapped() -> None:
    bench = Bench()
    assert not any(isinstance(one, Around) for one in bench.node()._executors.values())


@pytest.mark.parametrize(
    "wrong", [None, 5, lambda call_next, context: None], ids=["nothing", "a number", "a plain function"]
)
def test_what_is_no_middleware_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidArguments, match="middleware"):
        Scheduler("memory://", middleware=[wrong])


async def test_it_is_added_before_the_start() -> None:
    async def short(_: Next) -> Any: ...

    async def on(call_next: Next, _: Context) -> Any:
        return f"<{await call_next()}>"

    scheduler = Scheduler("memory://", middleware=[on])
    with pytest.raises(InvalidArguments, match="two arguments"):
        scheduler.add_middleware(short)  # type: ignore[arg-type]
    scheduler.add_middleware(on)
    task = scheduler.task(name="greet")(lambda: "hello")
    async with scheduler.lifespan():
        with pytest.raises(Conflict):
            scheduler.add_middleware(on)
        assert (await scheduler.wait(await task.enqueue(), timeout=30)).result == "<<hello>>"


def too_much() -> str:
    return "x" * 100_000


def in_another_process() -> str:
    return f"{__name__}: {os.getpid()}"


async def test_it_runs_in_the_parent_around_a_body_in_a_process() -> None:
    bench, here = Bench(processes=1), []

    async def on(call_next: Next, _: Context) -> Any:
        here.append(os.getpid())
        return f"<{await call_next()}>"

    bench.task(in_another_process, "there", executor="process")
    run = await ended(bench, "there", on)
    assert run.state is RunState.SUCCEEDED, run.error
    assert here == [os.getpid()]
    assert run.result.startswith(f"<{__name__}: ")
    assert str(os.getpid()) not in run.result
    bench.task(too_much, "much", executor="process", retry=Retry(attempts=3, first=0.01))
    run = await ended(bench, "much", on)
    assert (run.state, run.attempt) == (RunState.FAILED, 1)
    assert "its result cannot be kept" in (run.error or "")


async def test_a_thread_that_does_not_end_is_told_of_once_and_its_slot_is_free() -> None:
    bench, gate = Bench(threads=1), threading.Event()

    async def on(call_next: Next, _: Context) -> Any:
        return await call_next()

    bench.task(lambda: gate.wait(60), "deaf", timeout=0.1, timeout_grace=0.1)
    bench.task(lambda: "quick", "quick")
    node = node_with(bench, on)
    await node.start()
    try:
        run = await bench.enqueue("deaf")
        node.wake()
        deaf = await bench.final(run.id)
        assert (deaf.state, deaf.outcome) == (RunState.FAILED, "timed_out")
        quick = await bench.enqueue("quick")
        node.wake()
        assert (await bench.final(quick.id)).result == "quick"
    finally:
        gate.set()
        await asyncio.sleep(0.1)
        await node.stop()


class Unready:
    """An executor whose bodies wait for their process, and do not begin once they are not wanted any more."""

    def __init__(self) -> None:
        self.waiting: Callable[[Ending], None] = lambda _: None

    def free(self) -> int | None:
        return 1

    def start(self, call: Call, done: Callable[[Ending], None]) -> Unready:
        self.waiting = done
        return self

    def cancel(self, grace: float | None = None) -> None:
        self.stop()

    def stop(self) -> None:
        self.waiting(Ending(How.NOT_BEGUN))


@pytest.mark.parametrize("on_lost", ["retry", "fail"])
async def test_without_a_thread_for_the_body_no_try_is_used(on_lost: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bench, start, said = Bench(lease=60), threading.Thread.start, list[str]()

    def scarce(thread: threading.Thread) -> None:
        if thread.name.startswith("hourbell-body"):
            raise RuntimeError("can't start new thread")
        start(thread)

    async def middleware(call_next: Next, context: Context) -> Any:
        try:
            return await call_next()
        except RuntimeError as error:
            said.append(str(error))
            raise

    bench.task(lambda: 1, "plain", on_lost=on_lost)
    monkeypatch.setattr(threading.Thread, "start", scarce)
    node = node_with(bench, middleware)
    await node.start()
    try:
        run = await bench.enqueue("plain")
        node.wake()
        await until(lambda: bool(said) and not node.status.running)
    finally:
        await node.stop()
    left = await bench.run(run.id)
    assert said == ["can't start new thread"], "the middleware is told"
    assert (left.state, left.outcome, left.failures) == (RunState.QUEUED, Outcome.HANDED_BACK, 0)


@pytest.mark.parametrize("cause, how", [("timeout", How.TIMED_OUT), ("asked", How.CANCELLED), ("end", How.CANCELLED)])
async def test_an_attempt_whose_middleware_had_begun_ends_as_it_was_asked_to(cause: str, how: How) -> None:
    told: list[Ending] = []
    begun = asyncio.Event()

    async def middleware(call_next: Next, context: Context) -> Any:
        begun.set()
        return await call_next()

    executor = Around(Unready(), [middleware])
    context = Context(run_id="r", task="t", schedule_id=None, fire_at=None, attempt=1, tracking_id="t")
    timeout = 0.05 if cause == "timeout" else None
    call = Call(lambda: True, lambda: None, context, contextvars.copy_context(), timeout, 5.0)
    body = executor.start(call, told.append)
    await asyncio.wait_for(begun.wait(), 10)
    await asyncio.sleep(0)
    if cause == "asked":
        body.cancel()
    elif cause == "end":
        executor.stop()
    await until(lambda: bool(told), 10)
    assert [ending.how for ending in told] == [how], "or else the store would never hear of this attempt"
