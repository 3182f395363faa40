"""Comparing what had to happen, what was recorded and what the bodies did. Each checker answers what is wrong."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from .expected import every_second
from .ledger import ACCEPTED, END, START, Line
from .recorded import Recorded, RecordedRun

Fire = tuple[str, datetime]


@dataclass
class Comparison:
    """Fires against the record: how many, and which are wrong."""

    expected: int = 0
    recorded: int = 0
    ran: int = 0
    covered: int = 0
    duplicates: list[Fire] = field(default_factory=list)
    missing: list[Fire] = field(default_factory=list)
    unexpected: list[Fire] = field(default_factory=list)
    miscounted: list[str] = field(default_factory=list)

    def problems(self) -> list[str]:
        """Every difference, in words."""
        found = {"duplicate": self.duplicates, "missing": self.missing, "unexpected": self.unexpected}
        told = [f"{len(fires)} {what} fires: {_some(fires)}" for what, fires in found.items() if fires]
        if self.miscounted:
            told.append(f"{len(self.miscounted)} skipped rows count wrong: {_some(self.miscounted)}")
        return told


def compare_fires(expected: Mapping[str, Sequence[datetime]], runs: Iterable[RecordedRun]) -> Comparison:
    """Each expected fire must stand in exactly one row: its own, or a skipped one that covers it; and no other may."""
    comparison = Comparison(expected=sum(map(len, expected.values())))
    found: Counter[Fire] = Counter()
    for run in runs:
        if run.origin != "fire" or run.schedule_id is None or run.fire_at is None:
            continue
        covered = _covered(run, expected.get(run.schedule_id, ()))
        if run.covers_count is not None and run.covers_count != len(covered):
            comparison.miscounted.append(f"{run.id} says {run.covers_count}, covers {len(covered)}")
        found.update((run.schedule_id, fire_at) for fire_at in covered)
        if run.state == "skipped":
            comparison.covered += len(covered)
        else:
            comparison.ran += 1
    wanted = {(schedule_id, fire_at) for schedule_id, fires in expected.items() for fire_at in fires}
    comparison.recorded = sum(found.values())
    comparison.duplicates = sorted(fire for fire, count in found.items() if count > 1)
    comparison.missing = sorted(wanted - found.keys())
    comparison.unexpected = sorted(found.keys() - wanted)
    return comparison


def _covered(run: RecordedRun, expected: Sequence[datetime]) -> list[datetime]:
    """The fires that a row stands for."""
    assert run.fire_at is not None
    if run.covers_until is None:
        return [run.fire_at]
    if not expected:
        return every_second(run.fire_at, run.covers_until)
    inside = [fire_at for fire_at in expected if run.fire_at <= fire_at <= run.covers_until]
    # Its ends are named, so they count even where nothing was expected.
    return sorted({*inside, run.fire_at, run.covers_until})


def check_bodies(recorded: Recorded, lines: Iterable[Line], *, undisturbed: bool = False) -> list[str]:
    """The bodies' own ledger against the runs. ``undisturbed``: nothing was killed, so each run started once."""
    runs = {run.id: run for run in recorded.runs}
    by_run: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        by_run[line.run].append(line)
    faults: dict[str, list[str]] = defaultdict(list)
    for run_id, own in by_run.items():
        if run_id not in runs:
            faults["bodies ran without a recorded run"].append(run_id)
            continue
        for fault in _faults(runs[run_id], own):
            faults[fault].append(run_id)
    for run in recorded.runs:
        own = by_run.get(run.id, [])
        if run.state == "succeeded" and (END, run.attempt) not in {(line.phase, line.attempt) for line in own}:
            faults["succeeded runs whose body wrote no end"].append(run.id)
        if undisturbed and run.final and run.state != "skipped" and _count(own, START) != 1:
            faults["runs that did not start exactly once"].append(run.id)
    doubled = [one.run_id for one in recorded.attempts if one.outcome == "succeeded"]
    if doubled:
        faults["successes that did not end their run"] = doubled
    return [f"{len(ids)} {fault}: {_some(ids)}" for fault, ids in faults.items()]


def _faults(run: RecordedRun, lines: Sequence[Line]) -> list[str]:
    """What is wrong between one run and what its bodies wrote."""
    faults = []
    if any((line.schedule, line.fire_at) != (run.schedule_id or "-", run.fire_at) for line in lines):
        faults.append("bodies were told another schedule or fire than was recorded")
    if max(Counter((line.phase, line.attempt) for line in lines).values()) > 1:
        faults.append("attempts started or ended twice")
    if run.state == "skipped":
        faults.append("bodies ran of skipped runs")
    if any(line.attempt > run.attempt for line in lines):
        faults.append("bodies ran under an attempt that was never recorded")
    accepted = [line for line in lines if line.phase == ACCEPTED]
    if len(accepted) > 1:
        faults.append("runs that succeeded twice")
    elif accepted and (run.state, run.attempt) != ("succeeded", accepted[0].attempt):
        faults.append("accepted successes that are not recorded")
    if accepted and any(line.phase == START and line.attempt > accepted[0].attempt for line in lines):
        faults.append("runs that started again after their success")
    return faults


def check_drained(recorded: Recorded) -> list[str]:
    """At the end nothing may be left to do: every run final, and none failed."""
    left = [f"{run.id} ({run.state})" for run in recorded.runs if not run.final]
    failed = [run.id for run in recorded.runs if run.state in ("failed", "cancelled")]
    problems = [f"{len(left)} runs are not final: {_some(left)}"] if left else []
    return problems + ([f"{len(failed)} runs failed: {_some(failed)}"] if failed else [])


def lateness(recorded: Recorded, since: datetime) -> list[float]:
    """Seconds between a fire and its record, for fires after an instant that have a row of their own."""
    return [
        (run.created_at - run.fire_at).total_seconds()
        for run in recorded.runs
        if run.fire_at is not None and run.origin == "fire" and run.fire_at > since and run.covers_until is None
    ]


def start_lateness(lines: Iterable[Line], since: datetime) -> list[float]:
    """Seconds between a fire and the first start of its body."""
    return [
        (line.at - line.fire_at).total_seconds()
        for line in lines
        if line.phase == START and line.attempt == 1 and line.fire_at is not None and line.fire_at > since
    ]


def _count(lines: Iterable[Line], phase: str) -> int:
    return sum(1 for line in lines if line.phase == phase)


def _some(things: Sequence[object]) -> str:
    shown = ", ".join(str(thing) for thing in things[:5])
    return shown if len(things) <= 5 else f"{shown}, …"
