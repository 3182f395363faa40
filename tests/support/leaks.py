"""What a test left behind: threads of ours, asyncio tasks, open database files."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path

# How long something that was told to end may take to be gone.
GRACE = 5.0


def threads_left(before: set[threading.Thread]) -> list[str]:
    """Names of our threads that run now and did not run before, after they had the grace to end."""
    ours = [t for t in threading.enumerate() if t.name.startswith("hourbell-") and t not in before]
    deadline = time.monotonic() + GRACE
    for thread in ours:
        thread.join(max(0.0, deadline - time.monotonic()))
    return [thread.name for thread in ours if thread.is_alive()]


async def tasks_left(before: set[asyncio.Task[object]]) -> list[str]:
    """New tasks of the running loop. One turn is given to those that have just been cancelled."""
    await asyncio.sleep(0)
    return [repr(task) for task in asyncio.all_tasks() - before if task is not asyncio.current_task()]


def open_files(below: Path) -> list[str]:
    """Files below a folder that this process holds open; nothing where the system does not tell."""
    descriptors = Path("/proc/self/fd")
    found = []
    for entry in descriptors.iterdir() if descriptors.is_dir() else ():
        try:
            target = entry.readlink()
        except OSError:  # closed in the meantime
            continue
        if target.is_relative_to(below):
            found.append(str(target))
    return found
