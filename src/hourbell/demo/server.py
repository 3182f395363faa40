"""uvicorn with the demo's application, as a child of this process; and what can be asked of it over HTTP."""

from __future__ import annotations

import http.client
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

HOST = "127.0.0.1"
_APPLICATION = "hourbell.demo.app:app"
_POSIX = os.name == "posix"
# Longer than a node drains, with time to spare on a slow machine.
_STOP_TIMEOUT = 30.0
_ASK_TIMEOUT = 5.0


class Server:
    """uvicorn and its processes, in a group of their own: Ctrl-C in the terminal reaches us, and we stop them."""

    def __init__(self, *, port: int, processes: int, folder: Path, environment: Mapping[str, str]) -> None:
        self.port = port
        self._said: queue.SimpleQueue[str] = queue.SimpleQueue()
        arguments = [_APPLICATION, "--host", HOST, "--port", str(port), "--workers", str(processes)]
        self._uvicorn = subprocess.Popen(  # noqa: S603 - ourselves, and no shell
            [sys.executable, "-m", "hourbell.demo.serving", *arguments, "--log-level", "warning"],
            cwd=folder,  # no .env of somebody else
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._listener = threading.Thread(target=self._listen, name="hourbell-demo-output", daemon=True)
        self._listener.start()

    @property
    def running(self) -> bool:
        """Whether uvicorn is there."""
        return self._uvicorn.poll() is None

    def said(self) -> list[str]:
        """The lines that uvicorn and the application printed since the last call."""
        lines = []
        with suppress(queue.Empty):
            while True:
                lines.append(self._said.get_nowait())
        return lines

    def get(self, path: str) -> Any:
        """The JSON that the application answers, or None while it does not answer well."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=_ASK_TIMEOUT)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return json.loads(response.read()) if response.status == http.HTTPStatus.OK else None
        except (OSError, http.client.HTTPException, ValueError):
            return None
        finally:
            connection.close()

    def end_input(self) -> None:
        """Ask uvicorn to stop: let the requests and the bodies end, then its processes."""
        if self._uvicorn.stdin is not None:
            self._uvicorn.stdin.close()

    def kill(self) -> None:
        """End every process at once."""
        if _POSIX:
            with suppress(ProcessLookupError):
                os.killpg(self._uvicorn.pid, signal.SIGKILL)
        else:
            self._uvicorn.kill()

    def close(self) -> bool:
        """Stop it if it runs. False when a process was left that had to be killed."""
        self.end_input()
        with suppress(subprocess.TimeoutExpired):
            self._uvicorn.wait(_STOP_TIMEOUT)
        # Python's own helper of uvicorn's processes ends a moment after them.
        deadline = time.monotonic() + _ASK_TIMEOUT
        while self._has_processes() and time.monotonic() < deadline:
            time.sleep(0.01)
        left = self._has_processes()
        if left:
            self.kill()
            self._uvicorn.wait()
        self._listener.join(_ASK_TIMEOUT)
        return not left

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _has_processes(self) -> bool:
        if not _POSIX:
            return self.running
        try:
            os.killpg(self._uvicorn.pid, 0)
        except (ProcessLookupError, PermissionError):
            return False
        return True

    def _listen(self) -> None:
        output = self._uvicorn.stdout
        if output is None:
            return
        with output:
            for line in output:
                self._said.put(line.decode(errors="replace").rstrip())


def free_port(wanted: int) -> int | None:
    """The wanted port when nobody listens there, else one that the system gives; None when there is none at all."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            if _POSIX:
                # As uvicorn does: what only waits for the end of old connections is free.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind((HOST, port))
                return int(probe.getsockname()[1])
    return None
