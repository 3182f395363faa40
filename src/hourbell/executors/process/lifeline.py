"""How a child comes to its end when its node does, however that ends, and takes along whatever it started."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys

_PR_SET_PDEATHSIG = 1

ENDING = (signal.SIGTERM, signal.SIGINT)
"""Signals that are for the node, which lets its bodies finish: blocked until a new child knows that."""


def end_group() -> None:
    """Kill this child and everything that its bodies started, unless that has left its group."""
    os.killpg(os.getpgrp(), signal.SIGKILL)


def die_with(parent: int) -> None:
    """Have the kernel kill this process when the thread that started it ends. Only Linux knows how."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before it was asked
        os._exit(1)


def wait_for_children() -> None:
    """Children are waited for here, also where the application ignores their ends: that is inherited."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def leave_the_end_to_the_node() -> None:
    """Pass over what tells a whole service to end.

    systemd tells each of its processes, and Ctrl-C may be sent to all. A body that ended at that would have failed,
    while its node waits for it. Whatever bodies start does not inherit that: programs do as always, and so do copies,
    or a pool of processes could not end its workers.
    """
    for number in ENDING:
        signal.signal(number, _passed_over)
    os.register_at_fork(after_in_child=_obey)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)


def _passed_over(number: int, frame: object) -> None:
    """A function, for what is ignored stays so in the programs that bodies start."""


def _obey() -> None:
    for number, usual in ((signal.SIGTERM, signal.SIG_DFL), (signal.SIGINT, signal.default_int_handler)):
        if signal.getsignal(number) is _passed_over:
            signal.signal(number, usual)


def leave_guard(fd: int, other: int) -> None:
    """Leave a process behind in this one's group that ends the group when the pipe ``fd`` is closed. It has nothing
    else open, above all not the ``other`` pipe: the node sees by its end that the child has ended.

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
        for number in ENDING:
            signal.signal(number, signal.SIG_IGN)
        os.closerange(0, fd)
        os.closerange(fd + 1, max(256, other + 1))
        watched = select.poll()
        watched.register(fd, 0)
        watched.poll()  # only the end of the pipe wakes it: what is said there is not for it
        end_group()
    finally:
        os._exit(0)
