"""Everything that is counted, from what was planned, what was done, what was recorded and what the bodies wrote."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from hourbell.model.run_state import Outcome, RunState
from hourbell.prove.course import COUNTING, Blow
from hourbell.prove.ledger import Line, Phase

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from hourbell import Run
    from hourbell.model.run import Attempt
    from hourbell.prove.course import Course
    from hourbell.prove.mayhem import Deed
    from hourbell.prove.record import Record

Fire = tuple[str, datetime]

# After these the nodes start anew, or have to find their database again; what is recorded meanwhile may be late.
TROUBLE = frozenset({Blow.END_SESSIONS, Blow.LOCK_TABLE, Blow.LOCK_FILE})
_UPHEAVALS = TROUBLE | {Blow.KILL_ALL}
_AFTERMATH = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All there is to judge by. ``first`` and ``last``: the instants between which the schedules fire, included."""

    course: Course
    first: datetime
    last: datetime
    deeds: Sequence[Deed]
    record: Record
    lines: Sequence[Line]

    def expected(self) -> set[Fire]:
        """Every fire that there must be, computed without the triggers that are on trial."""
        fires = set()
        for planned in self.course.schedules:
            count = (self.last - self.first) // timedelta(seconds=planned.seconds)
            fires |= {(planned.id, self.first + step * timedelta(seconds=planned.seconds)) for step in range(count + 1)}
        return fires

    def recorded(self) -> Counter[Fire]:
        """How often each fire stands in the database: as a run, or covered by the row of those that were skipped."""
        periods = {planned.id: timedelta(seconds=planned.seconds) for planned in self.course.schedules}
        return Counter(fire for run in self.record.runs for fire in _fires_of(run, periods))

    def attempts_begun(self) -> Counter[tuple[str, int]]:
        """How often the body of each attempt began."""
        return Counter((line.run, line.attempt) for line in self.lines if line.phase is Phase.BEGAN)

    def accepted(self) -> Mapping[str, list[int]]:
        """By run: the attempts that a node was told are the run's success."""
        found: dict[str, list[int]] = defaultdict(list)
        for line in self.lines:
            if line.phase is Phase.ACCEPTED:
                found[line.run].append(line.attempt)
        return found

    def unexplained(self) -> list[tuple[str, int]]:
        """Attempts whose body began, that are neither the last of their run nor told of in its history."""
        known = {(one.run_id, one.attempt) for one in self.record.attempts}
        known |= {(run.id, run.attempt) for run in self.record.runs}
        return sorted(self.attempts_begun().keys() - known)

    def fenced(self) -> list[Line]:
        """Bodies that came to their end, and whose success was not taken: another attempt had the run by then."""
        latest = {run.id: run.attempt for run in self.record.runs}
        return [line for line in self.lines if line.phase is Phase.ENDED and latest.get(line.run, 0) > line.attempt]

    def lost(self) -> list[Attempt]:
        """Attempts that ended because their node did."""
        return [one for one in self.record.attempts if one.outcome is Outcome.LOST]

    def takeovers(self, *blows: Blow) -> list[float]:
        """Seconds from a kill, or from the stop of a process, to the start of the next attempt of what it ran. Only
        after these blows, where any are named."""
        starts = {(line.run, line.attempt): line.at for line in self.lines if line.phase is Phase.BEGAN}
        found = []
        for lost in self.lost():
            later = [starts[lost.run_id, n] for run, n in starts if run == lost.run_id and n > lost.attempt]
            fell = self._fell(lost)
            if fell is not None and later and (not blows or fell.blow in blows):
                found.append((min(later) - fell.began).total_seconds())
        return found

    def _fell(self, lost: Attempt) -> Deed | None:
        """How the process of this attempt was last killed or stopped, before others took its run."""
        pid, until = self.record.pids.get(lost.node_id), lost.finished_at
        deadly = [one for one in self.deeds if one.blow in _DEADLY and pid in one.pids]
        before = [one for one in deadly if until is None or one.began < until]
        return max(before, key=lambda one: one.began, default=None)

    def lateness(self) -> list[float]:
        """Seconds from each due time to its row, but for those due in an upheaval that spared no node."""
        return [
            (run.created_at - run.fire_at).total_seconds()
            for run in self.record.runs
            if run.fire_at is not None and run.state is not RunState.SKIPPED and not self._in_upheaval(run.fire_at)
        ]

    def returns(self) -> list[float]:
        """Seconds from the end of each upheaval of the database to the next row of a fire."""
        written = sorted(run.created_at for run in self.record.runs)
        ends = [deed.ended for deed in self.deeds if deed.blow in TROUBLE]
        found = [(next((at for at in written if at > end), None), end) for end in ends if end < self.last]
        return [(at - end).total_seconds() if at is not None else float("inf") for at, end in found]

    def counted(self) -> set[str]:
        """Schedules of which every fire gets a run of its own."""
        return {one.id for one in self.course.schedules if one.policies.items() >= COUNTING.items()}

    def _in_upheaval(self, instant: datetime) -> bool:
        spared = _UPHEAVALS if self.course.kind == "postgres" else _UPHEAVALS | {Blow.FREEZE}
        margin = timedelta(seconds=1)
        return any(
            deed.began - margin <= instant <= deed.ended + _AFTERMATH for deed in self.deeds if deed.blow in spared
        )


_DEADLY = frozenset({Blow.KILL, Blow.KILL_ALL, Blow.FREEZE})


def _fires_of(run: Run, periods: Mapping[str, timedelta]) -> Iterator[Fire]:
    if run.schedule_id is None or run.fire_at is None:
        return
    until, period = run.covers_until or run.fire_at, periods[run.schedule_id]
    at = run.fire_at
    while at <= until:
        yield run.schedule_id, at
        at += period


def at_share(values: Iterable[float], share: float) -> float:
    """The value that this share of all values does not exceed; 0 for none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))] if ordered else 0.0
