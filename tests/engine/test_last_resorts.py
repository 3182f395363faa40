"""A run that was taken gets an end, whatever stands in the way: no thread, or a result that breaks who looks at it."""

from __future__ import annotations

import asyncio
import io
import logging
import signal
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from engine.bench import PATIENCE, Bench, until, until_async
from engine.test_holding import claimed_run
from hourbell.engine.holding import Execution, Holdings
from hourbell.engine.keeping import Keeping
from hourbell.engine.status import Life
from hourbell.events import RunSucceeded
from hourbell.executors.choice import Kind
from hourbell.model.policies import Policies
from hourbell.model.retry import RetryLater
from hourbell.model.run_state import Outcome, RunState


class Exits(dict[str, int]):
    """Cannot be written as JSON, and takes that badly."""

    def items(self) -> Any:
        raise SystemExit("in the middle of the result")


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise SystemExit("in the middle of the message")


class Forgetful(RetryLater):
    """A subclass that forgets what its parent needs."""

    def __init__(self) -> None:
        self.args = ()


@pytest.mark.parametrize("kind", ["async", "thread"])
@pytest.mark.parametrize("what", [Exits(a=1), Unspeakable(), Forgetful()])
async def test_what_breaks_the_look_at_it_is_the_failure_of_its_run_alone(kind: str, what: Any) -> None:
    bench = Bench(lease=60)

    def plain() -> Any:
        if isinstance(what, BaseException):
            raise what
        return what

    async def coroutine() -> Any:
        return plain()

    bench.task(plain if kind == "thread" else coroutine, "bad")
    bench.task(lambda: 7, "good")
    async with bench.running() as node:
        run = await bench.enqueue("bad")
        final = await bench.final(run.id)
        assert (final.state, final.outcome, final.attempt) == (RunState.FAILED, Outcome.FAILED, 1)
        assert final.error
        assert (await bench.final((await bench.enqueue("good")).id)).result == 7
        assert node.status.running == 0


async def test_without_a_thread_the_run_goes_back_and_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, start, refused = Bench(lease=60, threads=1), threading.Thread.start, list[str]()

    def scarce(thread: threading.Thread) -> None:
        if thread.name.startswith("hourbell-body"):
            refused.append(thread.name)
            raise RuntimeError("can't start new thread")
        start(thread)

    async def light() -> int:
        return 7

    bench.task(lambda: 1, "heavy", on_lost="fail")
    bench.task(light)
    monkeypatch.setattr(threading.Thread, "start", scarce)
    async with bench.running() as node:
        heavy = await bench.enqueue("heavy")

        async def is_back() -> bool:
            return bool(refused) and (await bench.run(heavy.id)).state is RunState.QUEUED

        await until_async(is_back)
        assert (await bench.final((await bench.enqueue("light")).id)).result == 7
        assert node.status.running == 0
        assert len(refused) == 1
    left = await bench.run(heavy.id)
    assert (left.failures, left.losses, left.outcome) == (0, 0, Outcome.HANDED_BACK)


def test_what_is_handed_back_in_a_hurry_does_not_begin_and_what_may_have_begun_does_not_begin_again() -> None:
    holdings, parts = Holdings(), Bench().parts()
    runs = [claimed_run(id=one, on_lost="fail") for one in ("waits", "on its way", "runs")]
    executions = [Execution(run, None, Kind.ASYNC, Policies(), None) for run in runs]  # type: ignore[arg-type]
    holdings.running = {one.run.id: one for one in executions}
    holdings.beginning.add(executions[0])
    executions[2].started = 1.0
    keeping = Keeping.__new__(Keeping)
    keeping._parts = parts
    shift: Any = SimpleNamespace(holdings=holdings, settling=SimpleNamespace(unwritten=list))
    told = {one.run_id: one.state for one in keeping._remaining(shift)}
    assert told == {"waits": RunState.QUEUED, "on its way": RunState.FAILED, "runs": RunState.FAILED}
    assert not holdings.may_begin(executions[0]), "it would run here although another node may have it"


async def test_a_start_that_a_signal_ended_says_so() -> None:
    bench = Bench()
    bench.faults.hanging.add("register_node")
    node = bench.node()
    starting = asyncio.create_task(node.start())
    await asyncio.sleep(0.1)
    node._signalled()
    await asyncio.wait_for(starting, PATIENCE)
    assert node.status.state in (Life.STOPPING, Life.STOPPED)
    await node.stop()
    assert node.status.state is Life.STOPPED


