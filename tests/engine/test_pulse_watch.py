"""A dead loop is not hidden by the heartbeat of the node's thread."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from engine.bench import Bench
from hourbell.clock import ManualClock
from hourbell.engine.crossing import Crossing
from hourbell.engine.pulse import Pulse
from hourbell.engine.pulse_watch import GIVE_UP, PulseWatch
from hourbell.engine.shift import Shift
from hourbell.executors.choice import make_executors
from hourbell.model.run_state import RunState


class Rig:
    """A shift that claimed and started nothing, and the watch over its loop."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.bench = Bench(self.clock, lease=15.0)
        self.pulse = Pulse(self.clock, 1.0)
        self.lost: list[str] = []
        self.deserted: list[str] = []

        async def ring() -> None: ...

        self.bench.task(ring)

    async def watch(self) -> PulseWatch:
        parts = self.bench.parts()
        self.shift = Shift(
            self.bench.store,
            parts,
            await self.bench.trust(),
            make_executors(1, lambda: None),
            lost=self.lost.append,
            queued=lambda: None,
            crowded=lambda: None,
            spent=lambda statements: None,
        )
        self.shift.executing.pump = lambda: None  # type: ignore[method-assign]
        return PulseWatch(
            self.bench.store,
            parts,
            self.pulse,
            self.shift,
            Crossing(asyncio.get_running_loop()),
            lost=self.lost.append,
            deserted=lambda: self.deserted.append("deserted"),
        )

    async def claim(self) -> None:
        await self.bench.enqueue_many("ring", 3)
        self.shift.claiming.take_now()
        while await self.shift.claiming.step() == 0:
            pass

    async def states(self) -> list[tuple[str, int]]:
        return [(run.state, run.failures) for run in await self.bench.runs()]


async def test_a_loop_that_moves_keeps_what_it_holds() -> None:
    rig = Rig()
    watch = await rig.watch()
    await rig.claim()
    rig.clock.advance(14)
    assert await watch.step() == pytest.approx(5.0)
    assert await rig.states() == [(RunState.RUNNING, 0)] * 3


async def test_silent_for_a_lease_what_did_not_begin_is_handed_back(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig()
    watch = await rig.watch()
    await rig.claim()
    rig.clock.advance(16)
    for _ in range(3):
        await watch.step()
    assert await rig.states() == [(RunState.QUEUED, 0)] * 3
    assert rig.shift.holdings.waiting() == 0
    assert rig.lost == []
    (told,) = caplog.records
    assert "test_silent_for_a_lease" in told.getMessage()  # the stack that blocks it


async def test_a_claim_whose_answer_nobody_read_is_handed_back_too() -> None:
    rig = Rig()
    watch = await rig.watch()
    await rig.bench.enqueue_many("ring", 3)
    await rig.bench.store.claim(rig.shift.trust.node_id, "unread", limit=3, tasks={"ring": 3}, queues=None, suspects=1)
    rig.shift.holdings.claims["unread"] = 3
    rig.clock.advance(16)
    await watch.step()
    assert await rig.states() == [(RunState.QUEUED, 0)] * 3


async def test_silent_for_minutes_the_node_gives_its_lease_up(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig()
    watch = await rig.watch()
    trusted: list[bool] = []
    watch._lost = lambda reason: (rig.lost.append(reason), trusted.append(rig.shift.trust.holds()))
    rig.clock.advance(GIVE_UP + 1)
    rig.shift.trust._deadline = rig.clock.elapsed() + 10  # renewed by this thread all the time
    assert await watch.step() is None
    assert trusted == [False], "else it would count as taken for dead, and say no more which process it is"
    assert len(rig.lost) == 1
    assert [record.levelno for record in caplog.records] == [logging.WARNING, logging.ERROR]


async def test_the_loop_stamps_its_progress() -> None:
    clock = ManualClock()
    pulse = Pulse(clock, 0.01)
    clock.advance(20)
    assert pulse.silence() == 20
    pulse.start()
    assert pulse.silence() == 0
    clock.advance(5)
    await asyncio.sleep(0.05)
    assert pulse.silence() == 0
    pulse.stop()
    clock.advance(5)
    await asyncio.sleep(0.05)
    assert pulse.silence() == 5


async def test_a_closed_loop_ends_the_node() -> None:
    rig = Rig()
    watch = await rig.watch()
    gone = asyncio.new_event_loop()
    gone.close()
    watch._app = Crossing(gone)
    assert await watch.step() is None
    assert rig.deserted == ["deserted"]
    assert rig.lost == []


def test_a_node_whose_loop_was_closed_without_stopping_it_ends_by_itself() -> None:
    kept: dict[str, Any] = {}
    factory = logging.getLogRecordFactory()

    async def main() -> None:
        bench = Bench()
        node = bench.node()
        await node.start()
        kept["thread"], kept["store"], kept["id"] = node._thread, bench.store, node.status.id

    asyncio.run(main())
    assert kept["thread"].join(30)
    (node,) = asyncio.run(kept["store"].list_nodes())
    assert (node.id, node.state) == (kept["id"], "stopped")
    assert logging.getLogRecordFactory() is factory, "what is logged is still caught for it"
