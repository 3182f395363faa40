"""Nodes that are not alike: old code beside new code on the new schema, and nodes that know different tasks."""

from __future__ import annotations

import asyncio
import io
import subprocess
import tarfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from .blueprint import Blueprint, Planned
from .checkers import check_bodies, check_drained, compare_fires
from .entry import Need
from .expected import expected_fires
from .fleet import Fleet, Group, kill
from .kill_storm import TAKEOVER, Kills, takeovers, tell_takeovers
from .ledger import ACCEPTED, START
from .report import Report
from .site import NotRun, Site, run_script
from .storm import COUNTING, complaints, every_second, over, soon, told

ROOT = Path(__file__).parents[2]
_SCHEMA = Path("src/hourbell/store/sql/migrations/postgres")
LEASE = 3.0
# Half of them long, so that kills meet some.
BODIES = (("quick", {}), ("long", {"seconds": 1.5}), ("quick_sync", {}), ("long", {"seconds": 1.0}))


def git(*arguments: str) -> bytes:
    """What git answers. Raises NotRun when it cannot."""
    try:
        said = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=False)
    except OSError:
        raise NotRun("git is missing") from None
    if said.returncode != 0:
        raise NotRun(f"the project's history is missing: {said.stderr.decode(errors='replace').strip()[:100]}")
    return said.stdout


def before_schema(ago: int) -> str:
    """The commit just before the schema's latest change but ``ago - 1``. Raises NotRun without history."""
    name = sorted(path.name for path in (ROOT / _SCHEMA).glob("*.sql"))[-ago]
    added = git("log", "--diff-filter=A", "--format=%H", "--", str(_SCHEMA / name)).decode().split()
    if not added:
        raise NotRun("the project's history is missing")
    return git("rev-parse", "--verify", f"{added[-1]}^").decode().strip()


def has_history() -> bool:
    """Whether there is a commit of an older schema to be had."""
    try:
        return bool(before_schema(1))
    except NotRun:
        return False


HISTORY = Need(name="the project's history in git", is_there=has_history)


def old_code(folder: Path, commit: str) -> Path:
    """Hourbell as it was at a commit, ready to be imported."""
    with tarfile.open(fileobj=io.BytesIO(git("archive", commit, "src"))) as archive:
        archive.extractall(folder, filter="data")
    return folder / "src"


async def versions(
    site: Site, *, seconds: float = 60, schedules: int = 40, every: float = 3.0, ago: int = 1, slack: float = 0.0
) -> Report:
    """Old nodes work, new ones come and change the schema, both are killed in turn, the old ones leave."""
    commit = before_schema(ago)
    report = site.report(f"old code ({commit[:7]}) and new code on the new schema")
    code = old_code(site.folder / "old", commit)
    last = soon(4) + timedelta(seconds=round(seconds) + 3)
    planned = every_second(schedules, BODIES, last, {**COUNTING, "lost_limit": 1000})
    blueprint = site.blueprint(schedules=planned, settings={"lease": LEASE})
    kills: Kills = {}
    with Fleet(site.folder) as fleet:
        old = [fleet.start(blueprint, code=code) for _ in range(2)]
        await site.until_live(2)
        before = await versions_of(site)
        await asyncio.sleep(2)
        elders = {group.pid for group in old}
        groups: dict[Group, Path | None] = dict.fromkeys(old, code)
        groups |= {fleet.start(blueprint): None for _ in range(2)}
        await site.until_live(4)
        report.figure("migrations before, after", f"{before}, {await versions_of(site)}")
        report.require(before < await versions_of(site), "the new code did not change the schema: nothing can be told")
        settled = datetime.now(UTC)
        while datetime.now(UTC) < last - timedelta(seconds=every):
            await asyncio.sleep(every)
            victim = site.random.choice(list(groups))
            kills[victim.pid] = datetime.now(UTC)
            kill(victim.pid)
            made = fleet.start(blueprint, code=groups[victim])
            groups[made] = groups.pop(victim)
            if groups[made] is not None:
                elders.add(made.pid)
            await made.serving()
        await asyncio.gather(*(group.stop() for group, its in groups.items() if its is not None))
        await over(site, last, patience=90)
        await asyncio.gather(*(group.stop() for group, its in groups.items() if its is None))
        recorded, lines = await site.tables.all(), site.ledger()
        report.figure("kills", len(kills))
        await told(site, report, last, settled, schedules=schedules, undisturbed=False)
        done = Counter("old" if line.pid in elders else "new" for line in lines if line.phase == ACCEPTED)
        report.figure("runs by the version that ran them", dict(done))
        report.require(min(done["old"], done["new"]) > 0, f"one of the versions did nothing: {dict(done)}")
        tell_takeovers(report, takeovers(recorded, lines, kills), TAKEOVER + slack)
        complaints(report, site, fleet)
    return report


async def versions_of(site: Site) -> int:
    """How many migrations the schema has."""
    prefix = "" if site.kind == "SQLite" else "hourbell."
    return len(await site.tables.rows(f"SELECT version FROM {prefix}migrations"))


async def knowing(site: Site, *, seconds: float = 30, every: float = 5.0) -> Report:
    """Two nodes with a task of their own each and one that both know; each is killed in turn and comes back."""
    report = site.report(f"nodes that know different tasks, for {seconds:g} s")
    last = soon(2) + timedelta(seconds=round(seconds))
    blueprints = {name: knows(site, name, last) for name in ("here", "there")}
    pids: dict[str, set[int]] = {name: set() for name in blueprints}
    with Fleet(site.folder) as fleet:
        groups = {name: fleet.start(blueprint) for name, blueprint in blueprints.items()}
        for name, group in groups.items():
            pids[name].add(group.pid)
        await site.until_live(2)
        turn = 0
        while datetime.now(UTC) < last - timedelta(seconds=every):
            await asyncio.sleep(every)
            name = ("here", "there")[turn % 2]
            turn += 1
            kill(groups[name].pid)
            await asyncio.sleep(1.5)
            groups[name] = fleet.start(blueprints[name])
            pids[name].add(groups[name].pid)
            await groups[name].serving()
        await over(site, last, patience=90)
        await asyncio.gather(*(group.stop() for group in groups.values()))
        recorded, lines = await site.tables.all(), site.ledger()
        report.figure("kills", turn)
        comparison = compare_fires(expected_fires(recorded.schedules, last), recorded.runs)
        report.figure("fires recorded", f"{comparison.recorded} = {comparison.ran} runs + {comparison.covered} skipped")
        report.figure("skipped for", dict(Counter(str(run.reason) for run in recorded.runs if run.state == "skipped")))
        report.add(comparison.problems())
        report.add(check_drained(recorded))
        report.add(check_bodies(recorded, lines))
        for name in blueprints:
            begun = [line for line in lines if line.phase == START and line.schedule == f"only {name}"]
            strangers = [line for line in begun if line.pid not in pids[name]]
            report.figure(f"runs of the task known {name}", len(begun))
            report.require(bool(begun), f"nothing of the task known {name} ran")
            report.require(not strangers, f"{len(strangers)} runs began on a node that does not know their task")
        complaints(report, site, fleet)
    return report


def knows(site: Site, name: str, last: datetime) -> Blueprint:
    """A node's own task and schedule, beside one that both have."""
    own = Planned(id=f"only {name}", body=name, args={"seconds": 0.3}, end=last.isoformat(), policies=COUNTING)
    shared = Planned(id="both", end=last.isoformat(), policies=COUNTING)
    return site.blueprint(schedules=[own, shared], waiters={name: None}, settings={"lease": LEASE})


if __name__ == "__main__":
    run_script([versions, knowing])