async def test_a_handler_that_raises_ends_neither_a_loop_nor_a_run() -> None:
    """A filter that expects a field that only the application's own records have is a usual mistake."""
    bench = Bench(lease=60)
    leave = threading.Event()

    def refuses(record: logging.LogRecord) -> bool:
        return bool(record.request_id)  # type: ignore[attr-defined]

    def fails() -> None:
        raise ValueError("on purpose")

    bench.task(fails)
    bench.task(lambda: leave.wait(PATIENCE), "deaf", timeout=0.05, timeout_grace=0.05)
    handler = logging.StreamHandler(io.StringIO())
    handler.addFilter(refuses)
    logging.getLogger("hourbell.engine").addHandler(handler)
    try:
        async with bench.running() as node:
            bench.faults.before("claim", ValueError("of a kind that is told of"))
            bench.faults.before("settle", ValueError("likewise"))
            for task in ("fails", "deaf", "fails"):
                assert (await bench.final((await bench.enqueue(task)).id)).state is RunState.FAILED
            leave.set()
            await until(lambda: not node.status.stuck)
    finally:
        leave.set()
        logging.getLogger("hourbell.engine").removeHandler(handler)


async def test_a_handler_that_raises_keeps_no_node_from_its_start_and_silences_no_subscriber() -> None:
    """At the level at which most applications log. The node that said that it is live never claimed anything."""
    bench = Bench(lease=60)
    heard = list[str]()

    def refuses(record: logging.LogRecord) -> bool:
        return bool(record.request_id)  # type: ignore[attr-defined]

    def plain(event: RunSucceeded) -> None:
        heard.append("plain")
        raise ValueError("on purpose")

    async def coroutine(event: RunSucceeded) -> None:
        heard.append("async")
        raise ValueError("on purpose")

    bench.task(lambda: 7, "good")
    for subscriber in (plain, coroutine):
        bench.events.on(RunSucceeded, subscriber)
    bench.events.attach(asyncio.get_running_loop())
    logger = logging.getLogger("hourbell")
    handler, level = logging.StreamHandler(io.StringIO()), logger.level
    handler.addFilter(refuses)
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        async with bench.running() as node:
            assert node.status.state is Life.LIVE
            for _ in range(2):
                assert (await bench.final((await bench.enqueue("good")).id)).result == 7
            await until(lambda: sorted(heard) == ["async", "async", "plain", "plain"])
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)
        await bench.events.drained(PATIENCE)


async def test_a_signal_while_a_new_lease_is_taken_fires_nothing_under_it() -> None:
    bench = Bench()
    bench.task(lambda: 7, "good")
    bench.schedule("good")
    node = bench.node()
    await node.start()
    thread, keeping = node._thread, node._keeping
    assert thread is not None
    assert keeping is not None
    bench.faults.hanging.add("register_node")
    asked = bench.faults.asked["register_node"]
    thread.call(lambda: keeping._lost(keeping._tenure.shift.trust, "on purpose") if keeping._tenure else None)
    await until(lambda: bench.faults.asked["register_node"] > asked)
    node._signalled()
    fired = bench.faults.asked["fire_due"]
    bench.faults.hanging.clear()
    assert thread.join(PATIENCE), "without a turn of this loop, which is blocked here as by a body"
    assert bench.faults.asked["fire_due"] == fired
    await node.stop()
    assert sorted(one.state.value for one in await bench.store._store.list_nodes()) == ["dead", "stopped"]


async def test_a_start_without_a_thread_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its handlers stayed, and swallowed the next SIGTERM."""
    before, factory, start = signal.getsignal(signal.SIGTERM), logging.getLogRecordFactory(), threading.Thread.start

    def scarce(thread: threading.Thread) -> None:
        if thread.name.startswith("hourbell-node"):
            raise RuntimeError("can't start new thread")
        start(thread)

    node = Bench().node()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", scarce)
        with pytest.raises(RuntimeError, match="can't start new thread"):
            await node.start()
    assert node.status.state is Life.STOPPED
    assert signal.getsignal(signal.SIGTERM) == before
    assert logging.getLogRecordFactory() is factory
