"""Being ready before something is due: what is held, what waits for its time, and who was beaten to it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Self

import pytest

from engine.bench import until
from engine.test_offering import Rig
from engine.test_watching import Watch
from hourbell.engine.watching import AFTERWARDS, LEADS
from hourbell.model.plan import LONGEST_HOLD, FiringReport
from hourbell.triggers import Every


class Holding:
    """Where a firing can wait for its instant: the rest is the memory store's."""

    can_hold = True

    def __init__(self, rig: Rig) -> None:
        self._store: Any = rig.bench.store
        self._clock = rig.clock
        self.asked: list[tuple[datetime | None, int]] = []
        self.locked_by_others = self.passes = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def fire_due(
        self,
        limit: int,
        plan: Any,
        exclude: Any = (),
        offer: Any = None,
        due: datetime | None = None,
        *,
        beside: bool = False,
    ) -> FiringReport:
        self.asked.append((due, offer.room if offer is not None else 0))
        now = self._clock.now()
        if due is None or due <= now:
            report: FiringReport = await self._store.fire_due(limit, plan, exclude, offer)
            return report
        if self.locked_by_others:
            return FiringReport(now, 0)
        if self.passes:
            return FiringReport(now, 1, passed=1)
        await until(lambda: self._clock.now() >= due)
        report = await self._store.fire_due(limit, plan, exclude, offer)
        return replace(report, until=due)


class Ahead:
    """A firing that is told of a bell some milliseconds before it is due."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.store = Holding(rig)
        self.fired: list[int] = []
        self.beaten: list[datetime] = []
        rig.firing._store = self.store
        rig.firing._fired = self.fired.append
        rig.firing._beaten = self.beaten.append
        rig.ring()
        self.due = rig.clock.now() + timedelta(seconds=1)

    async def begin(self) -> Self:
        await self.rig.bench.trust()
        self.rig.clock.advance(0.99)
        return self

    async def step(self) -> float | None:
        self.rig.firing.expect(self.due)
        return await self.rig.firing.step()


async def test_it_is_ready_before_it_is_due_and_begins_when_it_is() -> None:
    async with Rig() as rig:
        ahead = await Ahead(rig).begin()
        stepping = asyncio.ensure_future(ahead.step())
        await until(lambda: ahead.store.asked != [])
        await asyncio.sleep(0.01)
        assert not stepping.done()
        assert rig.begun == []
        rig.clock.advance(0.01)
        assert await stepping is None
        await until(lambda: rig.begun == ["ring"])
        assert ahead.store.asked == [(ahead.due, 5)], "half of the places are left to claims meanwhile"
        assert ahead.fired == [1]
        assert await rig.places_are_free()


async def test_without_places_to_spare_it_waits_for_its_time() -> None:
    async with Rig() as rig:
        ahead = await Ahead(rig).begin()
        for _ in range(10):
            await rig.bench.enqueue("ring")
        rig.take_now()
        while await rig.shift.claiming.step() == 0:
            pass
        await until(lambda: len(rig.begun) == 10)
        assert await ahead.step() == pytest.approx(0.01)
        assert ahead.store.asked == []
        rig.clock.advance(0.01)
        assert await rig.firing.step() is None
        assert ahead.fired == [1]


async def test_what_cannot_be_made_ready_is_fired_at_its_time() -> None:
    async with Rig() as rig:
        ahead = await Ahead(rig).begin()
        ahead.store.passes = True
        assert await ahead.step() == pytest.approx(0.01)
        assert ahead.fired == []
        assert ahead.beaten == []
        rig.clock.advance(0.01)
        assert await rig.firing.step() is None
        assert ahead.fired == [1]
        await until(lambda: rig.begun == ["ring"])


async def test_who_was_beaten_to_it_says_so_and_keeps_no_places() -> None:
    async with Rig() as rig:
        ahead = await Ahead(rig).begin()
        ahead.store.locked_by_others = True
        assert await ahead.step() is None
        assert (ahead.beaten, ahead.fired) == ([ahead.due], [])
        assert await rig.places_are_free()


async def test_when_it_is_too_late_to_be_early_it_fires_as_ever() -> None:
    async with Rig() as rig:
        ahead = await Ahead(rig).begin()
        rig.clock.advance(0.02)
        assert await ahead.step() is None
        assert ahead.store.asked == [(None, 10)]
        assert ahead.fired == [1]


async def test_the_firing_is_woken_early_where_it_can_hold_and_never_without_knowing_for_what() -> None:
    watch = Watch()
    watch.bench.store._store.can_hold = True
    watch.bench.schedule("ring", Every(seconds=0.5))
    watching = await watch.begin()
    delay = await watching.step()
    assert delay is not None
    assert LEADS[0] <= 0.5 - delay <= LEADS[1] < LONGEST_HOLD.total_seconds()
    watch.clock.advance(delay - 0.001)
    await watching.step()
    assert watch.woken.told() == []
    watch.clock.advance(0.001)
    await watching.step()
    assert watch.woken.told() == ["fire"]
    assert watch.woken.due is not None
    assert watch.clock.now() < watch.woken.due <= watch.clock.now() + LONGEST_HOLD


async def test_who_was_beaten_asks_once_the_other_has_fired_and_not_before() -> None:
    watch = Watch()
    watch.bench.store._store.can_hold = True
    watch.bench.schedule("ring", Every(seconds=0.5))
    watching = await watch.begin()
    watch.clock.advance(await watching.step() or 0)
    await watching.step()
    due, asked = watch.woken.due, watch.asked
    assert due is not None
    watching.beaten(due)
    delay = await watching.step()
    assert delay is not None
    left = (due - watch.clock.now()).total_seconds()
    assert AFTERWARDS[0] <= delay - left <= AFTERWARDS[1]
    assert watch.asked == asked
    watch.woken.told()
    # The other one has died: it is due still, and fired by who asks.
    watch.clock.advance(delay)
    await watching.step()
    assert watch.asked == asked + 1
    assert watch.woken.told() == ["fire"]
