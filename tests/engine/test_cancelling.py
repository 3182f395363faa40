"""A run that somebody asked to end, from the node's side: the body is asked, and its end is told as it was."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from engine.bench import PATIENCE, Bench, until
from hourbell.context import Context
from hourbell.events import RunCancelled, RunEvent, RunRetried
from hourbell.model.retry import Retry
from hourbell.model.run import CancelRequest, Run
from hourbell.model.run_state import Outcome, Reason, RunState


class Bodies:
    """Tasks that note how they went."""

    def __init__(self, bench: Bench, **policies: Any) -> None:
        self.begun: list[int] = []
        self.ended: list[str] = []
        self.go_on = threading.Event()
        for body in (self.quiet, self.stubborn, self.failing, self.in_thread):
            bench.task(self._unbound(body), body.__name__, **policies)

    def _unbound(self, body: Any) -> Any:
        if asyncio.iscoroutinefunction(body):

            async def run(context: Context) -> Any:
                self.begun.append(context.attempt)
                return await body(context)

            return run

        def run_in_thread(context: Context) -> Any:
            self.begun.append(context.attempt)
            return body(context)

        return run_in_thread

    async def quiet(self, context: Context) -> None:
        try:
            await asyncio.sleep(PATIENCE)
        finally:
            self.ended.append(f"quiet {context.cancelled}")

    async def stubborn(self, context: Context) -> str:
        try:
            await asyncio.sleep(PATIENCE)
        except asyncio.CancelledError:
            self.ended.append("stubborn")
        return "done all the same"

    async def failing(self, context: Context) -> None:
        await asyncio.to_thread(self.go_on.wait, PATIENCE)
        raise ValueError("by itself")

    def in_thread(self, context: Context) -> None:
        while not context.cancelled and not self.go_on.wait(0.01):
            pass
        self.ended.append(f"in_thread {context.cancelled}")


async def began(bench: Bench, bodies: Bodies, task: str) -> Run:
    run = await bench.enqueue(task)
    await until(lambda: bool(bodies.begun))
    return run


@pytest.mark.parametrize("task", ["quiet", "in_thread"])
async def test_a_body_is_asked_and_its_run_is_cancelled(task: str) -> None:
    bench, heard = Bench(), list[RunEvent]()
    bodies = Bodies(bench, retry=3)
    bench.events.on(RunEvent, heard.append)
    async with bench.running():
        run = await began(bench, bodies, task)
        await bench.store.cancel_run(run.id, Reason.OVERLAP)
        ended = await bench.final(run.id)
        await until(lambda: bool(bodies.ended))
    assert bodies.ended == [f"{task} True"]
    assert (ended.state, ended.outcome, ended.reason) == (RunState.CANCELLED, Outcome.CANCELLED, Reason.OVERLAP)
    assert ended.started_at is not None
    assert (ended.error, bodies.begun) == (None, [1])
    assert [type(event).__name__ for event in heard] == ["RunStarted", "RunCancelled"]
    assert heard[-1].run.state is RunState.CANCELLED


async def test_it_is_found_by_the_poll_alone_and_asked_for_once() -> None:
    bench = Bench(poll=0.2, poll_with_hints=0.2)
    bodies = Bodies(bench)
    async with bench.running():
        run = await began(bench, bodies, "quiet")
        asked = bench.faults.asked["next_work"]
        await bench.store._store.cancel_run(run.id)
        await bench.final(run.id)
        assert bench.faults.asked["next_work"] - asked <= 3, "the first question after the request tells"
    assert bodies.ended == ["quiet True"]


async def test_a_body_that_returns_all_the_same_has_succeeded() -> None:
    bench = Bench()
    bodies = Bodies(bench)
    async with bench.running():
        run = await began(bench, bodies, "stubborn")
        await bench.store.cancel_run(run.id)
        ended = await bench.final(run.id)
    assert (ended.state, ended.result, ended.reason) == (RunState.SUCCEEDED, "done all the same", None)
    assert bodies.ended == ["stubborn"]


async def test_a_failure_is_not_tried_again_once_the_end_was_asked_for() -> None:
    bench, heard = Bench(poll=60, poll_with_hints=60), list[RunEvent]()
    bodies = Bodies(bench, retry=Retry(3, first=0))
    bench.events.on(RunRetried, heard.append)
    bench.events.on(RunCancelled, heard.append)
    async with bench.running() as node:
        run = await bench.enqueue("failing")
        node.wake()
        await until(lambda: bool(bodies.begun))
        await bench.store.cancel_run(run.id)
        bodies.go_on.set()  # the node has not heard of the request when the body fails
        ended = await bench.final(run.id)
        await until(lambda: bool(heard))
    assert (ended.state, ended.outcome, ended.failures) == (RunState.CANCELLED, Outcome.FAILED, 1)
    assert "by itself" in str(ended.error)
    assert [type(event) for event in heard] == [RunCancelled]
    assert bodies.begun == [1]


async def test_a_run_asked_to_end_while_its_node_stops_is_cancelled() -> None:
    bench = Bench(drain=0.1, poll=60, poll_with_hints=60)
    bodies = Bodies(bench)
    async with bench.running() as node:
        run = await bench.enqueue("quiet")
        node.wake()
        await until(lambda: bool(bodies.begun))
        await bench.store.cancel_run(run.id)
    ended = await bench.run(run.id)
    assert (ended.state, ended.outcome) == (RunState.CANCELLED, Outcome.HANDED_BACK)


async def test_an_attempt_that_is_over_is_not_mistaken_for_the_next() -> None:
    """The request names the attempt: an answer that comes late does not end the attempt after it."""
    bench = Bench()
    bodies = Bodies(bench)
    async with bench.running() as node:
        run = await began(bench, bodies, "quiet")
        assert node._shift is not None
        shift = node._shift.executing
        shift.end([CancelRequest(run.id, 2, None), CancelRequest("another", 1, None)])
        await asyncio.sleep(0.1)
        assert bodies.ended == []
        shift.end([CancelRequest(run.id, 1, None)])
        await until(lambda: bool(bodies.ended))
