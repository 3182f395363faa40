"""Who writes into an SQLite file just now, as far as the system tells: SQLite itself does not say."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

_LOCKS = Path("/proc/locks")
_WRITER = 120
"""The byte of the index beside the file (``-shm``) which the one writer has locked."""


def writer_of(file: Path) -> int | None:
    """The id of the process that writes; None where it is not known: nobody does, another system, another container.

    The file is not opened for that: closing it would let go of every lock that this process has on it.
    """
    with suppress(OSError):
        inode = Path(f"{file.resolve()}-shm").stat().st_ino
        for line in _LOCKS.read_text().splitlines():
            # 7: POSIX  ADVISORY  WRITE 4711 fd:01:1835092 120 120
            fields = line.split()
            if fields[1:4:2] != ["POSIX", "WRITE"] or not fields[5].endswith(f":{inode}"):
                continue
            first, last = fields[6:8]
            if int(first) <= _WRITER and (last == "EOF" or int(last) >= _WRITER):
                return int(fields[4]) or None
    return None


def name_of(process: int) -> str:
    """What the system calls it, in brackets behind its number."""
    with suppress(OSError):
        return f"{process} ({Path(f'/proc/{process}/comm').read_text().strip()})"
    return str(process)
