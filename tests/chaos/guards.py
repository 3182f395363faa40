"""Guards under kills and freezes: work that two are woken for at the same instant is done once; a lock has a holder."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter, defaultdict
from collections.abc import Sequence

from hourbell import Scheduler

from .contenders import Contenders, go_on, outside, stop
from .fleet import Fleet, kill
from .outside import Note, read_notes
from .report import Report
from .site import Site, run_script

LEASE = 3.0
BATCH = 25
_INSIDE = ("in", "written")


async def once(site: Site, *, seconds: float = 60, tries: int = 1000, processes: int = 2) -> Report:
    """``daily_aggregate``, woken on two nodes at the same instant: many days, then as many with a kill in the middle.

    The days with a kill come in batches, since each costs a lease; ``seconds`` bounds them.
    """
    report = site.report(f"work woken for on {processes} nodes at once, {tries} tries")
    await _migrated(site)
    with Fleet(site.folder) as fleet:
        contenders = Contenders(site, fleet, processes)
        await contenders.ready()
        answers = []
        for number in range(tries):
            told = {"do": "once", "keys": [f"plain {number}"], "pause": 0.0, "die": None}
            answers.append(await contenders.tell_all(told))
        report.figure("tries without a kill", tries)
        _tell_once(report, outside(site), "plain", tries)
        firsts = [sum(one[f"plain {number}"][0] for one in told) for number, told in enumerate(answers)]
        report.figure("  answered as first", sum(firsts))
        report.require(set(firsts) == {1}, f"tries with another number of firsts than one: {Counter(firsts)}")
        others = [one for number, told in enumerate(answers) for one in [x[f"plain {number}"] for x in told]]
        report.require(all(isinstance(one[1], int) for one in others), "somebody did not get the result")
        count = await _with_kills(site, contenders, seconds, tries)
        report.figure("tries with a kill in the middle of the work", count)
        _tell_once(report, outside(site), "killed", count)
        begun = Counter(note.name for note in read_notes(outside(site)) if note.what == "began")
        again = sum(1 for name, n in begun.items() if "killed" in name and n > 1)
        report.figure("  begun a second time", again)
        report.require(again > 0, "no kill met the work: nothing was seen")
        report.require("Traceback" not in contenders.log(), contenders.log()[-2000:])
    return report


async def _with_kills(site: Site, contenders: Contenders, seconds: float, tries: int) -> int:
    until = time.monotonic() + seconds
    count = 0
    while count < tries and (count == 0 or time.monotonic() < until):
        keys = [f"killed {number}" for number in range(count, count + BATCH)]
        # Whatever the one has begun, it is killed in the middle of that; the other one does it all the same.
        dying = {"do": "once", "keys": keys, "pause": 60, "die": site.random.uniform(0.3, 0.6)}
        patient = {**dying, "pause": 0.01, "die": None}
        async with asyncio.TaskGroup() as group:
            group.create_task(contenders.tell(0, **dying))
            await asyncio.sleep(site.random.uniform(0, 0.05))
            group.create_task(contenders.tell(1, **patient))
        await contenders.replace_dead()
        count += BATCH
    return count


def _tell_once(report: Report, folder: object, kind: str, count: int) -> None:
    notes = [note for note in read_notes(folder) if note.name.startswith(kind)]  # type: ignore[arg-type]
    done = Counter(note.name for note in notes if note.what == "done")
    report.figure("  done", done.total())
    report.require(len(done) == count, f"{kind}: {count - len(done)} were never done")
    twice = [name for name, times in done.items() if times > 1]
    report.require(not twice, f"{kind}: {len(twice)} were done more than once: {twice[:3]}")


async def lock(site: Site, *, seconds: float = 60, processes: int = 8, pause: float = 0.05) -> Report:
    """One lock, ``processes`` that want it, while its holder is killed or stopped for longer than its lease."""
    report = site.report(f"a lock that {processes} processes contend for, holders killed and stopped")
    await _migrated(site)
    frozen: list[tuple[int, float, float]] = []
    kills = 0
    with Fleet(site.folder) as fleet:
        contenders = Contenders(site, fleet, processes)
        await contenders.ready()
        locking = {"do": "lock", "name": "import-catalog", "pause": pause}
        await contenders.tell_all(locking)
        until = time.monotonic() + seconds
        while not kills or time.monotonic() < until:
            await asyncio.sleep(site.random.uniform(0.2, 0.6))
            victim = await _stopped_inside(site, contenders)
            began = time.monotonic()
            await asyncio.sleep(LEASE + site.random.uniform(0.3, 1.0))
            second = await _holder(site, contenders)
            if second != victim and kill(second):
                kills += 1
            go_on(victim)
            frozen.append((victim, began, time.monotonic()))
            for place in await contenders.replace_dead():
                await contenders.tell(place, **locking)
        await asyncio.sleep(LEASE)
        await contenders.tell_all({"do": "stop"})
        report.require("Traceback" not in contenders.log(), contenders.log()[-2000:])
    report.figure("kills of the holder", kills)
    report.figure("stops of the holder, longer than its lease", len(frozen))
    tell_lock(report, read_notes(outside(site)), frozen)
    return report


def tell_lock(report: Report, notes: Sequence[Note], frozen: Sequence[tuple[int, float, float]]) -> None:
    """One holder a fence; what the outside accepts rises; nobody holds beside another but who stood still."""
    taken = [note for note in notes if note.what == "in"]
    written = [note for note in notes if note.what == "written"]
    holders: dict[int, set[int]] = defaultdict(set)
    for note in (*taken, *written):
        holders[note.fence].add(note.pid)
    report.figure("times held", len(taken))
    report.figure("writes accepted outside", len(written))
    report.figure("writes refused outside, for their fence", sum(1 for note in notes if note.what == "refused"))
    report.figure("holders told that they had lost it", sum(1 for note in notes if note.what == "lost"))
    told = sum(1 for note in notes if note.what in ("lost", "refused"))
    report.require(told > 0, "nobody who stood still was told of it: nothing was seen")
    shared = {fence: pids for fence, pids in holders.items() if len(pids) > 1}
    report.require(not shared, f"fences with two holders: {shared}")
    report.require(len({note.fence for note in taken}) == len(taken), "a fence was given twice")
    falling = [(one, other) for one, other in itertools.pairwise(written) if other.fence < one.fence]
    report.require(not falling, f"accepted fences fell {len(falling)} times: {falling[:2]}")
    beside = _beside(notes, frozen)
    report.figure("writes beside another holder by a process that had not stood still", len(beside))
    report.require(not beside, f"two holders at once: {beside[:2]}")


def _beside(notes: Sequence[Note], frozen: Sequence[tuple[int, float, float]]) -> list[Note]:
    """Writes that were tried after a later holder had come, but for those of a process that stood still meanwhile."""
    found = []
    for number, note in enumerate(notes):
        if note.what not in ("written", "refused"):
            continue
        later = [one for one in notes[:number] if one.what == "in" and one.fence > note.fence]
        if later and not any(pid == note.pid and began <= later[0].at for pid, began, _ in frozen):
            found.append(note)
    return found


async def _stopped_inside(site: Site, contenders: Contenders) -> int:
    """Stop the process that holds the lock, in the middle of its block."""
    while True:
        notes = read_notes(outside(site))
        if notes and notes[-1].what in _INSIDE and notes[-1].pid in contenders.pids:
            victim = notes[-1].pid
            stop(victim)
            await asyncio.sleep(0.02)
            if [note.what for note in read_notes(outside(site)) if note.pid == victim][-1] in _INSIDE:
                return victim
            go_on(victim)
        await asyncio.sleep(0.005)


async def _holder(site: Site, contenders: Contenders) -> int:
    """The process that holds the lock now, or the one that did last."""
    while True:
        held = [note for note in read_notes(outside(site)) if note.what == "in" and note.pid in contenders.pids]
        if held:
            return held[-1].pid
        await asyncio.sleep(0.02)


async def _migrated(site: Site) -> None:
    async with Scheduler(site.url):
        pass


if __name__ == "__main__":
    run_script([once, lock])
