"""Real uvicorn processes: started, found, killed, frozen; none outlives the scenario, however that ends."""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

import httpx

from . import keeper
from .blueprint import Blueprint
from .processes import Process, group_members, is_alive, look

TESTS = Path(__file__).parent.parent
# Below the ports that systems give to outgoing connections.
_PORTS = range(10_000, 16_999)
_COMPLAINT = re.compile(
    r" (ERROR|CRITICAL) |^(ERROR|CRITICAL):|Traceback|was destroyed but|never awaited|never retrieved|ResourceWarning"
)
_TRACEBACK = re.compile(r"Traceback \(most recent call last\):\n(?:[ \t].*\n)+")


class Group:
    """One command line: uvicorn with its workers, or a single process that is the node itself."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path, url: str, *, single: bool) -> None:
        self.name = name
        self.pid = process.pid
        self.url = url
        self._process = process
        self._log = log
        self._single = single

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def nodes(self) -> list[int]:
        """The processes that hold the application: uvicorn's workers, or the process itself."""
        if self._single:
            return [self.pid] if is_alive(self.pid) else []
        return [one.pid for one in self.members() if one.parent == self.pid and "spawn_main" in one.command]

    def members(self) -> list[Process]:
        """Everything that this command line has started and that is still there."""
        return group_members(self.pid)

    def log(self) -> str:
        """All that its processes have said."""
        return self._log.read_text(errors="replace")

    def complaints(self, allowed: Iterable[str] = ()) -> list[str]:
        """Lines of the log that tell of a fault, but for those that match one of the patterns."""
        # What was never retrieved stands in the line after, and what a traceback is about in its last line.
        text = self.log().replace("never retrieved\n", "never retrieved: ")
        text = _TRACEBACK.sub("Traceback: ", text)
        return [
            line
            for line in text.splitlines()
            if _COMPLAINT.search(line) and not any(re.search(pattern, line) for pattern in allowed)
        ]

    def signal(self, number: int) -> None:
        """To the process that was started: what Ctrl-C or a supervisor would do."""
        self._process.send_signal(number)

    async def ended(self, patience: float) -> int:
        """Wait for the end of the started process and answer its exit code. Raises TimeoutError."""
        async with asyncio.timeout(patience):
            while (code := self._process.poll()) is None:  # noqa: ASYNC110 - a process sets no event
                await asyncio.sleep(0.01)
        return code

    async def stop(self, patience: float = 30) -> int:
        """End it politely and answer its exit code."""
        if self._process.poll() is None:
            self.signal(signal.SIGTERM)
        return await self.ended(patience)

    async def serving(self, patience: float = 60) -> None:
        """Wait until it answers requests. Raises RuntimeError with its log when it does not."""
        async with httpx.AsyncClient() as client:
            for _ in range(int(patience / 0.05)):
                if self._process.poll() is not None:
                    raise RuntimeError(f"{self.name} ended with {self._process.poll()}:\n{self.log()[-4000:]}")
                with suppress(httpx.TransportError):
                    if (await client.get(f"{self.url}/pid", timeout=5)).status_code == 200:
                        return
                await asyncio.sleep(0.05)
        raise RuntimeError(f"{self.name} does not answer after {patience} s:\n{self.log()[-4000:]}")

    def destroy(self) -> None:
        """End everything it has started, at once."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()


class Fleet:
    """Everything that one scenario starts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._keeper: subprocess.Popen[bytes] | None = None
        self._adopted: list[subprocess.Popen[bytes]] = []
        self.groups: list[Group] = []

    def __enter__(self) -> Self:
        self._keeper = subprocess.Popen(
            [sys.executable, "-I", "-S", keeper.__file__], stdin=subprocess.PIPE, start_new_session=True
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        for group in self.groups:
            if error is not None and group.exit_code:  # what ended by itself is likely to be why
                error.add_note(f"{group.name} ended with {group.exit_code}: {group.log().strip().splitlines()[-1:]}")
            group.destroy()
        for process in self._adopted:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(BrokenPipeError):  # what it was told last, it did not live to read
                        pipe.close()
        self._tell_keeper(keeper.DONE)
        assert self._keeper is not None
        assert self._keeper.stdin is not None
        self._keeper.stdin.close()
        self._keeper.wait()

    def start(
        self,
        blueprint: Blueprint,
        *,
        workers: int | None = None,
        reload: Path | None = None,
        code: Path | None = None,
        inside: Sequence[str] = (),
        address: str = "127.0.0.1",
    ) -> Group:
        """Start one command line. ``reload`` is the folder of a module ``reloaded`` that is watched for changes,
        ``code`` one with another version of Hourbell. ``inside``  a command that starts another one where it is to be;
        ``address``  at which it is asked there.
        """
        port = free_port()
        module, folder = ("reloaded:app", reload) if reload is not None else ("chaos.app:app", TESTS)
        command = [*inside, sys.executable, "-m", "uvicorn", module, "--app-dir", str(folder)]
        command += ["--host", address, "--port", str(port), "--no-access-log", "--lifespan", "on"]
        if workers is not None:
            command += ["--workers", str(workers)]
        if reload is not None:
            command += ["--reload", "--reload-dir", str(reload)]
        url = f"http://{address}:{port}"
        return self._launch(command, blueprint, url, single=workers is None and reload is None, code=code)

    def _launch(self, command: list[str], blueprint: Blueprint, url: str, *, single: bool, code: Path | None) -> Group:
        name = f"uvicorn-{len(self.groups) + 1}"
        log = self._folder / f"{name}.log"
        path = os.pathsep.join(filter(None, (str(code or ""), str(TESTS), os.environ.get("PYTHONPATH"))))
        environment = {**os.environ, **blueprint.environment(), "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                env=environment,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._tell_keeper(process.pid)
        group = Group(name, process, log, url, single=single)
        self.groups.append(group)
        return group

    def adopt(self, process: subprocess.Popen[bytes]) -> None:
        """See to it that a process that the scenario started itself does not outlive it either."""
        self._tell_keeper(process.pid)
        self._adopted.append(process)

    def _tell_keeper(self, word: object) -> None:
        assert self._keeper is not None
        assert self._keeper.stdin is not None
        self._keeper.stdin.write(f"{word}\n".encode())
        self._keeper.stdin.flush()

    def nodes(self) -> list[int]:
        """Every process that holds the application."""
        return [pid for group in self.groups for pid in group.nodes()]

    def complaints(self, allowed: Iterable[str] = ()) -> list[str]:
        """Lines of all logs that tell of a fault."""
        return [f"{group.name}: {line}" for group in self.groups for line in group.complaints(allowed)]

    async def stop(self) -> None:
        """End everything politely. Raises TimeoutError when something does not end."""
        await asyncio.gather(*(group.stop() for group in self.groups))


async def until(true: Callable[[], object], what: str, patience: float = 60) -> None:
    """Wait until something is so. Raises TimeoutError that says what was waited for."""
    try:
        async with asyncio.timeout(patience):
            while not true():  # noqa: ASYNC110 - what it asks about sets no event
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise TimeoutError(f"waited {patience:g} s in vain: {what}") from None


def kill(pid: int, number: int = signal.SIGKILL) -> bool:
    """Send a signal; False when the process is gone already."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


async def frozen(pid: int) -> None:
    """Wait until a process is seen to stand still."""
    await until(lambda: (found := look(pid)) is not None and found.state == "T", f"process {pid} is stopped")


def free_port() -> int:
    for port in random.sample(_PORTS, 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port was found")
