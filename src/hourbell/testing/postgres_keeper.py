"""Runs beside a throw-away PostgreSQL server and ends it when whoever started it is gone, however they went.

It is a script of its own, run by path with nothing but the standard library: ``keeper.py FOLDER UID GID COMMAND...``.
Its standard input is a pipe that nobody writes to. When the starter dies, even by SIGKILL, the pipe ends; when a fork
of the starter still holds the pipe, the changed parent tells. Then the server is stopped and its folder removed. When
the server ends first, on request, the folder stays, so that it can be started again.
"""

from __future__ import annotations

import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys
import threading

_PR_SET_PDEATHSIG = 1
_LOOK_EVERY = 0.5


def main(folder: str, uid: str, gid: str, *command: str) -> int:
    parent = os.getppid()
    server = _start(folder, int(uid), int(gid), list(command))
    orphaned = threading.Event()
    threading.Thread(target=_watch, args=(parent, server, orphaned), daemon=True).start()
    code = server.wait()
    if orphaned.is_set():
        shutil.rmtree(folder, ignore_errors=True)
    return code


def _start(folder: str, uid: int, gid: int, command: list[str]) -> subprocess.Popen[bytes]:
    drop = {"user": uid, "group": gid, "extra_groups": []} if uid >= 0 else {}
    linux = sys.platform == "linux"
    libc = ctypes.CDLL(None) if linux else None

    def die_with_the_keeper() -> None:
        # Runs after the change of user, which clears what was set before. SIGQUIT is the server's immediate stop.
        if libc is not None:
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)

    # No thread runs yet, so that code between fork and exec is safe.
    before_exec = die_with_the_keeper if linux else None
    with open(os.path.join(folder, "server.log"), "ab") as log:  # noqa: PTH118, PTH123 - starts faster without pathlib
        return subprocess.Popen(  # type: ignore[call-overload, no-any-return]  # the keywords depend on the user
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=before_exec,  # noqa: PLW1509 - see above
            **drop,
        )


def _watch(parent: int, server: subprocess.Popen[bytes], orphaned: threading.Event) -> None:
    while os.getppid() == parent and not _pipe_ended():
        pass
    orphaned.set()
    _end(server)


def _pipe_ended() -> bool:
    if sys.platform != "win32" and not select.select([0], [], [], _LOOK_EVERY)[0]:
        return False
    return os.read(0, 1) == b""


def _end(server: subprocess.Popen[bytes]) -> None:
    # Nothing of it is kept, so the fastest stop will do.
    server.send_signal(getattr(signal, "SIGQUIT", signal.SIGTERM))
    try:
        server.wait(5)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


if __name__ == "__main__":
    # A signal to the starter's whole group is not for the server; the starter's end is noticed by the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os._exit(main(*sys.argv[1:]))  # the watching thread may be reading still
