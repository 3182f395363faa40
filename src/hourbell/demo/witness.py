"""Reads what the bodies write, shows it, and keeps count."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hourbell.demo.entry import Entry, Phase
from hourbell.demo.journal import JournalReader
from hourbell.demo.screen import Screen, name_of, printable
from hourbell.demo.tally import Counts, Tally

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hourbell.triggers import Trigger

# The demo's lease, a poll and some time to spare: as long may the runs of a killed process wait for another.
PATIENCE = 8.0
_NODE_SHOWN = 4
_PID_SHOWN = 6


class Witness:
    """Stands beside the application. It asks no table what ran; it reads the journals of the processes."""

    def __init__(self, folder: Path, triggers: Mapping[str, Trigger], screen: Screen) -> None:
        self._reader = JournalReader(folder)
        self._tally = Tally(triggers)
        self._screen = screen
        self._nodes: dict[int, str] = {}
        self._unshown: list[Entry] = []
        self.processes: set[int] = set()

    def meet(self, nodes: Mapping[int, str]) -> None:
        """Learn the ids of nodes by the ids of their processes."""
        self._nodes.update(nodes)

    def look(self, elapsed: float) -> None:
        """Read what is new, and count it."""
        for entry in self._reader.new_entries():
            self.processes.add(entry.pid)
            self._tally.note(entry, elapsed)
            self._unshown.append(entry)

    @property
    def strangers(self) -> bool:
        """Whether a process wrote whose node is not known yet."""
        return not self.processes <= self._nodes.keys()

    def show(self) -> None:
        """Show what was read."""
        for entry in self._unshown:
            what = told(entry)
            if what:
                node = self._nodes.get(entry.pid, "")[:_NODE_SHOWN] or "?"
                where = f"node {node:{_NODE_SHOWN}} pid {entry.pid:<{_PID_SHOWN}}"
                self._screen.row(entry.at, printable(name_of(entry)), printable(what), where)
        self._unshown.clear()

    def counts(self, elapsed: float) -> Counts:
        """How it stands now. What may still come is not missed yet."""
        return self._tally.counts(elapsed=elapsed, patience=PATIENCE)

    def final_counts(self) -> Counts:
        """How it stands when nothing can come any more."""
        return self._tally.counts()


def told(entry: Entry) -> str:
    """What an entry says to people; nothing when the entry before it or after it says the same."""
    if entry.phase is Phase.STARTED:
        return _started(entry)
    if entry.phase is Phase.FAILED:
        return f"try {entry.attempt}: {entry.note}"
    if entry.phase is Phase.CANCELLED:
        return "cancelled, handed back"
    return f"try {entry.attempt}: {entry.note or 'done'}" if entry.attempt > 1 else entry.note


def _started(entry: Entry) -> str:
    if entry.attempt > 1:
        return ""
    if entry.fire_at is None:
        return "starts, asked by hand"
    late = (entry.at - entry.fire_at).total_seconds() * 1000
    return f"fires, {late:.0f} ms late"
