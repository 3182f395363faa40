"""Bodies that go on when their time is over: told as they are, named, counted, and kept from taking the node along."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress

import pytest

from engine.bench import PATIENCE, Bench, until
from hourbell.engine.stuck import MOST_OF_A_TASK
from hourbell.model.run_state import Outcome, RunState


@pytest.mark.parametrize("kind", ["async", "thread"])
async def test_a_body_that_goes_on_is_told_of_named_and_ignored(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    bench, leave, ended = Bench(), threading.Event(), list[str]()

    async def swallowing() -> str:
        while not leave.is_set():
            with suppress(asyncio.CancelledError):
                await asyncio.to_thread(leave.wait, PATIENCE)
        ended.append("async")
        return "late"

    def deaf() -> str:
        leave.wait(PATIENCE)
        ended.append("thread")
        return "late"

    bench.task(swallowing if kind == "async" else deaf, "bad", timeout=0.05, timeout_grace=0.05)
    try:
        async with bench.running() as node:
            run = await bench.enqueue("bad")
            node.wake()
            done = await bench.final(run.id)
            assert (done.state, done.outcome) == (RunState.FAILED, Outcome.TIMED_OUT)
            assert done.error == "timed out after 0.05 s, did not end within 0.05 s more, and goes on unheeded"
            (stuck,) = node.status.stuck
            assert (stuck.run_id, stuck.task, stuck.attempt) == (run.id, "bad", 1)
            assert node.status.running == 0
            warned = [line.getMessage() for line in caplog.records if "does not end" in line.getMessage()]
            assert len(warned) == 1
            assert ("in swallowing" if kind == "async" else "in deaf") in warned[0]
            leave.set()
            await until(lambda: not node.status.stuck)
        assert ended == [kind]
        assert await bench.run(run.id) == done, "what it says afterwards changes nothing"
    finally:
        leave.set()


async def test_a_task_whose_bodies_get_stuck_is_left_alone_and_others_go_on() -> None:
    bench, leave, began, good = Bench(threads=2), threading.Event(), list[int](), list[int]()

    def deaf() -> None:
        began.append(1)
        leave.wait(PATIENCE)

    bench.task(deaf, timeout=0.01, timeout_grace=0.01)
    bench.task(lambda: good.append(1), "good")
    runs = await bench.enqueue_many("deaf", MOST_OF_A_TASK + 12)
    try:
        async with bench.running() as node:
            await until(lambda: len(node.status.stuck) >= MOST_OF_A_TASK)
            await asyncio.sleep(0.1)
            asked = bench.faults.asked["claim"]
            others = [await bench.enqueue("good") for _ in range(5)]
            node.wake()
            for run in others:
                await bench.final(run.id)
            assert len(good) == 5
            assert MOST_OF_A_TASK <= len(began) <= MOST_OF_A_TASK + 6, "some more had begun in the other threads"
            assert bench.faults.asked["claim"] - asked < 60, "what it may not take does not make it spin"
            states = [(await bench.run(run.id)).state for run in runs]
            assert states.count(RunState.QUEUED) == len(runs) - len(began)
            leave.set()  # once they have ended, the rest gets its turn
            for run in runs:
                await bench.final(run.id)
            await until(lambda: not node.status.stuck)
    finally:
        leave.set()


async def test_a_cancelled_body_that_goes_on_ends_its_run_all_the_same() -> None:
    bench, leave, began = Bench(), threading.Event(), threading.Event()

    def deaf() -> None:
        began.set()
        leave.wait(PATIENCE)

    bench.task(deaf, timeout_grace=0.05)
    try:
        async with bench.running() as node:
            run = await bench.enqueue("deaf")
            node.wake()
            await until(began.is_set)
            await bench.store.cancel_run(run.id)
            ended = await bench.final(run.id)
            assert (ended.state, ended.outcome) == (RunState.CANCELLED, Outcome.CANCELLED)
            assert ended.error == "the body does not end, and goes on unheeded"
            assert len(node.status.stuck) == 1
            leave.set()
            await until(lambda: not node.status.stuck)
    finally:
        leave.set()
