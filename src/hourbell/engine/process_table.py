"""What this machine's kernel says of its processes, read from ``/proc``. What it means is judged elsewhere."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hourbell.model.process_mark import Fate, ProcessMark, Standing

if TYPE_CHECKING:
    from collections.abc import Callable

PROC = Path("/proc")


class ProcessTable:
    """Reads a few small files of the kernel's, which takes microseconds and waits for no disk.

    ``proc``  where it is mounted; ``signal``  sends one: signal 0 only asks whether there is such a process.
    """

    def __init__(self, proc: Path = PROC, signal: Callable[[int, int], object] = os.kill) -> None:
        self._proc = proc
        self._signal = signal

    def own(self) -> ProcessMark | None:
        """The mark of this process. None where the system is not Linux, or ``/proc`` is missing, hides what is needed,
        or counts processes otherwise than this process does."""
        if sys.platform != "linux":
            return None
        pid = os.getpid()
        try:
            # A /proc that was mounted in another namespace knows this process by two ids or more, and none of its ids
            # is the one that neighbours say of themselves.
            if self._ids() != [str(pid)]:
                return None
            boot = (self._proc / "sys/kernel/random/boot_id").read_text().strip()
            standing = self._standing("self")
            pids = self._space("pid")
        except OSError:
            return None
        try:
            times = self._space("time")
        except OSError:  # a kernel that has one time for all
            times = 0
        if standing is None or pids is None or times is None or len(boot.split()) != 1:
            return None
        return ProcessMark(boot, pids, times, pid, standing.began)

    def fate(self, mark: ProcessMark, own: ProcessMark) -> Fate:
        """What has become of a process near this one, whose own mark was ``own``."""
        try:
            standing = self._standing(str(mark.pid))
        except OSError:
            standing = None
        fate = mark.fate(standing, exists=self._exists(mark.pid) if standing is None else None)
        if fate is Fate.GONE and self.own() != own:
            return Fate.UNKNOWN  # what is seen is not what was seen when this node began: another /proc, perhaps
        return fate

    def _exists(self, pid: int) -> bool | None:
        try:
            self._signal(pid, 0)
        except ProcessLookupError:
            return False
        except OSError:  # it is another user's, or this process may send no signals at all: that is no answer
            return None
        return True

    def _standing(self, pid: str) -> Standing | None:
        return Standing.parse((self._proc / pid / "stat").read_text(encoding="utf-8", errors="replace"))

    def _ids(self) -> list[str] | None:
        status = (self._proc / "self/status").read_text(encoding="utf-8", errors="replace")
        lines = [line.split()[1:] for line in status.splitlines() if line.startswith("NSpid:")]
        return lines[0] if lines else None

    def _space(self, kind: str) -> int | None:
        number = (self._proc / "self/ns" / kind).readlink().name.removeprefix(f"{kind}:[").removesuffix("]")
        return int(number) if number.isdecimal() else None
