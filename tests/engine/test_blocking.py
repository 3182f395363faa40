"""A body that blocks the event loop is named while it does: in the log, in its run, and to health."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from engine.bench import Bench, until, until_async
from hourbell.clock import ManualClock
from hourbell.context import Context
from hourbell.engine.blocking import AGAIN, Blocking
from hourbell.engine.node import Node
from hourbell.engine.pulse import REMEMBERED, Pulse
from hourbell.engine.shift import Shift
from hourbell.executors.choice import make_executors
from hourbell.model.log_line import START, LogLine
from hourbell.model.run import Run

PATIENCE = 30.0


@pytest.fixture
def bench() -> Bench:
    return Bench(blocked_after=0.4)


async def lines(bench: Bench, run: Run) -> list[LogLine]:
    return list(await bench.store._store.list_logs(run.id, attempt=None, after=START, limit=100))


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        record.getMessage()
        for record in caplog.records
        if record.name == "hourbell.engine"
        and record.levelno == logging.WARNING
        and "event loop" in record.getMessage()
    ]


class Looker:
    """Reads the log of the run from a thread of its own, while the loop of the test does not move."""

    def __init__(self, bench: Bench) -> None:
        self._store = bench.store._store.twin()
        self.seen: set[str] = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._look()), daemon=True)
        self._thread.start()

    async def _look(self) -> None:
        while not self._over.is_set():
            for run in (await self._store.list_runs(_any())).items:
                found = await self._store.list_logs(run.id, attempt=None, after=START, limit=10)
                if any("kept the event loop" in line.message for line in found):
                    self.seen.add(run.id)
            await asyncio.sleep(0.05)

    def join(self) -> None:
        self._over.set()
        self._thread.join(PATIENCE)


def hold(seen: Callable[[], Any]) -> bool:
    """Block the thread, as a body must not, until something is seen; False when that took too long."""
    deadline = time.monotonic() + PATIENCE
    while not seen() and time.monotonic() < deadline:
        time.sleep(0.05)
    return bool(seen())


def _any() -> Any:
    from hourbell.model.run import RunFilter

    return RunFilter()


async def test_a_body_that_blocks_is_named_while_it_does(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    looker = Looker(bench)

    async def greedy(context: Context) -> bool:
        return hold(lambda: context.run_id in looker.seen)

    bench.task(greedy)
    async with bench.running() as node:
        run = await bench.enqueue("greedy")
        assert (await bench.final(run.id)).result is True, "its own log named it before it let go of the loop"
        await until(lambda: node.status.blocked is not None)
        blocked = node.status.blocked
    looker.join()
    assert blocked is not None
    assert (blocked.task, blocked.run_id) == ("greedy", run.id)
    assert blocked.seconds >= 0.4
    (told,) = warnings(caplog)
    assert f"run {run.id} of greedy has kept the application's event loop" in told
    assert "in greedy" in told
    assert "asyncio.to_thread" in told
    assert "base_events" not in told, "the stack begins in the body"
    first = (await lines(bench, run))[0]
    assert (first.level, first.logger) == (logging.WARNING, "hourbell.engine")
    assert "in greedy" in first.message


async def test_each_run_is_told_and_the_log_once(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """Also when one follows on the other without a turn for the loop between."""
    looker = Looker(bench)

    async def greedy(context: Context) -> bool:
        return hold(lambda: context.run_id in looker.seen)

    bench.task(greedy)
    async with bench.running():
        runs = await bench.enqueue_many("greedy", 2)
        for run in runs:
            assert (await bench.final(run.id)).result is True
    looker.join()
    assert len([told for told in warnings(caplog) if "of greedy" in told]) == 1


async def test_a_child_task_is_its_run(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    nodes: list[Node] = []

    async def child() -> None:
        hold(lambda: nodes[0].status.blocked is not None)

    async def parent() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(child())
            await asyncio.sleep(0)

    bench.task(parent)
    async with bench.running() as node:
        nodes.append(node)
        run = await bench.enqueue("parent")
        await bench.final(run.id)
        blocked = node.status.blocked
    assert blocked is not None
    assert "in child" in warnings(caplog)[0]
    if sys.version_info >= (3, 12):
        assert blocked.task == "parent"
    else:
        assert blocked.task is None, "this Python does not show the context variables of a task"


async def test_what_is_no_run_is_told_with_its_stack(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    async with bench.running() as node:
        assert hold(lambda: node.status.blocked is not None)
        blocked = node.status.blocked
    assert blocked is not None
    assert blocked.task is None
    told = warnings(caplog)[0]
    assert "not known to be a run" in told
    assert "test_what_is_no_run_is_told_with_its_stack" in told


async def test_threads_block_nobody(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    def patient() -> None:
        time.sleep(1.5)

    bench.task(patient)
    async with bench.running() as node:
        run = await bench.enqueue("patient")
        await bench.final(run.id)
        assert node.status.blocked is None or node.status.blocked.task is None
    assert await lines(bench, run) == []


class Rig:
    """The watch on a clock moved by hand: the pulse beats when it is told to."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.bench = Bench(self.clock, lease=15.0, blocked_after=1.0)
        self.pulse = Pulse(self.clock, 0.25)

    async def watch(self) -> Blocking:
        parts = self.bench.parts()
        shift = Shift(
            self.bench.store,
            parts,
            await self.bench.trust(),
            make_executors(1, lambda: None),
            lost=lambda reason: None,
            queued=lambda: None,
            crowded=lambda: None,
            spent=lambda statements: None,
        )
        self.pulse.start()
        return Blocking(self.bench.store, parts, self.pulse, shift)

    async def looks(self, watch: Blocking, count: int, *, beats: bool) -> None:
        """So many looks, in time, at a loop that moves or does not."""
        for _ in range(count):
            self.clock.advance(0.25)
            if beats:
                self.pulse._beat()
            await watch.step()


