"""What a node had written of its runs' logs is there after its process was killed, beside that of its successor."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hourbell import Run, Scheduler, current_run

PATIENCE = 60.0
PROGRAM = """
import asyncio, sys
from hourbell import Scheduler, current_run

scheduler = Scheduler(sys.argv[1], lease=3)

@scheduler.task(name="work")
async def work() -> None:
    current_run().log.info("begun by the first")
    current_run().progress(1, 2)
    await asyncio.sleep(600)

async def main() -> None:
    async with scheduler.lifespan():
        await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{request.getfixturevalue('sqlite_path')}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def victim(url: str, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)
    process = subprocess.Popen([sys.executable, str(script), url])
    yield process
    process.kill()
    process.wait()


async def said(scheduler: Scheduler, run: Run) -> list[tuple[int, str]]:
    return [(line.attempt, line.message) for line in await scheduler.list_logs(run)]


async def test_both_attempts_are_told(url: str, victim: subprocess.Popen[bytes]) -> None:
    scheduler = Scheduler(url, lease=3)

    @scheduler.task(name="work")
    async def work() -> None:
        context = current_run()
        assert context is not None
        context.log.info("ended by the second")

    async with scheduler:
        run = await work.enqueue()
        deadline = time.monotonic() + PATIENCE
        while not (await said(scheduler, run) and (await scheduler.get_run(run)).progress):  # type: ignore[arg-type]
            assert time.monotonic() < deadline, "what it says is not to be seen while it runs"
            await asyncio.sleep(0.1)
        victim.send_signal(signal.SIGKILL)
        victim.wait()
    async with scheduler.lifespan():
        final = await scheduler.wait(run, timeout=PATIENCE)
        assert (final.state, final.attempt) == ("succeeded", 2)
        assert await said(scheduler, run) == [(1, "begun by the first"), (2, "ended by the second")]
        assert final.progress is not None
        assert (final.progress.attempt, final.progress.done) == (1, 1)
