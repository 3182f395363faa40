"""Nights on which the clock changes, lived through by the real engine: what it records is what the slow way lists."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from engine.bench import until_async
from hourbell import CalendarEvery, Cron, Every, Scheduler
from hourbell.clock import ManualClock
from hourbell.triggers import Trigger
from triggers.brute_force import changes_of, list_fires
from triggers.brute_force_calendar import list_calendar_fires, list_dates

HOUR = timedelta(hours=1)
STEP = timedelta(minutes=10)
# The last one changes its clock at midnight.
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Beirut")

CRONS: Mapping[str, tuple[str, str | None, str | None]] = {
    "nightly": ("30 2 * * *", None, None),
    "around midnight": ("15 23,0,1 * * *", None, None),
    "follows": ("*/20 * * * *", None, None),
    "each hour": ("45 * * * *", None, None),
    "some hours": ("10,40 0-3 * * *", None, None),
    "skips": ("10,40 0-3 * * *", "skip", "second"),
    "both": ("20 0-3 * * *", "next_valid", "both"),
    "seconds": ("30 15 0,2 * * *", None, None),
}
CALENDARS = {"day by day": (time(2, 15), None, None), "midnight": (time(0, 20), "next_valid", "both")}


def nights() -> list[tuple[str, datetime]]:
    """Both changes of 2026 in each zone."""
    return [(name, change) for name in ZONES for change in changes_of(ZoneInfo(name)) if change.year == 2026]


def rules(name: str, start: datetime, end: datetime) -> dict[str, tuple[Trigger, list[datetime]]]:
    """Each schedule with its trigger and the list of its fires, found the slow way."""
    zone = ZoneInfo(name)
    found: dict[str, tuple[Trigger, list[datetime]]] = {}
    for title, (expr, gap, fold) in CRONS.items():
        cron = Cron(expr, name, gap=gap, fold=fold)  # type: ignore[arg-type]
        found[title] = cron, list_fires(expr, zone, gap, fold, start, end)
    period = timedelta(minutes=25)
    fires = [start + number * period for number in range(1, 100)]
    found["every 25 minutes"] = Every(minutes=25, start=start), [fire for fire in fires if fire <= end]
    for title, (at, gap, fold) in CALENDARS.items():
        first = start.astimezone(zone).date() - timedelta(days=2)
        dates = list_dates(first, 0, 1, first + timedelta(days=6))
        trigger = CalendarEvery(days=1, time=at, start_day=first, timezone=name, gap=gap, fold=fold)  # type: ignore[arg-type]
        found[title] = trigger, list_calendar_fires(dates, at, zone, gap or "skip", fold or "first", start, end)
    return found


def test_there_are_two_nights_in_each_zone() -> None:
    assert len(nights()) == 2 * len(ZONES)


@pytest.mark.parametrize("name, change", nights(), ids=lambda value: str(value)[:16])
async def test_a_night_is_recorded_as_it_should_be(database_url: str, name: str, change: datetime) -> None:
    start, end = change - 2 * HOUR, change + 3 * HOUR
    clock = ManualClock(start)
    # A lease longer than the night: time passes faster here than a node could renew.
    scheduler = Scheduler(database_url, clock=clock, lease=43_200, poll=0.05, poll_with_hints=0.05, overlap="allow")
    expected = rules(name, start, end)
    seen: list[tuple[str, datetime]] = []

    @scheduler.task(name="ring")
    async def ring(title: str) -> None:
        seen.append((title, clock.now()))

    async def all_fired() -> bool:
        upcoming = [schedule.next_fire_at for schedule in await scheduler.list_schedules(limit=100)]
        return all(instant is not None and instant > clock.now() for instant in upcoming)

    async with scheduler.lifespan(None):  # type: ignore[arg-type]
        await until_async(scheduler.list_tasks)
        await scheduler.migrate()
        for title, (trigger, _) in expected.items():
            await scheduler.add_schedule("ring", trigger, id=title, args={"title": title})
        while clock.now() < end:
            clock.advance(STEP.total_seconds())
            await until_async(all_fired)
        for title, (_, fires) in expected.items():
            runs = list(await scheduler.list_runs(schedule_id=title, limit=1000))
            assert sorted(run.fire_at for run in runs if run.fire_at) == fires, title
            assert {run.reason for run in runs} <= {None}, title
        total = sum(len(fires) for _, fires in expected.values())

        async def all_ran() -> bool:
            return len(seen) >= total

        await until_async(all_ran)
    assert len(seen) == total
    assert total > 40


def test_the_lists_differ_where_the_policies_do() -> None:
    """The night would say nothing if all schedules fired alike."""
    name, change = nights()[0]
    expected = rules(name, change - 2 * HOUR, change + 3 * HOUR)
    assert len({tuple(fires) for _, fires in expected.values()}) == len(expected)
