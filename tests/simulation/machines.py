"""The machines that simulated processes run on: whose death a neighbour can see, and where it sees one that is none."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from hourbell.engine.process_table import ProcessTable
from hourbell.model.process_mark import Fate, ProcessMark

from .virtual_loop import SimulatedProcess

FIRST_PID = 100


@dataclass
class Machine:
    """One run of a kernel. Whoever comes in place of another gets its process id, so that only the tick tells them
    apart.

    ``mistaken``  the share of looks that see a living process gone, as where machines were cloned while they ran.
    """

    boot: str
    chance: random.Random
    mistaken: float = 0.0
    processes: dict[int, tuple[int, SimulatedProcess]] = field(default_factory=dict)
    """By process id: the tick at which it began, and the process that has it now."""
    began: int = 0
    buried_alive: set[SimulatedProcess] = field(default_factory=set)
    """Those that a neighbour has taken for gone. What they hold may be taken over while they trust in their lease."""

    def run(self, place: int, process: SimulatedProcess) -> ProcessTable:
        """Begin a process in this place; what it sees of the machine."""
        self.began += 1
        self.processes[FIRST_PID + place] = (self.began, process)
        return _Sight(self, ProcessMark(self.boot, 1, 0, FIRST_PID + place, self.began))

    def fate(self, mark: ProcessMark) -> Fate:
        """What a neighbour sees of a process."""
        began, process = self.processes[mark.pid]
        if began != mark.began or process.dead:
            return Fate.GONE
        if self.mistaken and self.chance.random() < self.mistaken:
            self.buried_alive.add(process)
            return Fate.GONE
        return Fate.ALIVE


class _Sight(ProcessTable):
    """One process's view of its machine."""

    def __init__(self, machine: Machine, own: ProcessMark) -> None:
        self._machine = machine
        self._own = own

    def own(self) -> ProcessMark:
        return self._own

    def fate(self, mark: ProcessMark, own: ProcessMark) -> Fate:
        return self._machine.fate(mark)
