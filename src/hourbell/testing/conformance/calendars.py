"""Named calendars: stored, changed and removed, and told to the planner of each schedule that names them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hourbell.errors import Conflict, NotFound
from hourbell.model.editing import updating
from hourbell.model.run_state import Reason
from hourbell.testing.conformance.planners import every_fire, no_fire, noting
from hourbell.testing.conformance.suite import Conformance

if TYPE_CHECKING:
    from datetime import datetime

    from hourbell.model.named_calendar import NamedCalendar
    from hourbell.model.plan import FireFacts, FirePlan
    from hourbell.model.schedule import Schedule
    from hourbell.testing.conformance.bench import Bench

_FREE = '{"days":[]}'
_FULL = '{"days":["2030-12-24"],"timezone":"UTC"}'


def _told(calendar: NamedCalendar) -> tuple[str, str, int]:
    return calendar.name, calendar.spec, calendar.version


class CalendarsConformance(Conformance):
    """`CalendarStore`, and what `ScheduleStore.fire_due` makes of calendars."""

    async def test_a_calendar_is_stored_and_read(self, bench: Bench) -> None:
        stored = await bench.store.put_calendar("days off", _FULL, "error")
        assert _told(stored) == ("days off", _FULL, 1)
        assert (stored.created_at, stored.updated_at) == (bench.now, bench.now)
        assert stored.calendar.to_spec()["days"] == ["2030-12-24"]
        assert await bench.store.get_calendar("days off") == stored
        with pytest.raises(NotFound, match="there is no calendar 'weekends'"):
            await bench.store.get_calendar("weekends")

    async def test_a_name_that_exists(self, bench: Bench) -> None:
        created = await bench.store.put_calendar("c", _FREE, "error")
        bench.clock.advance(60)
        assert await bench.store.put_calendar("c", _FULL, "keep") == created
        with pytest.raises(Conflict, match="'c' exists"):
            await bench.store.put_calendar("c", _FULL, "error")
        assert await bench.store.put_calendar("c", _FREE, "update") == created, "the same changes nothing"
        changed = await bench.store.put_calendar("c", _FULL, "update")
        assert _told(changed) == ("c", _FULL, 2)
        assert (changed.created_at, changed.updated_at) == (created.created_at, bench.now)

    async def test_calendars_are_listed_by_name_page_by_page(self, bench: Bench) -> None:
        for name in ("c", "a", "d", "b"):
            await bench.store.put_calendar(name, _FREE, "error")
        page = await bench.store.list_calendars(limit=3)
        assert [one.name for one in page] == ["a", "b", "c"]
        rest = await bench.store.list_calendars(cursor=page.next_cursor, limit=3)
        assert ([one.name for one in rest], rest.next_cursor) == (["d"], None)

    async def test_a_calendar_in_use_is_not_removed_without_saying_so(self, bench: Bench) -> None:
        await bench.store.put_calendar("c", _FREE, "error")
        await bench.store.put_calendar("other", _FREE, "error")
        await bench.schedule("own", policies={"blackout": ["other", "c"]})
        await bench.schedule("heir", inherited={"blackout": ["c"]})
        await bench.schedule("free", inherited={"blackout": ["c"]}, policies={"blackout": []})
        await bench.schedule("same word", args={"blackout": "c"}, policies={"queue": "c"})
        with pytest.raises(Conflict, match=r"named by 2 schedules \('heir', 'own'\)"):
            await bench.store.remove_calendar("c")
        assert (await bench.store.get_calendar("c")).name == "c"
        await bench.store.edit_schedule("own", updating(policies={"blackout": ["other"]}))
        await bench.store.remove_schedule("heir")
        assert (await bench.store.remove_calendar("c")).name == "c"
        with pytest.raises(NotFound):
            await bench.store.remove_calendar("c")
        await bench.store.remove_calendar("other", force=True)
        assert (await bench.store.list_calendars()).items == ()

    async def test_the_planner_is_told_the_calendars_that_a_schedule_names(self, bench: Bench) -> None:
        for name in ("a", "b", "unused"):
            await bench.store.put_calendar(name, _FULL, "error")
        await bench.schedule("two", policies={"blackout": ["b", "a"]})
        await bench.schedule("heir", inherited={"blackout": ["a"]})
        await bench.schedule("none", inherited={"blackout": ["a"]}, policies={"blackout": []})
        facts: dict[str, FireFacts] = {}
        await bench.fire_after(1, noting(facts))
        told = {schedule: [one.name for one in told.calendars] for schedule, told in facts.items()}
        assert told == {"two": ["b", "a"], "heir": ["a"], "none": []}
        assert facts["heir"].calendars[0].spec == _FULL

    async def test_an_edit_holds_for_the_next_firing(self, bench: Bench) -> None:
        await bench.store.put_calendar("c", _FREE, "error")
        await bench.schedule(policies={"blackout": ["c"]})
        facts: dict[str, FireFacts] = {}
        await bench.fire_after(1, noting(facts))
        assert [one.spec for one in facts["s"].calendars] == [_FREE]
        await (await bench.twin()).put_calendar("c", _FULL, "update")
        await bench.fire_after(1, noting(facts))
        assert [(one.spec, one.version) for one in facts["s"].calendars] == [(_FULL, 2)]

    async def test_a_schedule_without_its_calendar_is_held_and_loses_nothing(self, bench: Bench) -> None:
        await bench.store.put_calendar("a", _FREE, "error")
        first = await bench.schedule(policies={"blackout": ["a", "b"]})
        await bench.schedule("free")
        report = await bench.fire_after(1)
        assert report.held == (("s", "b"),)
        assert [fired.schedule_id for fired in report.fired] == ["free"]
        held = await bench.store.get_schedule("s")
        assert (held.next_fire_at, held.last_fire_at) == (first.next_fire_at, None)
        await bench.store.put_calendar("b", _FREE, "error")
        report = await bench.fire_after(1)
        assert report.held == ()
        assert [run.fire_at for run in await bench.runs(schedule_id="s")] == [bench.later(-1), bench.now]

    async def test_policies_that_cannot_be_read_hinder_no_calendar(self, bench: Bench) -> None:
        await bench.store.put_calendar("c", _FREE, "error")
        await bench.schedule("odd", policies={"blackout": {"of": "another version"}, "unheard": 1})
        await bench.schedule("good", policies={"blackout": ["c"]})

        def plan(schedule: Schedule, facts: FireFacts, now: datetime) -> FirePlan | None:
            return every_fire(schedule, facts, now) if schedule.id == "good" else None

        report = await bench.fire_after(1, plan)
        assert ([fired.schedule_id for fired in report.fired], report.unreadable) == (["good"], ("odd",))
        assert (await bench.store.list_calendars()).items[0].name == "c"

    async def test_a_blackout_grows_one_row(self, bench: Bench) -> None:
        await bench.store.put_calendar("c", _FREE, "error")
        await bench.schedule(policies={"blackout": ["c"]})
        for _ in range(3):
            await bench.fire_after(1, no_fire(Reason.BLACKOUT))
        (row,) = await bench.runs()
        assert (row.reason, row.fire_at, row.covers_until, row.covers_count) == (
            "blackout",
            bench.later(-2),
            bench.now,
            3,
        )
