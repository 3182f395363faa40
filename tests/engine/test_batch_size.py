"""Batches of fires that the database cannot carry out in time, and what is due behind them."""

from __future__ import annotations

from typing import Any

import pytest

from engine.test_firing import Rig
from hourbell.clock import ManualClock
from hourbell.engine import firing as firing_module
from hourbell.engine.batch_size import BatchSize
from hourbell.errors import StoreUnavailable
from hourbell.triggers import Every

LEASE = 15.0
PATIENCE = LEASE / 3
SCHEDULES = 64


class Costly:
    """A store in which each schedule that fires takes so long, and which ends what takes longer than its patience."""

    def __init__(self, rig: Rig, cost: float) -> None:
        self._store: Any = rig.bench.store
        self._clock = rig.clock
        self.cost = cost
        self.limits: list[int] = []
        self.refused = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def fire_due(self, limit: int, plan: Any, *args: Any, **named: Any) -> Any:
        begun = self._clock.elapsed()
        self.limits.append(limit)

        def planned(*given: Any) -> Any:
            self._clock.advance(self.cost)
            if self._clock.elapsed() - begun > PATIENCE:
                self.refused += 1
                raise StoreUnavailable("terminating connection due to idle-in-transaction timeout")
            return plan(*given)

        return await self._store.fire_due(limit, planned, *args, **named)


async def fired_by(rig: Rig, cost: float, schedules: int = SCHEDULES) -> Costly:
    """Fire all of so many, with so few steps that nothing is tried again and again."""
    for number in range(schedules):
        rig.bench.schedule("ring", Every(days=1), f"ring-{number}")
    firing = await rig.begin()
    rig.clock.advance(86400)
    costly: Any = Costly(rig, cost)
    firing._store = costly
    for _ in range(2 * schedules):
        try:
            if await firing.step() is None:
                break
        except StoreUnavailable:
            continue
    return costly


async def test_a_batch_that_the_database_ends_is_tried_again_in_smaller_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firing_module, "BATCH", SCHEDULES)
    rig = Rig()
    costly = await fired_by(rig, PATIENCE / 10)
    assert len(await rig.bench.runs()) == SCHEDULES
    assert rig.fired == [SCHEDULES]
    assert costly.refused <= 3, "the same mistake is not made again and again"
    assert costly.limits[:2] == [SCHEDULES, SCHEDULES // 4]


async def test_one_that_nearly_takes_the_patience_is_followed_by_smaller_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firing_module, "BATCH", SCHEDULES)
    rig = Rig()
    costly = await fired_by(rig, PATIENCE / SCHEDULES * 0.9, 2 * SCHEDULES)
    assert len(await rig.bench.runs()) == 2 * SCHEDULES
    assert costly.refused == 0
    assert costly.limits[:2] == [SCHEDULES, SCHEDULES // 2]


def test_a_size_grows_again_with_full_batches_that_are_quick() -> None:
    clock = ManualClock()
    size = BatchSize(clock, LEASE)
    assert size.within(500) == 500
    begun = size.begin()
    clock.advance(PATIENCE)
    size.failed(begun, 500)
    assert size.within(500) == 125
    size.ended(size.begin(), 125, is_full=False)
    assert size.within(500) == 125, "that it was quick says nothing of a full one"
    sizes = []
    for _ in range(3):
        size.ended(size.begin(), size.within(500), is_full=True)
        sizes.append(size.within(500))
    assert sizes == [250, 500, 500]


def test_a_database_that_is_away_says_nothing_of_the_size() -> None:
    clock = ManualClock()
    size = BatchSize(clock, LEASE)
    for _ in range(10):
        size.failed(size.begin(), 500)
    assert size.within(500) == 500


def test_one_schedule_is_always_tried() -> None:
    clock = ManualClock()
    size = BatchSize(clock, LEASE)
    for _ in range(20):
        begun = size.begin()
        clock.advance(PATIENCE)
        size.failed(begun, size.within(500))
    assert size.within(500) == 1