async def test_a_loop_that_moves_is_not_told_of(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig()
    watch = await rig.watch()
    await rig.looks(watch, 40, beats=True)
    assert (rig.pulse.blocked(), rig.pulse.lag) == (None, 0.0)
    assert not warnings(caplog)


async def test_a_short_block_is_not_told_of(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig()
    watch = await rig.watch()
    for _ in range(5):
        await rig.looks(watch, 3, beats=False)
        await rig.looks(watch, 2, beats=True)
    assert rig.pulse.blocked() is None
    assert not warnings(caplog)


async def test_a_block_that_ends_between_two_looks_is_told_of(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig()
    watch = await rig.watch()
    await rig.looks(watch, 4, beats=False)
    assert rig.pulse.blocked() is None
    rig.clock.advance(0.25)
    rig.pulse._beat()
    await watch.step()
    blocked = rig.pulse.blocked()
    assert blocked is not None
    assert blocked.seconds == pytest.approx(1.0)
    assert len(warnings(caplog)) == 1


async def test_its_length_is_known_in_the_end_and_forgotten_after_a_minute() -> None:
    rig = Rig()
    watch = await rig.watch()
    await rig.looks(watch, 40, beats=False)
    await rig.looks(watch, 1, beats=True)
    blocked = rig.pulse.blocked()
    assert blocked is not None
    assert blocked.seconds == pytest.approx(10.0, abs=0.3)
    await rig.looks(watch, int(REMEMBERED / 0.25) + 1, beats=True)
    assert rig.pulse.blocked() is None


async def test_a_process_that_was_stopped_blames_no_body(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig()
    watch = await rig.watch()
    await rig.looks(watch, 2, beats=True)
    rig.clock.advance(30)
    await watch.step()
    assert not warnings(caplog), "the loop may not have had its turn yet after the stop"
    rig.clock.advance(0.25)
    rig.pulse._beat()
    await watch.step()
    (told,) = warnings(caplog)
    assert "a process that was stopped" in told
    blocked = rig.pulse.blocked()
    assert blocked is not None
    assert blocked.run_id is None


async def test_the_log_is_told_again_after_a_while(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig()
    watch = await rig.watch()
    for wait, expected in ((1.0, 1), (1.0, 1), (AGAIN, 1), (1.0, 2)):
        await rig.looks(watch, 8, beats=False)
        await rig.looks(watch, int(wait / 0.25), beats=True)
        assert len(warnings(caplog)) == expected


async def test_health_says_so(bench: Bench) -> None:
    from hourbell import Scheduler

    scheduler = Scheduler("memory://", blocked_after=0.4)

    @scheduler.task(name="greedy")
    async def greedy() -> None:
        node = scheduler._core.node
        assert node is not None
        hold(lambda: node.status.blocked is not None and node.status.blocked.task == "greedy")

    async with scheduler.lifespan():
        await until_async(lambda: _is_ok(scheduler))
        await scheduler.wait(await greedy.enqueue(), timeout=PATIENCE)
        await until_async(lambda: _is_degraded(scheduler))
        health = await scheduler.health()
    assert health.node.blocked is not None
    assert "of greedy kept the event loop for" in health.node.blocked
    assert any("greedy" in reason for reason in health.reasons)


async def _is_ok(scheduler: Any) -> bool:
    return (await scheduler.health()).status == "ok"


async def _is_degraded(scheduler: Any) -> bool:
    return (await scheduler.health()).status == "degraded"
