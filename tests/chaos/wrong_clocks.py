"""Clocks: of hosts, minutes apart; of the database, that jumps by hours; and nights on which they are changed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from .blueprint import Planned
from .checkers import check_bodies, check_drained, compare_fires, lateness
from .clocks import shift_clock
from .fleet import Fleet, kill, until
from .kill_storm import TAKEOVER, Kills, takeovers, tell_takeovers
from .ledger import START, Line
from .recorded import Recorded
from .report import Report
from .site import Site, run_script
from .storm import COUNTING, complaints, every_second, over, soon, told, up_before

LEASE = 3.0
SKEWS = (-120.0, 0.0, 120.0)
BACK_WITHIN = 5.0
BODIES = (("quick", {}), ("quick_sync", {}), ("long", {"seconds": 1.2}))
# A clock that is stepped forward ends every lease: nodes say so.
ALLOWED = (r"LeaseLost", r"lost its lease", r"did not end when cancelled")


async def skew(
    site: Site, *, seconds: float = 60, schedules: int = 40, every: float = 4.0, slack: float = 0.0
) -> Report:
    """Three hosts two minutes apart from each other; one after the other is killed and started again."""
    report = site.report(f"hosts whose clocks are wrong by {SKEWS} s")
    last = soon(len(SKEWS)) + timedelta(seconds=round(seconds))
    planned = every_second(schedules, BODIES, last, {**COUNTING, "lost_limit": 1000})
    blueprint = site.blueprint(schedules=planned, settings={"lease": LEASE}, far=True)
    kills: Kills = {}
    with Fleet(site.folder) as fleet:
        hosts = {skewed: fleet.start(blueprint.having(skew=skewed)) for skewed in SKEWS}
        await site.until_live(len(SKEWS))
        settled = datetime.now(UTC)
        while datetime.now(UTC) < last:
            await asyncio.sleep(every)
            victim = site.random.choice(SKEWS)
            kills[hosts[victim].pid] = datetime.now(UTC)
            kill(hosts[victim].pid)
            hosts[victim] = fleet.start(blueprint.having(skew=victim))
            await hosts[victim].serving()
        await over(site, last, patience=120)
        await asyncio.gather(*(group.stop() for group in hosts.values()))
        recorded, lines = await site.tables.all(), site.ledger()
        report.figure("kills", len(kills))
        await told(site, report, last, settled, schedules=schedules, undisturbed=False)
        early = [late for late in lateness(recorded, settled) if late < 0]
        report.figure("fires recorded before their time", len(early))
        report.require(not early, f"{len(early)} fires were recorded before their time: {early[:3]}")
        tell_takeovers(report, takeovers(recorded, lines, kills), TAKEOVER + slack)
        complaints(report, site, fleet)
    return report


async def jumps(site: Site, *, rest: float = 8.0) -> Report:
    """The database's clock goes three hours forward, an hour back, and forward again, with some rest between."""
    report = site.report(f"the database's clock jumps by hours, every {rest:g} s")
    file = site.ledger_folder / "clock"
    shift_clock(file, timedelta())
    steps = [timedelta(hours=3), timedelta(hours=2), timedelta(hours=3, seconds=2)]
    start = soon(2)
    last = start + timedelta(seconds=round(4 * rest) + 20) + steps[-1]
    policies: Mapping[str, Mapping[str, Any]] = {
        "all": {"catch_up": "all", "overlap": "allow"},
        "latest": {"catch_up": "latest", "overlap": "allow"},
        "skip": {"catch_up": "skip", "overlap": "allow"},
    }
    periods = {name: timedelta(seconds=60 if name == "all" else 5) for name in policies}
    bounds = {"start": start.isoformat(), "end": last.isoformat()}
    planned = [
        Planned(id=name, seconds=periods[name].total_seconds(), policies=given, **bounds)
        for name, given in policies.items()
    ]
    with Fleet(site.folder) as fleet:
        for _ in range(2):
            fleet.start(site.blueprint(schedules=planned, settings={"lease": LEASE}, shifted=True))
        await up_before(site, start, 2)
        await asyncio.sleep((start - datetime.now(UTC)).total_seconds() + rest)
        for number, step in enumerate(steps):
            before = len(site.ledger())
            jumped_at = datetime.now(UTC)
            shift_clock(file, step)
            await asyncio.sleep(rest)
            since = [line.at for line in site.ledger()[before:] if line.phase == START]
            if number == 1:
                # What was under way at the jump may still begin; after that every due time lies an hour ahead.
                late = [at for at in since if at > jumped_at + timedelta(seconds=LEASE + 2)]
                report.require(not late, f"{len(late)} bodies began while the clock was behind what has fired")
                continue
            waited = (min(since) - jumped_at).total_seconds() if since else float("inf")
            report.figure(f"fired again after the jump to {step} [s]", waited)
            report.require(waited <= LEASE + BACK_WITHIN, f"fired only {waited:.2f} s after the jump")
        await over(site, last - steps[-1], patience=120)
        await fleet.stop()
        recorded, lines = await site.tables.all(), site.ledger()
        expected = {
            name: [start + step * period for step in range((last - start) // period + 1)]
            for name, period in periods.items()
        }
        tell(report, recorded, lines, expected)
        report.figure("node ids", len(recorded.nodes))
        complaints(report, site, fleet, ALLOWED)
    return report


@dataclass(frozen=True)
class Night:
    """A change of the clock in Berlin, and which of these crons fires when around it, as the documentation has it."""

    change: datetime
    fires: Mapping[str, tuple[str, str | None, str | None, Sequence[float]]]
    """By id: expression, gap, fold, and seconds after the change."""


_EVERY_10 = tuple(range(-20, 31, 10))
SPRING = Night(
    datetime(2031, 3, 30, 1, tzinfo=UTC),
    {
        "in the gap": ("30 2 * * *", None, None, [0]),
        "in the gap, skipped": ("30 2 * * *", "skip", None, []),
        "before": ("45 59 1 * * *", None, None, [-15]),
        "after": ("15 0 3 * * *", None, None, [15]),
        "goes on": ("*/10 * * * * *", None, None, _EVERY_10),
    },
)
AUTUMN = Night(
    datetime(2031, 10, 26, 1, tzinfo=UTC),
    {
        "first": ("45 59 2 * * *", None, None, [-15]),
        "second": ("15 0 2 * * *", None, "second", [15]),
        "both": ("20 0 2 * * *", None, "both", [20]),
        "was already": ("10 0 2 * * *", None, "first", []),
        "goes on": ("*/10 * * * * *", None, None, _EVERY_10),
    },
)


async def nights(site: Site) -> Report:
    """Both nights of a year, lived through by real processes whose clock is set to them; the next fires too."""
    report = site.report("nights on which the clock is changed, in Berlin")
    for name, night in (("spring", SPRING), ("autumn", AUTUMN)):
        await live_through(site, report, name, night)
    return report


async def live_through(site: Site, report: Report, name: str, night: Night) -> None:
    """From 25 s before the change until 35 s after it."""
    file = site.ledger_folder / "clock"
    moment = soon(2) + timedelta(seconds=25)
    shift = night.change - moment
    shift_clock(file, shift)
    planned = [
        Planned(id=f"{name}, {title}", cron=cron, timezone="Europe/Berlin", gap=gap, fold=fold, policies=COUNTING)
        for title, (cron, gap, fold, _) in night.fires.items()
    ]
    with Fleet(site.folder) as fleet:
        for _ in range(2):
            fleet.start(site.blueprint(schedules=planned, settings={"lease": LEASE}, shifted=True))
        await until(lambda: all(group.exit_code is None for group in fleet.groups), "both are there")
        await asyncio.gather(*(group.serving() for group in fleet.groups))
        if datetime.now(UTC) > moment - timedelta(seconds=21):
            raise TimeoutError("the nodes came up too late for the night: nothing can be told")
        await asyncio.sleep((moment - datetime.now(UTC)).total_seconds() + 35)
        await fleet.stop()
        recorded, lines = await site.tables.all(), site.ledger()
        since, end = night.change - timedelta(seconds=21), night.change + timedelta(seconds=34)
        own = [run for run in recorded.runs if str(run.schedule_id).startswith(name) and run.fire_at]
        found = {
            one.id: sorted(
                (run.fire_at - night.change).total_seconds()
                for run in own
                if run.schedule_id == one.id and run.fire_at and since <= run.fire_at <= end
            )
            for one in planned
        }
        for title, (_, _, _, seconds) in night.fires.items():
            told_here = found[f"{name}, {title}"]
            report.figure(f"{name}, {title}: seconds after the change", told_here)
            wanted = [float(one) for one in seconds]
            report.require(told_here == wanted, f"{name}, {title}: fired at {told_here} instead of {wanted}")
        record = Recorded(own, recorded.attempts, recorded.nodes, recorded.schedules)
        report.add(check_bodies(record, [line for line in lines if line.schedule.startswith(name)], undisturbed=True))
        complaints(report, site, fleet)


def tell(report: Report, recorded: Recorded, lines: Sequence[Line], expected: Mapping[str, Sequence[datetime]]) -> None:
    """What was recorded of what had to be."""
    comparison = compare_fires(expected, recorded.runs)
    report.figure("fires expected", comparison.expected)
    report.figure("fires recorded", f"{comparison.recorded} = {comparison.ran} runs + {comparison.covered} skipped")
    report.add(comparison.problems())
    report.add(check_drained(recorded))
    report.add(check_bodies(recorded, lines))


if __name__ == "__main__":
    run_script([jumps, nights], only_postgres=[skew])
