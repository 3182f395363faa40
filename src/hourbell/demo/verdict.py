"""How the demo went."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hourbell.demo.tally import Counts

if TYPE_CHECKING:
    from pathlib import Path

_NOTHING = Counts(fires=0, runs=0, attempts=0, duplicates=0, missed=0, strays=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """``counts``  from what the bodies wrote down. ``problem``  what else went wrong; empty when nothing did."""

    counts: Counts = _NOTHING
    processes: int = 0
    problem: str = ""

    @property
    def exit_code(self) -> int:
        """0 when something ran, every fire had one run, and everything ended as it should."""
        return 0 if self.counts.runs and self.counts.right and not self.problem else 1

    @property
    def worth_a_look(self) -> bool:
        """Whether the journals and the database should be kept."""
        return not self.counts.right

    def lines(self, folder: Path) -> list[str]:
        """The closing summary."""
        said = [self.problem] if self.problem else []
        if not self.counts.runs:
            return said or ["Nothing has run."]
        where = "one process" if self.processes == 1 else f"{self.processes} processes"
        said += [f"What the bodies wrote down, in {where}:", str(self.counts)]
        if self.counts.right:
            return [*said, "Every fire was run, and none was run twice."]
        return [*said, f"That is wrong. The database and what the bodies wrote are kept in {folder}"]
