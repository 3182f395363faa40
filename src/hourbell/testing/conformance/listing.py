"""Schedules in pages: their order, what narrows them, and where a page begins."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hourbell.errors import InvalidArguments
from hourbell.model.editing import pausing
from hourbell.model.schedule import ScheduleState
from hourbell.model.schedule_filter import ScheduleFilter
from hourbell.testing.conformance.bench import Bench, ids
from hourbell.testing.conformance.suite import Conformance
from hourbell.triggers import At, Every

if TYPE_CHECKING:
    from hourbell.model.schedule import Schedule


class ListingConformance(Conformance):
    """`ScheduleStore.list_schedules`."""

    async def test_schedules_are_listed_in_the_order_of_their_ids(self, bench: Bench) -> None:
        names = ["b", "a", "B", "A", "_", "a-1", "a1", "ä", "10", "9", "z"]
        for name in names:
            await bench.schedule(name)
        assert ids((await bench.store.list_schedules(ScheduleFilter())).items) == sorted(names), (
            "by code point, whatever the locale"
        )

    async def test_a_list_of_schedules_goes_on_where_it_ended(self, bench: Bench) -> None:
        names = ["a", "B", "c", "D", "e"]
        for name in names:
            await bench.schedule(name)
        found: list[str] = []
        cursor: str | None = None
        for size in (2, 2, 1):
            page = await bench.store.list_schedules(ScheduleFilter(cursor=cursor, limit=2))
            assert len(page.items) == size
            found += ids(page.items)
            cursor = page.next_cursor
        assert found == sorted(names)
        assert cursor is None

    async def test_a_full_page_of_schedules_is_the_last(self, bench: Bench) -> None:
        for name in ("a", "b"):
            await bench.schedule(name)
        page = await bench.store.list_schedules(ScheduleFilter(limit=2))
        assert (len(page.items), page.next_cursor) == (2, None)

    async def test_a_list_may_ask_for_a_state(self, bench: Bench) -> None:
        for number in range(6):
            await bench.schedule(str(number), paused=number % 2 == 1)
        page = await bench.store.list_schedules(ScheduleFilter(state=ScheduleState.PAUSED, limit=2))
        assert ids(page.items) == ["1", "3"]
        page = await bench.store.list_schedules(
            ScheduleFilter(state=ScheduleState.PAUSED, limit=2, cursor=page.next_cursor)
        )
        assert (ids(page.items), page.next_cursor) == (["5"], None)
        assert (await bench.store.list_schedules(ScheduleFilter(state=ScheduleState.FINISHED))).items == ()

    async def test_a_list_may_ask_for_a_task(self, bench: Bench) -> None:
        await bench.schedule("a", task="one")
        await bench.schedule("b", task="two")
        assert ids((await bench.store.list_schedules(ScheduleFilter(task="two"))).items) == ["b"]

    async def test_a_list_may_ask_for_a_text(self, bench: Bench) -> None:
        await bench.schedule("nightly-report", task="t")
        await bench.schedule("b", task="send.report")
        await bench.schedule("c", task="t")
        await bench.schedule("d", task="t")
        await bench.store.edit_schedule("d", pausing("until the report is mended"))
        for text, found in (("report", ["b", "d", "nightly-report"]), ("Report", []), ("%", []), ("_", [])):
            page = await bench.store.list_schedules(ScheduleFilter(text=text))
            assert ids(page.items) == found, text

    async def test_a_list_may_begin_with_what_fires_next(self, bench: Bench) -> None:
        for name, seconds in (("a", 30), ("b", 10), ("c", 20), ("d", 10), ("e", 10)):
            await bench.schedule(name, trigger=Every(seconds=seconds))
        for name in ("y", "x", "z"):
            await bench.schedule(name, trigger=At(bench.later(1)))
        await bench.fire_after(1)
        expected = ["b", "d", "e", "c", "a", "x", "y", "z"]
        for size in (1, 2, 3, 7, 8):
            assert ids(await _all(bench, ScheduleFilter(sort="next_fire_at", limit=size))) == expected, size
        finished = ScheduleFilter(sort="next_fire_at", state=ScheduleState.FINISHED, limit=2)
        assert ids(await _all(bench, finished)) == ["x", "y", "z"]

    async def test_fires_a_microsecond_apart_are_told_apart(self, bench: Bench) -> None:
        for name in ("c", "b", "a"):
            await bench.schedule(name, trigger=At(bench.later(60)))
            bench.clock.advance(0.000001)
        assert ids(await _all(bench, ScheduleFilter(sort="next_fire_at", limit=1))) == ["c", "b", "a"]

    @pytest.mark.parametrize("cursor", ["", "a", ",", "1,", "x,a", "9" * 30 + ",a"])
    async def test_what_is_no_cursor_is_refused(self, bench: Bench, cursor: str) -> None:
        await bench.schedule("a")
        with pytest.raises(InvalidArguments):
            await bench.store.list_schedules(ScheduleFilter(sort="next_fire_at", cursor=cursor))


async def _all(bench: Bench, wanted: ScheduleFilter) -> list[Schedule]:
    """Every page, one after the other."""
    found: list[Schedule] = []
    for _ in range(20):
        page = await bench.store.list_schedules(wanted)
        found += page.items
        if page.next_cursor is None:
            return found
        wanted = replace(wanted, cursor=page.next_cursor)
    raise AssertionError("the pages do not end")
