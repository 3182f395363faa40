"""Two batches of fires at once, while they flow: what the second may do, and who says that all is done."""

from __future__ import annotations

import asyncio
from typing import Any, Self

import pytest

from engine.bench import until
from engine.test_offering import Rig
from hourbell.engine import firing as firing_module
from hourbell.errors import StoreUnavailable
from hourbell.triggers import Every

BATCH = 10


class Flood:
    """Many schedules due at once on a node with room for all of them, fired in batches of ten."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.fired: list[int] = []
        self.called = 0
        self.in_burst: list[bool] = []
        rig.firing._fired = self.fired.append
        rig.firing.more = self._more

    @classmethod
    async def of(cls, rig: Rig, count: int, every: float = 2) -> Self:
        flood = cls(rig)
        for number in range(count):
            rig.bench.schedule("ring", Every(seconds=every), f"ring-{number}")
        await rig.bench.trust()
        rig.clock.advance(every)
        adopt = rig.shift.claiming.adopt

        def adopted(claim_id: str, runs: Any, *, in_burst: bool = False) -> None:
            flood.in_burst.append(in_burst)
            adopt(claim_id, runs, in_burst=in_burst)

        rig.shift.claiming.adopt = adopted  # type: ignore[method-assign]
        return flood

    def _more(self) -> None:
        self.called += 1


class Waiting:
    """Where a batch beside waits for a while."""

    def __init__(self, rig: Rig, going: asyncio.Event) -> None:
        self._store: Any = rig.bench.store
        self._going = going

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def fire_due(self, *args: Any, beside: bool = False) -> Any:
        if beside:
            await self._going.wait()
        return await self._store.fire_due(*args, beside=beside)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firing_module, "BATCH", BATCH)
    monkeypatch.setattr(firing_module, "LEAST", 5)


async def test_a_second_batch_is_on_its_way_while_full_ones_flow_and_no_longer() -> None:
    async with Rig(max_runs=60) as rig:
        flood = await Flood.of(rig, 35)
        assert await rig.firing.beside() is None
        assert rig.asked("fire_due") == 0, "nothing flows yet"
        assert await rig.firing.step() == 0
        assert flood.called == 1
        assert await asyncio.gather(rig.firing.step(), rig.firing.beside()) == [0, 0]
        assert flood.called == 3
        assert len(await rig.bench.runs()) == 3 * BATCH
        assert await rig.firing.beside() is None
        assert len(await rig.bench.runs()) == 35
        await until(lambda: len(rig.begun) == 35)
        assert await rig.firing.beside() is None
        assert rig.asked("fire_due") == 4, "the last batch was not full"
        assert await rig.firing.step() is None
        assert flood.fired == [35]
        assert flood.in_burst[:4] == [True] * 3 + [False], "what comes after the last full batch is urgent again"
        assert await rig.places_are_free()


async def test_the_first_says_that_all_is_done_only_when_the_second_is_too() -> None:
    async with Rig(max_runs=60) as rig:
        flood = await Flood.of(rig, 2 * BATCH)
        going = asyncio.Event()
        rig.firing._store = Waiting(rig, going)
        assert await rig.firing.step() == 0
        second = asyncio.ensure_future(rig.firing.beside())
        assert await rig.firing.step() == 0, "it has what the second did not get to"
        assert await rig.firing.step() == firing_module.UNTIL_ALONE
        assert flood.fired == []
        going.set()
        assert await second is None
        assert await rig.firing.step() is None
        assert flood.fired == [2 * BATCH]


async def test_the_first_is_not_held_up_by_the_end_of_the_second() -> None:
    async with Rig(max_runs=60) as rig:
        flood = await Flood.of(rig, BATCH)
        rig.firing._store = Waiting(rig, asyncio.Event())
        assert await rig.firing.step() == 0
        second = asyncio.ensure_future(rig.firing.beside())
        await until(lambda: rig.firing._is_beside)
        second.cancel()
        await asyncio.wait({second})
        assert await rig.firing.step() is None
        assert flood.fired == [BATCH]


async def test_the_lost_answer_of_the_second_is_read_back_by_the_first() -> None:
    async with Rig(max_runs=60) as rig:
        flood = await Flood.of(rig, 2 * BATCH)
        assert await rig.firing.step() == 0
        rig.bench.faults.after("fire_due")
        with pytest.raises(StoreUnavailable):
            await rig.firing.beside()
        rig.firing._flows = True
        assert await rig.firing.beside() is None, "not before it is known what that took"
        assert rig.asked("fire_due") == 2
        rig.firing._flows = False
        assert await rig.firing.step() is None
        await until(lambda: len(rig.begun) == 2 * BATCH)
        assert flood.fired == [BATCH], "what the lost batch locked is known to nobody"
        assert await rig.places_are_free()


async def test_the_second_needs_places_and_keeps_none_that_are_too_few() -> None:
    async with Rig(max_runs=13) as rig:
        await Flood.of(rig, 30)
        assert await rig.firing.step() == 0
        await until(lambda: len(rig.begun) == BATCH)
        assert await rig.firing.beside() is None
        assert rig.asked("fire_due") == 1, "three places are not worth a batch, and nothing is queued for want of them"
        assert await rig.places_are_free()


async def test_before_many_are_due_its_session_is_made_ready_and_nothing_is_fired() -> None:
    async with Rig(max_runs=60) as rig:
        await Flood.of(rig, 2 * BATCH)
        asked: list[tuple[int, bool]] = []
        fire_due = rig.bench.store.fire_due

        async def told(limit: int, *args: Any, beside: bool = False) -> Any:
            asked.append((limit, beside))
            return await fire_due(limit, *args, beside=beside)

        rig.bench.store.fire_due = told
        rig.firing.expect_crowd()
        assert await rig.firing.beside() is None
        assert asked == [(0, True)]
        assert await rig.firing.beside() is None
        assert asked == [(0, True)], "once is enough"
        assert await rig.bench.runs() == []
        assert await rig.places_are_free()


async def test_schedules_that_are_soon_due_again_are_reported_at_once() -> None:
    async with Rig(max_runs=60) as rig:
        flood = await Flood.of(rig, 2 * BATCH, every=0.5)
        assert await rig.firing.step() == 0
        assert await rig.firing.step() == 0
        await until(lambda: len(rig.begun) == 2 * BATCH)
        assert flood.in_burst == [False, False]
