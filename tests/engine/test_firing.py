"""Recording what is due, batch by batch, and telling who can take it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from engine.bench import Bench
from hourbell.clock import ManualClock
from hourbell.engine import firing as firing_module
from hourbell.engine.aside import FIRST_WAIT, HELD_WAIT
from hourbell.engine.crossing import Crossing
from hourbell.engine.firing import Firing
from hourbell.engine.offering import Offering
from hourbell.engine.reading_back import ReadingBack
from hourbell.events import FireMissed
from hourbell.model.editing import Edit, pausing
from hourbell.model.offer import Offer
from hourbell.model.run import Run
from hourbell.model.run_state import Reason, RunState
from hourbell.triggers import Every


class Hands:
    """Takes what fits."""

    def __init__(self, room: int = 100) -> None:
        self.free = room
        self.woken = 0

    def take_now(self) -> None:
        self.woken += 1

    def room(self) -> int:
        return self.free


class NoPlaces:
    """Offers nothing: all that is fired is queued."""

    def offer(self, most: int, *, spare: bool = False) -> Offer | None:
        return None

    def adopt(self, claim_id: str, runs: Sequence[Run], *, in_burst: bool = False) -> None: ...


class Rig:
    """A firing stepped by hand."""

    def __init__(self, room: int = 100, **settings: Any) -> None:
        self.clock = ManualClock()
        self.bench = Bench(self.clock, lease=15.0, **settings)
        self.hands = Hands(room)
        self.fired: list[int] = []
        self.hints = 0

        async def ring() -> None: ...

        self.bench.task(ring)

    async def begin(self) -> Firing:
        await self.bench.trust()
        store = self.bench.store
        here = Crossing(asyncio.get_running_loop())
        return Firing(
            store,
            self.bench.parts(),
            "me",
            self.hands,
            fired=self.fired.append,
            hint=self._hint,
            offering=Offering(ReadingBack(store, self.clock), NoPlaces(), here),
            beaten=lambda due: None,
        )

    def _hint(self) -> None:
        self.hints += 1


async def test_what_is_due_is_recorded_and_its_taker_woken() -> None:
    rig = Rig()
    rig.bench.schedule("ring")
    firing = await rig.begin()
    assert await firing.step() is None
    assert (rig.fired, rig.hands.woken) == ([0], 0)
    rig.clock.advance(1)
    assert await firing.step() is None
    assert (rig.fired, rig.hands.woken, rig.hints) == ([0, 1], 1, 0)
    (run,) = await rig.bench.runs()
    assert run.state is RunState.QUEUED


async def test_a_full_batch_is_followed_by_the_next_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firing_module, "BATCH", 3)
    rig = Rig()
    for n in range(7):
        rig.bench.schedule("ring", Every(seconds=1), f"bell-{n}")
    firing = await rig.begin()
    rig.clock.advance(1)
    assert [await firing.step() for _ in range(3)] == [0, 0, None]
    assert rig.fired == [7]
    assert len(await rig.bench.runs()) == 7


async def test_others_are_told_only_of_what_this_node_cannot_take() -> None:
    rig = Rig(room=2)
    for n in range(3):
        rig.bench.schedule("ring", Every(seconds=1), f"bell-{n}")
    firing = await rig.begin()
    rig.clock.advance(1)
    await firing.step()
    assert (rig.hands.woken, rig.hints) == (1, 1)


async def test_others_are_told_of_tasks_and_queues_that_this_node_does_not_serve() -> None:
    rig = Rig(queues=("night",))
    rig.bench.schedule("ring", Every(seconds=1), "day bell")
    firing = await rig.begin()
    rig.clock.advance(1)
    await firing.step()
    assert (rig.hands.woken, rig.hints) == (0, 1)
    rig = Rig()
    rig.bench.schedule("unheard of")
    firing = await rig.begin()
    rig.clock.advance(1)
    await firing.step()
    assert (rig.hands.woken, rig.hints) == (0, 1)


async def test_what_is_skipped_is_told_to_who_listens() -> None:
    rig = Rig()
    rig.bench.schedule("ring")
    heard: list[FireMissed] = []
    rig.bench.events.listen(FireMissed, heard.append)
    rig.bench.events.attach(asyncio.get_running_loop())
    firing = await rig.begin()
    rig.clock.advance(60)
    await firing.step()
    (missed,) = heard
    assert (missed.schedule_id, missed.reason, missed.covers_count) == ("ring", Reason.COALESCED, 59)


async def test_an_unreadable_schedule_is_left_to_others_reported_once_and_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rig = Rig()
    rig.bench.schedule("ring", Every(seconds=1), "strange")
    rig.bench.schedule("ring", Every(seconds=1), "plain")
    firing = await rig.begin()
    tables = rig.bench.store._store._tables
    with tables.transaction():
        spec = {"kind": "tide", "moon": "full"}
        tables.schedules.put("strange", replace(tables.schedules.get("strange"), trigger_spec=spec))
    planned: list[str] = []
    asked = firing._planner

    def noting(schedule: Any, facts: Any, now: Any) -> Any:
        planned.append(schedule.id)
        return asked(schedule, facts, now)

    firing._planner = noting  # type: ignore[assignment]
    for _ in range(20):
        rig.clock.advance(1)
        await firing.step()
    assert planned.count("plain") == 20
    assert planned.count("strange") == 1
    rig.clock.advance(FIRST_WAIT)
    await firing.step()
    assert planned.count("strange") == 2
    told = [record.getMessage() for record in caplog.records if "strange" in record.getMessage()]
    assert len(told) == 1
    rig.clock.advance(FIRST_WAIT + 1)
    await firing.step()
    assert planned.count("strange") == 2  # the wait has doubled
    schedule = await rig.bench.store.get_schedule("strange")
    assert schedule.next_fire_at == rig.clock.now() - timedelta(seconds=20 + 2 * FIRST_WAIT)


async def test_one_that_was_long_unreadable_and_is_mended_fires_within_a_minute() -> None:
    rig = Rig()
    rig.bench.schedule("ring", Every(seconds=1), "strange")
    firing = await rig.begin()
    tables = rig.bench.store._store._tables
    sound = tables.schedules.get("strange")
    with tables.transaction():
        tables.schedules.put("strange", replace(sound, trigger_spec={"kind": "tide"}))
    for _ in range(100):
        rig.clock.advance(FIRST_WAIT)
        await firing.step()
    with tables.transaction():
        tables.schedules.put("strange", sound)
    rig.clock.advance(60)
    await firing.step()
    assert [run.state for run in await rig.bench.runs() if run.state is RunState.QUEUED] == [RunState.QUEUED]


async def test_a_schedule_whose_calendar_is_not_stored_is_held_told_and_looked_at_again() -> None:
    rig = Rig()
    rig.bench.schedule("ring", Every(seconds=1), catch_up="all", overlap="allow", blackout=["c"])
    rig.bench.schedule("ring", Every(seconds=1), "other", overlap="allow")
    firing = await rig.begin()
    parts = rig.bench.parts()
    firing._parts = parts
    rig.clock.advance(1)
    await firing.step()
    assert [run.schedule_id for run in await rig.bench.runs()] == ["other"]
    assert "names the calendar 'c', which is not stored" in str(parts.troubles.last())
    rig.clock.advance(1)
    await firing.step()
    assert rig.fired[-1] == 1, "it is left alone for a while, and the other fires"
    assert parts.troubles.last() is not None
    await rig.bench.store.put_calendar("c", '{"days":[]}', "error")
    rig.clock.advance(HELD_WAIT)
    await firing.step()
    assert parts.troubles.last() is None
    held = await rig.bench.runs(schedule_id="ring")
    assert len({run.fire_at for run in held}) == len(held) == 2 + HELD_WAIT, "nothing is lost"


async def test_a_pause_that_is_over_ends_and_what_it_owes_is_fired(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig()
    rig.bench.schedule("ring", Every(seconds=1), "bell")
    firing = await rig.begin()
    await rig.bench.store.edit_schedule("bell", pausing("holiday", rig.clock.now() + timedelta(seconds=5)))
    rig.clock.advance(4)
    assert await firing.step() is None
    assert rig.fired == [0]
    rig.clock.advance(1)
    caplog.set_level("INFO", "hourbell.engine")
    assert [await firing.step() for _ in range(2)] == [0, None]
    assert rig.fired == [0, 2], "the watch is told that there is a following due time to ask for"
    assert "schedule 'bell' is resumed" in caplog.text
    states = sorted((run.state, run.reason) for run in await rig.bench.runs())
    assert states == [(RunState.QUEUED, None), (RunState.SKIPPED, Reason.PAUSED)]


async def test_a_pause_that_cannot_be_read_does_not_make_it_spin() -> None:
    rig = Rig()
    rig.bench.schedule("ring", Every(seconds=1), "bell")
    firing = await rig.begin()
    await rig.bench.store.edit_schedule("bell", pausing(None, rig.clock.now() + timedelta(seconds=1)))
    await rig.bench.store.edit_schedule(
        "bell", lambda schedule, _: Edit(replace(schedule, trigger_spec={"kind": "of another version"}))
    )
    rig.clock.advance(1)
    assert [await firing.step() for _ in range(2)] == [None, None]
    assert rig.fired == [0, 0]
