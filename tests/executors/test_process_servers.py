"""Processes for bodies under each way to start an application: found again there, and gone with it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from executors.test_process import is_there, members

APP = """
import os
import time

from fastapi import FastAPI

from hourbell import Scheduler

scheduler = Scheduler("sqlite:///app.db", lease=3, processes=1, drain=0.5)
app = FastAPI(lifespan=scheduler.lifespan)


@scheduler.every(hours=1, start="2020-01-01T00:00:00Z", id="endless")
@scheduler.task(executor="process", timeout_grace=0.2)
def endless() -> None:
    with open("pids", "a") as file:
        file.write(f"{os.getpid()} {os.getppid()}\\n")
    while True:
        time.sleep(0.01)
"""

ASK = """
import asyncio

import main


async def ask() -> None:
    async with main.scheduler:
        await main.endless.enqueue()


asyncio.run(ask())
"""


def until(true: Callable[[], object], patience: float = 60) -> None:
    deadline = time.monotonic() + patience
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return str(probe.getsockname()[1])


COMMANDS = {
    "uvicorn": ["uvicorn", "main:app", "--port"],
    "workers": ["uvicorn", "main:app", "--workers", "2", "--port"],
    "reload": ["uvicorn", "main:app", "--reload", "--port"],
    "worker": ["hourbell", "worker", "main:scheduler"],
}


@pytest.mark.slow
@pytest.mark.parametrize("death", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
@pytest.mark.parametrize("how", list(COMMANDS))
def test_bodies_in_processes_live_and_die_with_the_application(tmp_path: Path, how: str, death: signal.Signals) -> None:
    (tmp_path / "main.py").write_text(APP)
    tool, *words = COMMANDS[how]
    command = [str(Path(sys.executable).parent / tool), *words, *([port()] if tool == "uvicorn" else [])]
    log = tmp_path / "log.txt"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    pids = tmp_path / "pids"
    with log.open("wb") as output:
        server = subprocess.Popen(command, cwd=tmp_path, stdout=output, stderr=subprocess.STDOUT, env=environment)
    try:
        subprocess.run([sys.executable, "-c", ASK], cwd=tmp_path, check=True, timeout=60)
        until(lambda: (pids.exists() and pids.read_text().endswith("\n")) or server.poll() is not None)
        assert server.poll() is None, log.read_text()
        child, node = (int(text) for text in pids.read_text().split()[:2])
        assert is_there(child)
        assert os.getpgid(child) == child
        os.kill(server.pid if death is signal.SIGTERM else node, death)
        until(lambda: not is_there(child) and not members(child))
    finally:
        server.terminate()
        server.wait(60)
    latest = int(pids.read_text().splitlines()[-1].split()[0])  # a new worker may have begun the run again
    until(lambda: not is_there(latest) and not members(latest))
    assert "Traceback" not in log.read_text(), log.read_text()
