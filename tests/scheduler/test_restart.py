"""A retry that waits survives its process: each attempt in a process of its own, killed while the next one waits."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from hourbell import Run, Scheduler

PATIENCE = 120
TOLERANCE = timedelta(milliseconds=100)
"""Starts are told by the node's estimate of the database's clock, waits by that clock itself."""

APP = """
import os, signal
from hourbell import Context, Retry, Scheduler
from hourbell.events import RunRetried, RunSucceeded

scheduler = Scheduler(lease=3, poll=0.2)
scheduler.on(RunRetried, lambda event: os.kill(os.getpid(), signal.SIGKILL))
scheduler.on(RunSucceeded, lambda event: os.kill(os.getpid(), signal.SIGTERM))

@scheduler.task(name="flaky", retry=Retry(attempts=3, backoff="fixed", first=1.5, jitter=False))
async def flaky(context: Context) -> int:
    if context.attempt < 3:
        raise ConnectionError("no answer")
    return os.getpid()
"""


def worker(folder: Path, database_url: str) -> tuple[int, int]:
    """One process from its start to its end; its exit code and its id."""
    (folder / "flakyapp.py").write_text(APP, encoding="utf-8")
    environment = {**os.environ, "HOURBELL_DATABASE_URL": database_url}
    command = [str(Path(sys.executable).parent / "hourbell"), "worker", "flakyapp:scheduler"]
    process = subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        _, said = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert process.returncode in (-signal.SIGKILL, 0), said
    return process.returncode, process.pid


@pytest.mark.slow
@pytest.mark.parametrize("database", ["sqlite", "postgres"])
@pytest.mark.timeout(3 * PATIENCE)
async def test_it_goes_on_where_the_killed_process_was(
    request: pytest.FixtureRequest, tmp_path: Path, database: str
) -> None:
    if database == "sqlite":
        database_url = f"sqlite:///{request.getfixturevalue('sqlite_path')}"
    else:
        database_url = request.getfixturevalue("postgres_url")
    scheduler = Scheduler(database_url)
    flaky = scheduler.task(name="flaky")(lambda: None)
    async with scheduler:
        run: Run = await flaky.enqueue()
        codes, waited_for = [], []
        for failures in (1, 2):
            codes.append(worker(tmp_path, database_url)[0])
            run = await scheduler.get_run(run.id)
            assert (run.state, run.failures, run.attempt) == ("queued", failures, failures)
            assert run.run_at is not None
            waited_for.append(run.run_at)
        code, last = worker(tmp_path, database_url)
        run = await scheduler.get_run(run.id)
        attempts = await scheduler.list_attempts(run.id)
    assert [*codes, code] == [-signal.SIGKILL, -signal.SIGKILL, 0]
    assert (run.state, run.result, run.attempt, run.failures, run.losses) == ("succeeded", last, 3, 2, 0)
    first, second = attempts[:2]
    assert len({first.node_id, second.node_id, run.node_id}) == 3
    assert first.outcome == second.outcome == "failed"
    for begun, wanted in zip((second.started_at, run.started_at), waited_for, strict=True):
        assert begun is not None
        assert begun >= wanted - TOLERANCE
    assert waited_for[0] - first.finished_at >= timedelta(seconds=1.5) - TOLERANCE
