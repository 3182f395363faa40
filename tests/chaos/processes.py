"""Looking at processes by /proc."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_TICK = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Process:
    """One process as the system shows it. ``cpu`` is in seconds; ``state`` as in ps (R, S, T stopped, Z ended)."""

    pid: int
    parent: int
    group: int
    state: str
    cpu: float
    command: str


def look(pid: int) -> Process | None:
    """The process of this id, or None when there is none."""
    folder = Path("/proc") / str(pid)
    try:
        # The name in parentheses may hold anything; what follows the last one is plain.
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
        command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return None
    cpu = (int(fields[11]) + int(fields[12])) * _TICK
    return Process(pid, int(fields[1]), int(fields[2]), fields[0], cpu, command)


def all_processes() -> list[Process]:
    """Every process there is."""
    found = (look(int(entry.name)) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [process for process in found if process is not None]


def group_members(group: int) -> list[Process]:
    """Every process of a group that has not ended."""
    return [process for process in all_processes() if process.group == group and process.state not in "ZX"]


def is_alive(pid: int) -> bool:
    process = look(pid)
    return process is not None and process.state not in "ZX"
