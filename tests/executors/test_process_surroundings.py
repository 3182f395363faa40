"""Children where the application, or whoever runs it, has made their life unusual."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.bench import Bench, until
from executors import process_bodies as bodies
from executors.test_process import ended, result, start
from hourbell.errors import ProcessDied
from hourbell.executors.process import ProcessExecutor
from hourbell.executors.process import child_process as child_processes
from hourbell.executors.process.child_process import ChildProcess
from hourbell.executors.protocol import Dumped, How
from hourbell.model.run_state import Outcome, RunState
from hourbell.place import Place


@pytest.fixture
def executor() -> Iterator[ProcessExecutor]:
    made = ProcessExecutor(1, start_patience=30)
    yield made
    made.stop()


async def test_asked_to_end_while_its_result_is_written_it_is_not_the_last_of_its_child(
    executor: ProcessExecutor, tmp_path: Path
) -> None:
    """The thread that listens ended at the word for a loop that was closed by then: each later body waited for ever."""
    path, go = tmp_path / "slow", tmp_path / "slow.go"
    body, told = start(executor, bodies.returns_slowly, {"path": str(path)})
    await until(path.exists)
    body.cancel()
    await asyncio.sleep(0.5)  # the word is on its way
    go.touch()
    assert (await ended(told)).how is How.RETURNED
    children = executor.children()
    assert await result(executor, bodies.add, a=1, b=2) == 3
    assert executor.children() == children


async def test_who_hears_nothing_more_is_gone(executor: ProcessExecutor, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await result(executor, bodies.add, a=1) == 2
    send = ChildProcess.send

    def garbled(child: ChildProcess, kind: str, **fields: Any) -> bool:
        return send(child, "cancel")  # of which run is not said, so that the child's listening fails

    with monkeypatch.context() as patch:
        patch.setattr(ChildProcess, "send", garbled)
        assert isinstance((await ended(start(executor, bodies.add, {"a": 1})[1])).error, ProcessDied)
    assert await result(executor, bodies.add, a=1) == 2


async def test_a_result_that_exits_is_refused_and_not_tried_again(executor: ProcessExecutor) -> None:
    ending = await ended(start(executor, bodies.ends_in_its_result)[1])
    assert isinstance(ending.value, Dumped)
    assert "SystemExit" in (ending.value.refused or "")


async def test_a_signal_to_every_process_of_a_service_ends_no_body(executor: ProcessExecutor, tmp_path: Path) -> None:
    """As systemd sends it at each deploy. What the body has started ends as it would anywhere."""
    path, go = tmp_path / "pids", tmp_path / "pids.go"
    _, told = start(executor, bodies.waits, {"path": str(path)})
    await until(path.exists)
    child, _ = map(int, path.read_text().split())
    for number in (signal.SIGTERM, signal.SIGINT):
        os.kill(child, number)
    go.touch()
    ending = await ended(told)
    assert isinstance(ending.value, Dumped), ending
    assert ending.value.text == f'"{-signal.SIGTERM}"'


@pytest.mark.slow
def test_a_child_that_is_only_starting_lets_it_pass_too() -> None:
    child = ChildProcess()
    try:
        os.kill(child.pid, signal.SIGTERM)
        child.send("prepare", task="add", place={"module": bodies.__name__, "qualname": "add", "file": None})
        message = child.receive()
        assert message is not None
        assert message["kind"] == "ready"
    finally:
        child.end(gently=True)


@pytest.mark.slow
def test_where_the_ends_of_children_are_ignored_bodies_run_all_the_same() -> None:
    """As daemons do, lest they leave zombies; programs inherit it."""
    script = """
import asyncio, signal
from executors import process_bodies as bodies, test_process
from hourbell.executors.process import ProcessExecutor

async def main():
    executor = ProcessExecutor(1, start_patience=30)
    print(await test_process.result(executor, bodies.add, a=1, b=2))
    print((await test_process.ended(test_process.start(executor, bodies.aborts)[1])).error)
    executor.stop()

signal.signal(signal.SIGCHLD, signal.SIG_IGN)
asyncio.run(main())
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    said = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    told = said.stdout.splitlines()
    assert told[0] == "3", said.stderr
    assert "exit code 0" not in told[1]
    assert "SIGCHLD" in told[1]


async def test_what_imports_pass_over_does_not_keep_children_from_starting(
    executor: ProcessExecutor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path, tmp_path])
    assert await result(executor, bodies.add, a=1, b=2) == 3


async def test_a_process_that_dies_in_an_import_was_not_too_slow(executor: ProcessExecutor, tmp_path: Path) -> None:
    (tmp_path / "deadly_import.py").write_text("import os\nos._exit(7)\n")
    place = Place("deadly_import", "body", str(tmp_path / "deadly_import.py"))
    for _ in range(3):
        error = str((await ended(start(executor, place)[1])).error)
        assert "took longer" not in error


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="this system does not list open files")
async def test_the_guard_of_a_child_has_nothing_open_but_what_it_watches(executor: ProcessExecutor) -> None:
    """Also in an application with many connections, where the pipes have large numbers."""
    many = [os.open(os.devnull, os.O_RDONLY) for _ in range(300)]
    try:
        assert await result(executor, bodies.open_files_of_its_group) == [1]
    finally:
        for fd in many:
            os.close(fd)


async def test_all_numbers_count_as_progress_and_none_hurts_the_body() -> None:
    bench = Bench()
    bench.task(bodies.counts_with_decimals, executor="process")
    async with bench.running():
        final = await bench.final((await bench.enqueue("counts_with_decimals")).id)
    assert final.error is None
    assert final.progress is not None
    assert (final.progress.done, final.progress.total, final.progress.note) == (1.5, 3.0, "half")


async def test_without_a_process_the_run_goes_back_and_no_try_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, refused = Bench(lease=60, processes=2), list[str]()

    class Scarce(subprocess.Popen[bytes]):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            refused.append("one")
            raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    bench.task(bodies.add, executor="process", on_lost="fail")
    with monkeypatch.context() as patch:
        patch.setattr(child_processes.subprocess, "Popen", Scarce)
        async with bench.running() as node:
            runs = await bench.enqueue_many("add", 6, args={"a": 1})
            await until(lambda: bool(refused) and node.status.running == 0)
            assert len(refused) <= bench.settings.processes, "the others wait for what there is"
    left = [await bench.run(run.id) for run in runs]
    assert {(run.state, run.failures, run.losses) for run in left} == {(RunState.QUEUED, 0, 0)}
    assert any(run.outcome is Outcome.HANDED_BACK for run in left)
