"""Everything is stopped and started again, reloaded while code is edited, and started without one of its schedules."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from hourbell import Scheduler

from .blueprint import Planned
from .checkers import check_bodies, compare_fires
from .expected import expected_fires, whole
from .fleet import Fleet, Group, until
from .processes import is_alive
from .recorded import Recorded, RecordedSchedule
from .report import Report
from .site import Site, run_script
from .storm import COUNTING, complaints

LEASE = 3.0
FAR = "2199-01-01T00:00:00Z"


async def scenario(site: Site, *, seconds: float = 10) -> Report:
    """Stop and start of all processes: next fires, pauses and history are kept, and the gap is caught up."""
    report = site.report(f"restart of everything, {seconds:g} s away")
    planned = [
        Planned(id="tick", policies=COUNTING),
        Planned(id="hourly", seconds=3600),
        Planned(id="nightly", cron="30 3 * * *"),
        Planned(id="paused", policies=COUNTING),
        Planned(id="far", start=FAR),
    ]
    blueprint = site.blueprint(schedules=planned, settings={"lease": LEASE})
    with Fleet(site.folder) as fleet:
        fleet.start(blueprint, workers=2)
        await site.until_live(2)
        await asyncio.sleep(3)
        async with Scheduler(site.url) as scheduler:
            await scheduler.pause_schedule("paused", note="by hand")
        await asyncio.sleep(1)
        await fleet.stop()
        before = await site.tables.all()
        await asyncio.sleep(seconds)
        started_at = datetime.now(UTC)
        fleet.start(blueprint, workers=2)
        await site.until_live(2)
        await asyncio.sleep(4)
        await fleet.groups[-1].stop()
        after, lines = await site.tables.all(), site.ledger()
        tell_kept(report, before, after, started_at)
        ticking = [after.schedule("tick")]
        only = [run for run in after.runs if run.schedule_id == "tick"]
        comparison = compare_fires(expected_fires(ticking), only)
        report.figure("fires of one schedule over the gap", f"{comparison.recorded} = {comparison.expected}")
        report.add(comparison.problems())
        report.add(check_bodies(after, lines))
        complaints(report, site, fleet)
    return report


def tell_kept(report: Report, before: Recorded, after: Recorded, started_at: datetime) -> None:
    """What must be as it was."""
    for name in ("hourly", "nightly", "far"):
        then, now = before.schedule(name), after.schedule(name)
        report.figure(f"next fire of {name}", now.next_fire_at)
        report.require((now.next_fire_at, now.state) == (then.next_fire_at, "active"), f"{name} was changed: {now}")
    paused = after.schedule("paused")
    report.figure("paused", f"{paused.state}, {paused.note!r}")
    report.require((paused.state, paused.note) == ("paused", "by hand"), f"the pause was not kept: {paused}")
    fired = [run for run in after.runs if run.schedule_id == "paused" and run.created_at > started_at]
    report.require(not fired, f"a paused schedule fired {len(fired)} times")
    history, kept = {run.id: run for run in before.runs}, {run.id: run for run in after.runs}
    report.figure("runs before, after", f"{len(history)}, {len(kept)}")
    changed = [run_id for run_id, run in history.items() if run.final and kept.get(run_id) != run]
    report.require(not changed, f"{len(changed)} finished runs of the time before are not as they were")
    report.require(len(after.schedules) == len(before.schedules), "there are more or fewer schedules than before")


async def reload(site: Site, *, seconds: float = 20, touches: int = 10) -> Report:
    """``uvicorn --reload`` while its module is touched again and again."""
    report = site.report(f"reloaded {touches} times in {seconds:g} s")
    folder = site.folder / "edited"
    folder.mkdir()
    module = folder / "reloaded.py"
    write(module, 0)
    planned = Planned(id="tick", policies=COUNTING)
    blueprint = site.blueprint(schedules=[planned], settings={"lease": LEASE})
    seen: set[int] = set()
    with Fleet(site.folder) as fleet:
        group = fleet.start(blueprint, reload=folder)
        await site.until_live(1)
        for number in range(touches):
            seen.update(group.nodes())
            await asyncio.sleep(seconds / touches)
            write(module, number + 1)
        await settled(site, group, seen)
        await asyncio.sleep(3)
        report.require(len(group.nodes()) == 1, f"{len(group.nodes())} application processes under one reloader")
        seen.update(group.nodes())
        await group.stop()
        await asyncio.sleep(0.5)
        orphans = [pid for pid in seen if is_alive(pid)] + [one.pid for one in group.members()]
        report.figure("application processes", len(seen))
        report.require(len(seen) > touches / 2, f"only {len(seen)} processes: it was not reloaded")
        report.require(not orphans, f"{len(orphans)} orphan processes")
        recorded, lines = await site.tables.all(), site.ledger()
        report.figure("schedule rows", len(recorded.schedules))
        report.require(len(recorded.schedules) == 1, f"{len(recorded.schedules)} schedules instead of one")
        comparison = compare_fires(expected_fires(recorded.schedules), recorded.runs)
        report.figure("fires expected, recorded", f"{comparison.expected}, {comparison.recorded}")
        report.figure("node ids", [node.state for node in recorded.nodes])
        report.add(comparison.problems())
        report.add(check_bodies(recorded, lines))
        complaints(report, site, fleet)
    return report


def write(module: Path, number: int) -> None:
    """The module that the reloader watches; each time it is a little newer."""
    module.write_text(f"from chaos.app import app  # noqa: F401 - edit {number}\n")


async def settled(site: Site, group: Group, before: set[int]) -> None:
    """Wait until the process of the last edit is a node."""
    await until(lambda: set(group.nodes()) - before, "the last edit has been loaded")
    await site.until_live(1)


async def undeclared(site: Site, *, seconds: float = 6) -> Report:
    """A schedule taken out of the code stops firing and says so; put back, it goes on."""
    report = site.report("a schedule taken out of the code")
    kept, removed = Planned(id="kept", policies=COUNTING), Planned(id="removed", policies=COUNTING)
    with Fleet(site.folder) as fleet:
        await live_for(site, fleet, [kept, removed], seconds)
        stopped_at = whole(datetime.now(UTC))
        # At first it is waited for, as in a restart.
        await live_for(site, fleet, [kept], seconds + 2 * LEASE + 5)
        without = await site.tables.all()
        tell_undeclared(report, without, stopped_at)
        await live_for(site, fleet, [kept, removed], seconds)
        again = await site.tables.all()
        report.figure("state after it was put back", again.schedule("removed").state)
        report.require(again.schedule("removed").state == "active", "it is not active after it was put back")
        comparison = compare_fires(expected_fires(again.schedules), again.runs)
        report.figure("fires expected", comparison.expected)
        report.figure("fires recorded", f"{comparison.recorded} = {comparison.ran} runs + {comparison.covered} skipped")
        report.add(comparison.problems())
        report.add(check_bodies(again, site.ledger()))
        back = [run for run in again.runs if run.schedule_id == "removed" and run.id not in ids(without)]
        report.require(any(run.state == "succeeded" for run in back), "it did not fire again after it was put back")
        complaints(report, site, fleet)
    return report


async def live_for(site: Site, fleet: Fleet, planned: Sequence[Planned], seconds: float) -> None:
    """One life of the application."""
    group = fleet.start(site.blueprint(schedules=planned, settings={"lease": LEASE}), workers=2)
    await site.until_live(2)
    await asyncio.sleep(seconds)
    await group.stop()


def tell_undeclared(report: Report, recorded: Recorded, stopped_at: datetime) -> None:
    """It says that it does not fire, in its state and in one row."""
    schedule: RecordedSchedule = recorded.schedule("removed")
    report.figure("state after it was taken out", schedule.state)
    report.require(schedule.state == "undeclared", f"its state is {schedule.state}")
    since = [run for run in recorded.runs if run.schedule_id == "removed" and run.fire_at and run.fire_at > stopped_at]
    told = [(run.state, run.reason, run.covers_count) for run in recorded.runs if run.reason == "undeclared"]
    report.figure("rows that say why", told)
    report.require(len(told) == 1, f"{len(told)} rows say that it is undeclared instead of one")
    ran = [run for run in since if run.state != "skipped"]
    report.require(not ran, f"it fired {len(ran)} times although the code does not know it any more")


def ids(recorded: Recorded) -> set[str]:
    return {run.id for run in recorded.runs}


if __name__ == "__main__":
    run_script([scenario, reload, undeclared])
