"""How a child comes to its end when its node does, however that ends, and takes along whatever it started."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys

_PR_SET_PDEATHSIG = 1


def end_group() -> None:
    """Kill this child and everything that its bodies started, unless that has left its group."""
    os.killpg(os.getpgrp(), signal.SIGKILL)


def die_with(parent: int) -> None:
    """Have the kernel kill this process when the thread that started it ends. Only Linux knows how."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before it was asked
        os._exit(1)


def leave_guard(fd: int) -> None:
    """Leave a process behind in this one's group that ends the group when the pipe ``fd`` is closed.

    A body that holds the interpreter's lock can be stopped by nobody inside its own process; and when the kernel kills
    that, whatever it had started would go on. The guard is nobody's child, so that a body that waits for its children
    does not wait for it.
    """
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    if os.fork():
        os._exit(0)
    try:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.closerange(0, fd)
        os.closerange(fd + 1, 256)
        watched = select.poll()
        watched.register(fd, 0)
        watched.poll()  # only the end of the pipe wakes it: what is said there is not for it
        end_group()
    finally:
        os._exit(0)
