"""Ends process groups when whoever started them is gone, also by kill -9. Run as a script with a pipe as its input."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress

DONE = "done"


def keep() -> None:
    """Each line names a process group; the end of the input is the end of all of them, unless "done" came before."""
    groups: list[int] = []
    for line in sys.stdin:
        if line.strip() == DONE:
            return
        groups.append(int(line))
    for group in groups:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    keep()
