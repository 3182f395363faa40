"""Tasks with executor="process", through the whole of it: enqueued, run, cancelled, crashed, and what they say kept."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.bench import until
from executors import process_bodies as bodies
from hourbell import Every, InvalidArguments, Retry, Scheduler


async def test_bodies_in_processes_end_as_they_should(database_url: str, tmp_path: Path) -> None:
    scheduler = Scheduler(database_url, lease=3, poll=0.2, processes=2)
    process = scheduler.task(executor="process")
    add, who, fails, talks = (process(body) for body in (bodies.add, bodies.who, bodies.fails, bodies.talks))
    aborts = scheduler.task(executor="process", retry=Retry(2, first=0))(bodies.aborts)
    endless = scheduler.task(executor="process", timeout=0.2, timeout_grace=0.1)(bodies.endless)
    floods = scheduler.task(executor="process")(bodies.floods)
    async with scheduler.lifespan():
        asked = [
            await add.enqueue(1, b=2),
            await who.enqueue(),
            await fails.enqueue(),
            await talks.enqueue(),
            await aborts.enqueue(),
            await endless.enqueue(str(tmp_path / "pid")),
            await floods.enqueue(10_000_000),
        ]
        done = [await scheduler.wait(run, timeout=60) for run in asked]
        added, told, failed, talked, aborted, ended, flooded = done
        assert (added.state, added.result) == ("succeeded", 3)
        assert (told.result["run_id"], told.result["tracking_id"]) == (told.id, told.id)
        assert told.result["pid"] != os.getpid()
        assert (failed.state, str(failed.error).splitlines()[0]) == ("failed", "Own: on purpose")
        assert (aborted.state, aborted.attempt, aborted.failures) == ("failed", 2, 2)
        assert "SIGABRT" in str(aborted.error)
        assert (ended.state, ended.outcome) == ("failed", "timed_out")
        assert ended.error == "timed out after 0.2 s; its process was killed"
        assert flooded.state == "failed"
        assert "result cannot be kept" in str(flooded.error)
        lines = [(line.logger, line.message) for line in await scheduler.list_logs(talked)]
        assert lines == [("hourbell.run", "from the context"), ("elsewhere", "from anywhere 7")]
        assert talked.progress is not None
        assert (talked.progress.done, talked.progress.total) == (4, 4)


@pytest.mark.slow
async def test_a_body_in_a_process_is_cancelled(database_url: str, tmp_path: Path) -> None:
    scheduler = Scheduler(database_url, lease=3, poll=0.2, processes=1)
    looks = scheduler.task(executor="process", retry=5)(bodies.looks)
    endless = scheduler.task(executor="process", retry=5, timeout_grace=0.1)(bodies.endless)
    async with scheduler.lifespan():
        for task in (looks, endless):
            path = tmp_path / task.function.__name__
            run = await task.enqueue(str(path))
            await until(path.exists)
            await scheduler.cancel_run(run)
            ended = await scheduler.wait(run, timeout=60)
            assert (ended.state, ended.attempt) == ("cancelled", 1)
    assert ended.error == "its process was killed"


async def test_a_node_that_stops_hands_back_what_its_process_did(database_url: str, tmp_path: Path) -> None:
    scheduler = Scheduler(database_url, lease=3, drain=0.2, processes=1)
    endless = scheduler.task(executor="process")(bodies.endless)
    path = tmp_path / "pid"
    async with scheduler.lifespan():
        run = await endless.enqueue(str(path))
        await until(lambda: path.exists() and path.read_text() != "")
    with pytest.raises(ProcessLookupError):
        os.kill(int(path.read_text()), 0)
    async with scheduler:
        handed = await scheduler.get_run(run)
        assert (handed.state, handed.failures) == ("queued", 0)


async def test_the_executor_belongs_to_the_task() -> None:
    scheduler = Scheduler("memory://", executor="process")
    task = scheduler.task(bodies.add)
    assert task.place is not None
    with pytest.raises(InvalidArguments, match="top level of a module"):

        @scheduler.task
        def inner() -> None: ...

    async with scheduler:
        with pytest.raises(InvalidArguments, match="executor belongs to the task"):
            await scheduler.add_schedule(task, Every(hours=1), executor="thread")


SCRIPT = """
import asyncio

from hourbell import Scheduler

scheduler = Scheduler("sqlite:///script.db", lease=3, processes=1)
print("imported as", __name__, flush=True)


@scheduler.task(executor="process")
def double(number: int) -> dict[str, object]:
    return {"twice": 2 * number, "name": __name__}


async def main() -> None:
    async with scheduler.lifespan():
        run = await scheduler.wait(await double.enqueue(21), timeout=60)
        print(run.task, run.state, run.result, run.error, flush=True)


if __name__ == "__main__":
    asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", [["script.py"], ["-m", "script"]])
def test_a_script_may_have_tasks_in_processes(tmp_path: Path, how: list[str]) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    ended = subprocess.run(
        [sys.executable, *how], cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False
    )
    name = "__mp_main__" if how == ["script.py"] else "script"
    assert ended.stdout.splitlines() == [
        "imported as __main__",
        f"imported as {name}",
        f"script:double succeeded {{'twice': 42, 'name': '{name}'}} None",
    ], ended.stderr


@pytest.mark.slow
def test_a_script_that_starts_itself_when_imported_fails_its_run_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT.replace('if __name__ == "__main__":', "if True:"))
    ended = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False
    )
    assert ended.returncode == 0
    assert "script:double failed None" in ended.stdout
    assert "could not import" in ended.stdout
    assert 'if __name__ == "__main__"' in ended.stdout
