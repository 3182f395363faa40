"""Which process of which machine a node is, so that its neighbours can tell for certain when that process is gone."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

_LARGEST_PID = 2**31 - 1


class Fate(StrEnum):
    """What has become of a process. ``unknown``: there is no evidence, and its lease decides."""

    ALIVE = "alive"
    GONE = "gone"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Standing:
    """What the kernel says of a process now: when it began, in ticks since the boot, its state by one letter, and how
    many of its threads are left."""

    began: int
    state: str
    threads: int

    @classmethod
    def parse(cls, text: str) -> Standing | None:
        """From the content of ``/proc/PID/stat`` (proc_pid_stat(5)); None when that is not what it looks like.

        The name of the program stands in parentheses and may itself hold anything, spaces and parentheses too: what
        counts begins after the last one.
        """
        fields = text.rpartition(")")[2].split()
        try:
            return cls(began=int(fields[19]), state=fields[0], threads=int(fields[17]))
        except (IndexError, ValueError):
            return None

    @property
    def is_over(self) -> bool:
        """True when nothing of it runs any more and only its parent has not taken note of that yet.

        Where the first thread has ended and others go on it is called a zombie too, and is alive.
        """
        return self.state in ("Z", "X", "x") and self.threads <= 1


@dataclass(frozen=True, slots=True)
class ProcessMark:
    """One process among all that there ever were.

    ``boot`` names this run of the kernel. Containers share it, so the namespaces count too, by the numbers that the
    kernel gives them: ``pids``, in which ``pid`` is counted, and ``times``, by which ``began`` is (0 where the kernel
    has none). A process id is given again to others, but not with the same tick of the clock since the boot.
    """

    boot: str
    pids: int
    times: int
    pid: int
    began: int

    @classmethod
    def parse(cls, text: str | None) -> ProcessMark | None:
        """From its text; None for anything else, and for a form that another version of Hourbell writes."""
        parts = text.split(" ") if text is not None else []
        if len(parts) != 5 or not parts[0] or any(not part.isdecimal() or len(part) > 20 for part in parts[1:]):
            return None
        pids, times, pid, began = (int(part) for part in parts[1:])
        return cls(parts[0], pids, times, pid, began) if 0 < pid <= _LARGEST_PID else None

    def __str__(self) -> str:
        return f"{self.boot} {self.pids} {self.times} {self.pid} {self.began}"

    def is_near(self, other: ProcessMark) -> bool:
        """True when both see the same processes under the same numbers. The name of a host says nothing of that."""
        return (self.boot, self.pids, self.times) == (other.boot, other.pids, other.times)

    def fate(self, standing: Standing | None, *, exists: bool | None) -> Fate:
        """Judge what a near one has seen of it.

        ``standing``  what the kernel says of the process that has this id now; None: it says nothing. ``exists``
        whether there is one, as the kernel answers to a signal: it does so also where ``/proc`` hides the processes of
        other users. None: it does not answer either.
        """
        if standing is None:
            return Fate.GONE if exists is False else Fate.UNKNOWN
        if standing.began != self.began or standing.is_over:
            return Fate.GONE
        return Fate.ALIVE
