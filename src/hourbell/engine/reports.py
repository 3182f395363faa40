"""What has ended here and is not written yet, in the order in which it is to be written."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from hourbell.model.run_state import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hourbell.model.run import Run, Settlement
    from hourbell.model.run_state import RunState

FLOW = 0.05
"""Seconds within which one batch of fires is followed by the next, as long as there are more."""

LONGEST = 0.4
"""Seconds from the beginning of a burst after which no report makes way any more."""

MOST = 10_000
"""Reports that make way at the most; what ends beyond them is written as ever."""


@dataclass(slots=True)
class Report:
    """One attempt that ended: the run as it was claimed, and what is to be written. ``done``: nothing is left to do.

    ``became`` is the store's word: a run that was to be tried again is cancelled where somebody asked it to end.
    ``stands``: it is written already, in the commit of the body's effect, so that no lost lease takes it back.
    """

    run: Run
    settlement: Settlement
    done: bool = False
    became: RunState | None = None
    stands: bool = False


class Reports:
    """Two lines: what is written as soon as there is a flush for it, and what makes way.

    While a burst of fires is on its way, what is due comes before what has ended: both want the same processors and the
    same disk. Successes of `patient` runs then wait until the burst is over, and for `LONGEST` at most. They are held
    here like any other report meanwhile. Everything belongs to the application's loop but `unwritten`.
    """

    def __init__(self) -> None:
        self._line: deque[Report] = deque()
        self._making_way: deque[Report] = deque()
        self._taken: Sequence[Report] = ()
        self._patient: set[str] = set()
        self._began = self._until = 0.0
        self._heard = -math.inf  # the loop's clock may have begun with this machine, a moment ago
        self._closed = False

    def __len__(self) -> int:
        """Those that no flush has taken yet and that make way for nothing."""
        return len(self._line)

    def ready(self) -> int:
        """How many may be written now."""
        return len(self._line) + (len(self._making_way) if self._is_over() else 0)

    def rest(self) -> float | None:
        """Seconds until there is something to be written; None: nothing is left."""
        if self.ready():
            return 0
        return self._until - asyncio.get_running_loop().time() if self._making_way else None

    def patient(self, runs: Iterable[Run]) -> None:
        """A burst of fires is on its way, which took these: others are due, and nobody waits for an end of these."""
        if self._closed:
            return
        now = asyncio.get_running_loop().time()
        if now - self._heard > FLOW:
            self._began = now
            self._patient.clear()
        self._heard = now
        self._until = min(now + FLOW, self._began + LONGEST)
        self._patient.update(run.id for run in runs)

    def hurry(self) -> None:
        """Nothing makes way any more."""
        self._closed = True
        self._until = 0.0

    def add(self, report: Report) -> bool:
        """Put it in its line. True where that was empty, so that a flush which sleeps has to hear of it."""
        line = self._line
        if self._patient and report.run.id in self._patient:
            self._patient.discard(report.run.id)
            is_success = report.settlement.outcome is Outcome.SUCCEEDED and not report.stands
            if is_success and len(self._making_way) < MOST and not self._is_over():
                line = self._making_way
        line.append(report)
        return len(line) == 1

    def take(self, most: int) -> Sequence[Report]:
        """The next to be written. Until `written` says what became of them, they count as on their way."""
        late = min(len(self._making_way), max(most // 2, most - len(self._line))) if self._is_over() else 0
        batch = self._taken = [*islice(self._making_way, late), *islice(self._line, most - late)]
        # First noted, then gone from its line: whoever asks from another thread misses none.
        for number in range(len(batch)):
            (self._making_way if number < late else self._line).popleft()
        return batch

    def written(self, batch: Sequence[Report]) -> None:
        """The flush is over. What is not known to be written comes first in the next one."""
        self._line.extendleft(report for report in reversed(batch) if not report.done)
        self._taken = ()

    def withdraw(self, run_id: str) -> bool:
        """Forget what is to be written of this run, unless it is on its way."""
        found = False
        for line in (self._line, self._making_way):
            kept = [report for report in line if report.run.id != run_id]
            if len(kept) < len(line):
                found = True
                line.clear()
                line.extend(kept)
        return found

    def unwritten(self) -> list[Report]:
        """What no flush has brought to an end yet, each once; may be asked by another thread."""
        # A report is taken from its line, and comes back to it, while this is put together.
        found = [*self._taken, *self._line, *self._making_way, *self._taken]
        return [report for report in {id(report): report for report in found}.values() if not report.done]

    def _is_over(self) -> bool:
        return asyncio.get_running_loop().time() >= self._until
