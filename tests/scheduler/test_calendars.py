"""Named calendars and the policy `blackout`, on every store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from engine.bench import until_async
from hourbell import Calendar, Conflict, Every, InvalidArguments, NamedCalendar, NotFound, Scheduler
from hourbell.clock import ManualClock

HOLIDAYS = Calendar(days=["2030-12-25"], weekdays=["sat", "sun"])


async def test_what_was_added_is_there(scheduler: Scheduler) -> None:
    added = await scheduler.add_calendar("holidays", HOLIDAYS)
    assert isinstance(added, NamedCalendar)
    assert added.calendar == HOLIDAYS.localized("UTC")
    assert await scheduler.get_calendar("holidays") == added
    assert [one.name for one in await scheduler.list_calendars()] == ["holidays"]
    assert await scheduler.remove_calendar("holidays") == added
    with pytest.raises(NotFound):
        await scheduler.get_calendar("holidays")


async def test_a_calendar_without_a_zone_takes_the_schedulers(database_url: str) -> None:
    async with Scheduler(database_url, timezone="Asia/Tokyo") as scheduler:
        mine = await scheduler.add_calendar("mine", HOLIDAYS)
        other = await scheduler.add_calendar("other", HOLIDAYS.localized("Europe/Berlin"))
    assert (mine.calendar.timezone, other.calendar.timezone) == ("Asia/Tokyo", "Europe/Berlin")


async def test_adding_again_changes_keeps_or_refuses(scheduler: Scheduler) -> None:
    first = await scheduler.add_calendar("c", HOLIDAYS)
    assert await scheduler.add_calendar("c", HOLIDAYS) == first
    assert await scheduler.add_calendar("c", Calendar(), on_conflict="keep") == first
    with pytest.raises(Conflict):
        await scheduler.add_calendar("c", Calendar(), on_conflict="error")
    changed = await scheduler.add_calendar("c", Calendar())
    assert (changed.calendar.weekdays, changed.version) == ((), 2)


async def test_a_schedule_names_only_what_is_stored(scheduler: Scheduler) -> None:
    with pytest.raises(NotFound, match="there is no calendar 'holidays'"):
        await scheduler.add_schedule("greet", Every(hours=1), blackout="holidays")
    assert not await scheduler.list_schedules()
    await scheduler.add_calendar("holidays", HOLIDAYS)
    stored = await scheduler.add_schedule("greet", Every(hours=1), blackout="holidays")
    assert stored.effective.blackout == ("holidays",)
    with pytest.raises(NotFound, match="'freeze'"):
        await scheduler.update_schedule("greet", blackout=["holidays", "freeze"])
    with pytest.raises(Conflict, match="'greet'"):
        await scheduler.remove_calendar("holidays")
    assert (await scheduler.update_schedule("greet", blackout=None)).effective.blackout == ()
    await scheduler.remove_calendar("holidays")


@pytest.mark.parametrize("name", ["", "x" * 101, "a\nb", None, 5])
async def test_names_that_are_none(scheduler: Scheduler, name: object) -> None:
    with pytest.raises(InvalidArguments):
        await scheduler.add_calendar(name, HOLIDAYS)  # type: ignore[arg-type]
    with pytest.raises(InvalidArguments):
        await scheduler.get_calendar(name)  # type: ignore[arg-type]


async def test_what_is_no_calendar(scheduler: Scheduler) -> None:
    with pytest.raises(InvalidArguments, match="give a Calendar"):
        await scheduler.add_calendar("c", ["2030-12-25"])  # type: ignore[arg-type]
    with pytest.raises(InvalidArguments, match="on_conflict"):
        await scheduler.add_calendar("c", HOLIDAYS, on_conflict="replace")  # type: ignore[arg-type]
    for blackout in (5, {"c": 1}, ["c"] * 5 + list(map(str, range(20))), [5], ""):
        with pytest.raises(InvalidArguments):
            await scheduler.add_schedule("greet", Every(hours=1), blackout=blackout)  # type: ignore[arg-type]


async def test_a_running_node_follows_a_calendar_as_it_is_edited(database_url: str) -> None:
    """Ten fires of an hour each: two before the blackout, four in it, two after it was taken back."""
    clock = ManualClock(datetime(2030, 12, 24, 22, tzinfo=UTC))
    scheduler = Scheduler(database_url, clock=clock, lease=3, poll=0.05, poll_with_hints=0.05)

    @scheduler.every(hours=1, start="2030-12-24T22:30:00Z", id="s", blackout="c", overlap="allow")
    async def ring() -> None: ...

    async def until_fired(hours: int) -> None:
        async def fired() -> bool:
            return (await scheduler.get_schedule("s")).last_fire_at == start + timedelta(hours=hours)

        clock.advance(3600)
        await until_async(fired)

    start = datetime(2030, 12, 24, 22, 30, tzinfo=UTC)
    async with scheduler:
        await scheduler.migrate()
        await scheduler.add_calendar("c", Calendar(days=["2030-12-25"]))
    async with scheduler.lifespan(None):  # type: ignore[arg-type]
        await until_async(scheduler.list_schedules)
        for hours in range(6):
            await until_fired(hours)
        await scheduler.add_calendar("c", Calendar())
        for hours in range(6, 8):
            await until_fired(hours)
        runs = sorted(await scheduler.list_runs(), key=lambda run: run.fire_at or start)
    told = [(run.fire_at - start, run.reason, run.covers_count) for run in runs if run.fire_at]
    hour = timedelta(hours=1)
    assert told == [
        (0 * hour, None, None),
        (1 * hour, None, None),
        (2 * hour, "blackout", 4),
        (6 * hour, None, None),
        (7 * hour, None, None),
    ]
