"""A child as its node sees it: spawned, spoken to, killed with all that it started."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from hourbell.errors import ProcessDied
from hourbell.executors.process import pipe
from hourbell.executors.process.lifeline import ENDING

if TYPE_CHECKING:
    from collections.abc import Callable

    from hourbell.executors.process.pipe import Message

END_PATIENCE = 1.0
"""Seconds that an idle child gets to end by itself."""

BURY_PATIENCE = 0.5
"""Seconds that what a killed child had started gets to be gone."""

_PROGRAM = (
    "import json, sys; sys.path[:] = json.loads(sys.argv.pop()); "
    "from hourbell.executors.process.child import main; main()"
)
_LONGEST = 32 * 1024 * 1024
"""Bytes of one message that are taken from a child: more than the longest result that can be kept."""


class ChildProcess:
    """Spawned afresh, never forked, by the thread that makes this: it must live as long as the child."""

    def __init__(self) -> None:
        if not sys.executable:
            raise ProcessDied("Python does not know its own program (sys.executable), so no process can be started")
        down, self._down = os.pipe()
        try:
            self._up, up = os.pipe()
        except OSError:  # no more files: what little there is must not be lost with every try
            os.close(down)
            os.close(self._down)
            raise
        flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
        given: list[object] = list(sys.path)
        path = json.dumps([one for one in given if isinstance(one, str)])  # imports pass over all else, such as a Path
        command = [sys.executable, *flags, "-c", _PROGRAM, str(down), str(up), str(os.getpid()), path]
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)  # inherited by the child, which unblocks them
        try:
            self._popen = subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=(down, up), process_group=0)
        except BaseException:
            for fd in (self._down, self._up):
                os.close(fd)
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
            os.close(down)
            os.close(up)
        self._reader = pipe.Reader(self._up, _LONGEST)
        self._writing = threading.Lock()
        self._alive = threading.Lock()
        self._reaped = False
        self._unseen = False
        self.tasks: set[str] = set()
        self.runs = 0

    @property
    def pid(self) -> int:
        """The number of the process, and of its group."""
        return self._popen.pid

    def send(self, kind: str, **fields: Any) -> bool:
        """Say something, waiting until it is taken; False when the child is gone."""
        with self._writing:
            try:
                pipe.write(self._down, pipe.framed(kind, fields))
            except OSError:
                return False
        return True

    def hint(self, kind: str, **fields: Any) -> None:
        """Say something short if that needs no waiting. Safe on an event loop."""
        if not self._writing.acquire(blocking=False):
            return
        try:
            with suppress(OSError, ValueError):
                if pipe.has_room(self._down):
                    pipe.write(self._down, pipe.framed(kind, fields))
        finally:
            self._writing.release()

    def receive(self, go_on: Callable[[], bool] = lambda: True) -> Message | None:
        """What the child says next; None when it is gone, or once ``go_on`` says no. Raises pipe.TooLong."""
        return self._reader.read(lambda: go_on() and not self.has_exited())

    def has_exited(self) -> bool:
        """True once the process has ended. What it had started is ended too: it might hold the pipe open."""
        with self._alive:
            if self._reaped:
                return True
            try:
                ended = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:  # somebody else in this process waits for every child, or nobody has to
                self._unseen = True
                return self._popen.poll() is not None
        if ended is None:
            return False
        self.kill()
        return True

    def kill(self) -> None:
        """Kill it and whatever it started, unless that has left its group. Safe from any thread, at any time."""
        with self._alive:
            # Its number is its own until it has been waited for: no other process can be meant.
            if not self._reaped:
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(self.pid, signal.SIGKILL)

    def end(self, *, gently: bool = False) -> str:
        """Be done with it, and answer how it ended, in words."""
        if gently and self.send("end"):
            with suppress(subprocess.TimeoutExpired):
                self._wait(END_PATIENCE)
        how = self._exit_seen(0.2)
        self.kill()
        with suppress(subprocess.TimeoutExpired):
            self._wait(END_PATIENCE)
        with self._alive:
            self._reaped = True
            code = self._popen.poll()
        if code is not None:
            _bury(self.pid)
        with self._writing:
            for fd in (self._down, self._up):
                with suppress(OSError):
                    os.close(fd)
            self._down = self._up = -1
        if how and self._unseen:
            return "ended; how is not known, since this application ignores SIGCHLD or waits for all children itself"
        return _told(code) if how else "closed its connection to its node"

    def _wait(self, seconds: float) -> None:
        """Wait for the end without taking the number away."""
        waited = threading.Event()
        while seconds > 0 and not self.has_exited():
            waited.wait(0.01)
            seconds -= 0.01

    def _exit_seen(self, seconds: float) -> bool:
        self._wait(seconds)
        return self.has_exited()


def _bury(group: int) -> None:
    """Take leave of what the child left behind. The first process of a container inherits all that has lost its parent,
    and what nobody waits for stays in the system's table until that is full."""
    deadline = time.monotonic() + BURY_PATIENCE
    waited = threading.Event()
    with suppress(ChildProcessError):  # nothing of it is ours: so it is everywhere else
        while time.monotonic() < deadline:
            if os.waitpid(-group, os.WNOHANG) == (0, 0):
                waited.wait(0.005)


def _told(code: int | None) -> str:
    if code is None:
        return "does not end although it was killed"
    if code >= 0:
        return f"ended by itself with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = "unknown"
    advice = ": by the system, perhaps for want of memory, or by somebody" if -code == signal.SIGKILL else ""
    return f"was ended by signal {-code} ({name}){advice}"
