"""The job API under `uvicorn --workers 4`: what one worker was told, the other three know when it has answered."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

PATIENCE = 60.0
WORKERS = 4
APPLICATION = """
import os

from fastapi import FastAPI
from hourbell import Scheduler
from hourbell.fastapi import jobs_router

scheduler = Scheduler()


@scheduler.task
def send_report() -> None: ...


app = FastAPI(lifespan=scheduler.lifespan)
app.include_router(jobs_router(scheduler, allow_anonymous=True), prefix="/schedule")


@app.middleware("http")
async def tell_who_answers(request, call_next):
    response = await call_next(request)
    response.headers["x-pid"] = str(os.getpid())
    return response
"""


@pytest.fixture
def address(tmp_path: Path, database_url: str) -> Iterator[str]:
    (tmp_path / "served_jobs.py").write_text(APPLICATION, encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    output = tmp_path / "output.txt"
    with output.open("wb") as file:
        server = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "served_jobs:app", "--workers", str(WORKERS), "--port", str(port)],
            cwd=tmp_path,
            env={**os.environ, "HOURBELL_DATABASE_URL": database_url},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + PATIENCE
        while output.read_text(encoding="utf-8").count("Application startup complete") < WORKERS:
            late = time.monotonic() > deadline or server.poll() is not None
            assert not late, output.read_text(encoding="utf-8")
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/schedule/jobs"
    finally:
        server.terminate()
        server.wait(PATIENCE)
    assert "Traceback" not in output.read_text(encoding="utf-8")


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'jobs.db'}"
    return str(request.getfixturevalue("postgres_url"))


def told_by_all(address: str) -> list[list[dict[str, Any]]]:
    """What the list is on each worker, asked on a new connection each time until all four have answered."""
    found: dict[str, list[dict[str, Any]]] = {}
    deadline = time.monotonic() + PATIENCE
    while len(found) < WORKERS:
        assert time.monotonic() < deadline, f"only {len(found)} workers answered"
        answer = httpx.get(address, headers={"connection": "close"})
        found.setdefault(answer.headers["x-pid"], answer.json())
    return list(found.values())


@pytest.mark.slow
def test_each_worker_knows_it_at_once(address: str) -> None:
    body = {"func": "served_jobs:send_report", "trigger": "cron", "trigger_args": {"hour": 9}, "name": "daily"}
    made = httpx.post(address, json=body).json()
    steps: list[tuple[Callable[[], httpx.Response], list[dict[str, Any]]]] = [
        (lambda: httpx.post(f"{address}/{made['id']}/pause"), [{**made, "next_run_time": None}]),
        (lambda: httpx.post(f"{address}/{made['id']}/resume"), [made]),
        (lambda: httpx.delete(f"{address}/{made['id']}"), []),
    ]
    assert told_by_all(address) == [[made]] * WORKERS
    for step, expected in steps:
        assert step().status_code == 200
        assert told_by_all(address) == [expected] * WORKERS
