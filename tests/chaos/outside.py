"""Something outside of the database that locks are for: it remembers the highest fence, and refuses lower ones."""

from __future__ import annotations

import fcntl
import os
import time
from dataclasses import dataclass
from pathlib import Path

_WIDTH = 20


@dataclass(frozen=True)
class Note:
    """One line: what a process did, with which name, under which fence, and when by a clock that all share."""

    what: str
    name: str
    fence: int
    pid: int
    at: float


class OutsideStore:
    """Files in a folder, shared by processes. A line is one write to a file opened for appending."""

    def __init__(self, folder: Path) -> None:
        self._notes = os.open(folder / "notes.tsv", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._highest = os.open(folder / "highest", os.O_RDWR | os.O_CREAT, 0o644)

    def note(self, what: str, name: str, fence: int) -> None:
        """Tell what was done."""
        os.write(self._notes, f"{what}\t{name}\t{fence}\t{os.getpid()}\t{time.monotonic()!r}\n".encode())

    def write(self, name: str, fence: int) -> bool:
        """Accept a write, or refuse it because a higher fence has written before."""
        # Of one machine, and held for microseconds: what a storage does inside itself.
        fcntl.flock(self._highest, fcntl.LOCK_EX)
        try:
            accepted = fence >= int(os.pread(self._highest, _WIDTH, 0) or b"0")
            if accepted:
                os.pwrite(self._highest, f"{fence:0{_WIDTH}}".encode(), 0)
            self.note("written" if accepted else "refused", name, fence)
            return accepted
        finally:
            fcntl.flock(self._highest, fcntl.LOCK_UN)


def read_notes(folder: Path) -> list[Note]:
    """Every line, in the order in which they were written."""
    found = []
    for line in (folder / "notes.tsv").read_text().splitlines():
        what, name, fence, pid, at = line.split("\t")
        found.append(Note(what, name, int(fence), int(pid), float(at)))
    return found
