"""Bodies in children: real processes, really killed."""

from __future__ import annotations

import asyncio
import contextvars
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from engine.bench import until
from executors import process_bodies as bodies
from executors.test_async import Told
from hourbell.context import Context
from hourbell.errors import InvalidArguments, ProcessDied
from hourbell.executors.process import ProcessExecutor
from hourbell.executors.process.child_process import ChildProcess
from hourbell.executors.protocol import Body, Call, Dumped, Ending, How, Order
from hourbell.model.raised import RaisedElsewhere
from hourbell.model.retry import GaveUp, Retry, RetryLater, parts_of
from hourbell.place import Place
from hourbell.task import Task

MODULE = bodies.__name__
FIRE = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def executor() -> Iterator[ProcessExecutor]:
    made = ProcessExecutor(1, start_patience=30)
    yield made
    children = made.children()
    made.stop()
    assert not [pid for pid in children if is_there(pid)]


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except ProcessLookupError:  # gone between the two questions
        return False
    except FileNotFoundError:  # gone likewise, or this system has no /proc
        return not Path("/proc/self/status").exists()


def start(
    executor: ProcessExecutor,
    function: Callable[..., Any] | Place,
    args: dict[str, Any] | None = None,
    *,
    timeout: float | None = None,
    grace: float = 10.0,
    begin: Callable[[], bool] = lambda: True,
    result_max: int = 1000,
) -> tuple[Body, Told]:
    told = Told()
    place = function if isinstance(function, Place) else Place(MODULE, function.__name__)
    context = Context(run_id="r", task=place.qualname, schedule_id="s", fire_at=FIRE, attempt=2, tracking_id="t")
    call = Call(
        begin=begin,
        invoke=lambda: None,
        context=context,
        variables=contextvars.copy_context(),
        timeout=timeout,
        grace=grace,
        order=Order(place, place.qualname, args or {}, result_max),
    )
    return executor.start(call, told), told


async def ended(told: Told) -> Ending:
    await asyncio.wait_for(told.here.wait(), 60)
    (ending,) = told.endings
    return ending


async def result(executor: ProcessExecutor, function: Callable[..., Any], **args: Any) -> Any:
    import json

    ending = await ended(start(executor, function, args)[1])
    assert ending.how is How.RETURNED, ending
    assert isinstance(ending.value, Dumped)
    text = ending.value.kept()
    return json.loads(text) if text is not None else None


async def test_bodies_of_both_kinds_return_and_the_child_is_kept(executor: ProcessExecutor) -> None:
    assert executor.children() == [], "none is started before it is needed"
    assert await result(executor, bodies.add, a=1, b=2) == 3
    assert await result(executor, bodies.add_async, a=5) == 6
    assert [await result(executor, bodies.remembers) for _ in range(3)] == [1, 2, 3]
    assert len(executor.children()) == 1
    assert executor.free() == 1


async def test_the_run_is_carried_over_and_the_child_is_a_group_of_its_own(executor: ProcessExecutor) -> None:
    seen = await result(executor, bodies.who)
    assert (seen["run_id"], seen["schedule_id"], seen["attempt"], seen["tracking_id"]) == ("r", "s", 2, "t")
    assert datetime.fromisoformat(seen["fire_at"]) == FIRE
    assert [seen["pid"]] == executor.children()
    assert (seen["parent"], seen["group"], seen["thread"]) == (os.getpid(), seen["pid"], True)


@pytest.mark.parametrize("args", [{}, {"a": "x"}, {"a": 1, "c": 2}])
async def test_arguments_are_checked_in_the_child(executor: ProcessExecutor, args: dict[str, Any]) -> None:
    ending = await ended(start(executor, bodies.add, args)[1])
    assert ending.how is How.REFUSED
    assert "task add" in str(ending.error)
    assert await result(executor, bodies.add, a=1) == 2


async def test_what_is_raised_is_told_in_words_and_judged_by_name(executor: ProcessExecutor) -> None:
    ending = await ended(start(executor, bodies.fails)[1])
    error = ending.error
    assert isinstance(error, RaisedElsewhere)
    assert (ending.how, error.summary) == (How.RAISED, "Own: on purpose")
    assert "in fails" in error.text
    assert "hourbell/executors" not in error.text
    assert Retry(on=bodies.Own).wants(error)
    assert Retry(on=ValueError).wants(error)
    assert not Retry(on=KeyError).wants(error)
    assert not Retry(never_on=ValueError).wants(error)


@pytest.mark.slow
async def test_what_a_body_asks_of_the_retry_is_understood(executor: ProcessExecutor) -> None:
    for body, kind in ((bodies.later, RetryLater), (bodies.gives_up, GaveUp)):
        error = (await ended(start(executor, body)[1])).error
        assert error is not None
        (part,) = parts_of(error)
        assert isinstance(part, kind)
    assert str(part) == "no such account"


@pytest.mark.parametrize(
    "body, told",
    [
        (bodies.aborts, "SIGABRT"),
        pytest.param(bodies.segfaults, "SIGSEGV", marks=pytest.mark.slow),
        pytest.param(bodies.is_killed, "SIGKILL", marks=pytest.mark.slow),
        pytest.param(bodies.vanishes, "exit code 0", marks=pytest.mark.slow),
        (bodies.closes_everything, "process of the body"),
        pytest.param(bodies.leaves_a_copy_behind_and_aborts, "SIGABRT", marks=pytest.mark.slow),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_a_body_that_takes_its_process_along_fails_alone(
    executor: ProcessExecutor, body: Callable[..., Any], told: str
) -> None:
    before = await result(executor, bodies.remembers)
    ending = await ended(start(executor, body)[1])
    assert ending.how is How.RAISED
    assert isinstance(ending.error, ProcessDied)
    assert told in str(ending.error)
    assert await result(executor, bodies.remembers) == before == 1, "the next one has a fresh child"


async def test_a_crash_touches_no_other_body() -> None:
    executor = ProcessExecutor(2, start_patience=30)
    try:
        _, good = start(executor, Place("time", "sleep"), {})
        await ended(good)
        _, other = start(executor, bodies.is_cancelled, {"path": "/dev/null"}, timeout=0.6)
        _, bad = start(executor, bodies.aborts)
        assert (await ended(bad)).how is How.RAISED
        assert (await ended(other)).how is How.TIMED_OUT
    finally:
        executor.stop()


async def test_an_exit_is_an_exception_like_any_other(executor: ProcessExecutor) -> None:
    ending = await ended(start(executor, bodies.exits)[1])
    assert isinstance(ending.error, RaisedElsewhere)
    assert ending.error.summary == "SystemExit: 3"


@pytest.mark.slow
async def test_a_body_that_forks_ends_once(executor: ProcessExecutor) -> None:
    assert await result(executor, bodies.forks) == "once"
    assert await result(executor, bodies.add, a=1) == 2


async def test_a_flood_never_leaves_the_child(executor: ProcessExecutor) -> None:
    for body, args in ((bodies.floods, {"size": 50_000_000}), (bodies.no_json, {})):
        ending = await ended(start(executor, body, args)[1])
        assert isinstance(ending.value, Dumped)
        assert ending.value.text is None
        assert ending.value.refused
    assert await result(executor, bodies.add, a=1) == 2


@pytest.mark.slow
async def test_noise_is_let_through(executor: ProcessExecutor, capfd: pytest.CaptureFixture[str]) -> None:
    assert await result(executor, bodies.noise) == "quiet"
    out, err = capfd.readouterr()
    assert out.count("x") == 1_000_000
    assert err.count("y") == 10_000


@pytest.mark.slow
@pytest.mark.parametrize(
    "module", ["executors.broken_import", pytest.param("executors.no_such_module", marks=pytest.mark.slow)]
)
async def test_an_import_that_fails_is_an_error_of_the_run(executor: ProcessExecutor, module: str) -> None:
    for _ in range(2):
        ending = await ended(start(executor, Place(module, "body"))[1])
        assert ending.how is How.RAISED
        assert f"could not import {module}" in str(ending.error)
    assert await result(executor, bodies.add, a=1) == 2


async def test_a_function_that_is_gone_is_an_error_of_the_run(executor: ProcessExecutor) -> None:
    ending = await ended(start(executor, Place(MODULE, "no_such_function"))[1])
    assert "has no 'no_such_function'" in str(ending.error)


@pytest.mark.slow
async def test_a_slow_import_is_ended() -> None:
    executor = ProcessExecutor(1, start_patience=1.5)
    try:
        ending = await ended(start(executor, Place("executors.slow_import", "body"))[1])
        assert "took longer than 1.5 s to import executors.slow_import" in str(ending.error)
    finally:
        executor.stop()


@pytest.mark.slow
async def test_the_import_does_not_count_as_the_body_s_time(executor: ProcessExecutor) -> None:
    ending = await ended(start(executor, bodies.add, {"a": 1}, timeout=0.15)[1])
    assert ending.how is How.RETURNED


async def test_past_its_time_a_body_that_looks_ends_by_itself(executor: ProcessExecutor, tmp_path: Path) -> None:
    await result(executor, bodies.add, a=1)
    children = executor.children()
    ending = await ended(start(executor, bodies.looks, {"path": str(tmp_path / "x")}, timeout=0.2)[1])
    assert (ending.how, type(ending.error), ending.note) == (How.TIMED_OUT, TimeoutError, None)
    assert executor.children() == children, "and its child is kept"


@pytest.mark.slow
async def test_cancelled_a_body_that_looks_has_ended_for_that(executor: ProcessExecutor, tmp_path: Path) -> None:
    for body in (bodies.looks, bodies.is_cancelled):
        path = tmp_path / body.__name__
        running, told = start(executor, body, {"path": str(path)})
        await until(path.exists)
        running.cancel()
        assert (await ended(told)).how is How.CANCELLED
    assert path.read_text() == "cancelled"


@pytest.mark.parametrize(
    "body, how",
    [
        (bodies.endless, How.TIMED_OUT),
        (bodies.holds_the_lock_of_the_interpreter, How.CANCELLED),
        pytest.param(bodies.endless, How.CANCELLED, marks=pytest.mark.slow),
        pytest.param(bodies.holds_the_lock_of_the_interpreter, How.TIMED_OUT, marks=pytest.mark.slow),
    ],
)
async def test_a_body_that_does_not_listen_is_killed(
    executor: ProcessExecutor, tmp_path: Path, body: Callable[..., Any], how: How
) -> None:
    path = tmp_path / "pid"
    timeout = 0.3 if how is How.TIMED_OUT else None
    running, told = start(executor, body, {"path": str(path)}, timeout=timeout, grace=0.2)
    await until(lambda: path.exists() and path.read_text() != "")
    if how is How.CANCELLED:
        running.cancel()
    ending = await ended(told)
    assert (ending.how, ending.note, ending.stuck) == (how, "its process was killed", False)
    await until(lambda: not is_there(int(path.read_text())))
    assert await result(executor, bodies.add, a=1) == 2


@pytest.mark.slow
async def test_what_a_body_started_is_killed_with_it(executor: ProcessExecutor, tmp_path: Path) -> None:
    path = tmp_path / "pids"
    _, told = start(executor, bodies.with_grandchild, {"path": str(path)}, timeout=1.5, grace=0.1)
    await until(path.exists)
    pids = [int(text) for text in path.read_text().split()]
    assert (await ended(told)).how is How.TIMED_OUT
    await until(lambda: not any(is_there(pid) for pid in pids))


async def test_a_body_that_may_not_begin_is_not_invoked(executor: ProcessExecutor) -> None:
    assert (await ended(start(executor, bodies.aborts, begin=lambda: False)[1])).how is How.NOT_BEGUN
    assert await result(executor, bodies.add, a=1) == 2


async def test_cancelled_while_its_child_starts_it_never_begins(executor: ProcessExecutor, tmp_path: Path) -> None:
    path = tmp_path / "x"
    running, told = start(executor, bodies.endless, {"path": str(path)})
    running.cancel()
    assert (await ended(told)).how is How.NOT_BEGUN
    assert not path.exists()


@pytest.mark.slow
async def test_a_child_is_replaced_after_so_many_runs() -> None:
    executor = ProcessExecutor(1, recycle=2)
    try:
        assert [await result(executor, bodies.remembers) for _ in range(5)] == [1, 2, 1, 2, 1]
    finally:
        executor.stop()


@pytest.mark.slow
async def test_an_idle_child_that_was_killed_is_replaced(executor: ProcessExecutor) -> None:
    await result(executor, bodies.add, a=1)
    (slot,) = executor._slots
    child = slot.child
    assert child is not None
    os.kill(child.pid, signal.SIGKILL)
    # Its first thread is a zombie before the others have ended, and only then is it said to have exited.
    await until(child.has_exited)
    assert await result(executor, bodies.add, a=1) == 2
    assert executor.children() != [child.pid]


@pytest.mark.slow
async def test_stopping_kills_what_runs(tmp_path: Path) -> None:
    executor = ProcessExecutor(1)
    path = tmp_path / "pids"
    start(executor, bodies.with_grandchild, {"path": str(path)})
    await until(path.exists)
    pids = [int(text) for text in path.read_text().split()]
    executor.stop()
    await until(lambda: not any(is_there(pid) for pid in pids))


@pytest.mark.slow
@pytest.mark.parametrize(
    "body", ["holds_the_lock_beside_a_grandchild", pytest.param("with_grandchild", marks=pytest.mark.slow)]
)
def test_no_child_outlives_a_parent_that_was_killed(tmp_path: Path, body: str) -> None:
    path = tmp_path / "pids"
    script = f"""
import asyncio
from executors import process_bodies, test_process
from hourbell.executors.process import ProcessExecutor
from hourbell.executors.process.child_process import ChildProcess

async def main():
    executor = ProcessExecutor(2)
    test_process.start(executor, process_bodies.{body}, {{"path": {str(path)!r}}})
    test_process.start(executor, process_bodies.add, {{"a": 1}})
    while not __import__("os").path.exists({str(path)!r}):
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.5)
    print(*executor.children(), flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, env=environment) as parent:
        assert parent.stdout is not None
        pids = [int(text) for text in parent.stdout.readline().split()]
        pids += [int(text) for text in path.read_text().split()]
        groups = {os.getpgid(pid) for pid in pids}
        assert len(pids) >= 3
        assert all(is_there(pid) for pid in pids)
        parent.kill()
    deadline = time.monotonic() + 30
    while any(is_there(pid) for pid in pids) or any(members(group) for group in groups):
        assert time.monotonic() < deadline, "somebody has outlived the node"
        time.sleep(0.02)


def members(group: int) -> bool:
    """True when a process of this group is there, guards included."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def nested() -> Callable[[], None]:
    def inner() -> None: ...

    return inner


@pytest.mark.parametrize("function", [nested(), lambda: None])
def test_what_another_process_could_not_find_is_refused(function: Callable[..., Any]) -> None:
    with pytest.raises(InvalidArguments, match="top level of a module"):
        Task(function, name="x", policies={"executor": "process"})


def test_a_task_knows_its_place() -> None:
    assert Task(bodies.add, policies={"executor": "process"}).place == Place(MODULE, "add")
    assert Task(bodies.add).place is None


def test_on_windows_it_is_refused_with_what_to_do_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "platform", "win32")
        with pytest.raises(
            InvalidArguments, match="Windows does not have: leave it out, so that the body runs in a th"
        ):
            Task(bodies.add, policies={"executor": "process"})
        assert Task(bodies.add).place is None


SCRIPT = """
import asyncio
from hourbell import Retry, Scheduler

scheduler = Scheduler("memory://", processes=1)

class Flaky(Exception): ...
class Other(Exception): ...

@scheduler.task(executor="process", retry=Retry(attempts=3, first=0, on=(Flaky,)))
def work(kind: str) -> None:
    raise {"flaky": Flaky, "other": Other}[kind]("boom")

async def main():
    async with scheduler.lifespan():
        for kind in ("flaky", "other"):
            run = await scheduler.wait(await work.enqueue(kind), timeout=120)
            print(run.task, run.state, run.failures)

if __name__ == "__main__":
    asyncio.run(main())
"""


@pytest.mark.slow
def test_what_a_script_says_of_its_own_exceptions_holds_in_the_child(tmp_path: Path) -> None:
    script = tmp_path / "nightly.py"
    script.write_text(SCRIPT)
    ran = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=180, check=False)
    assert ran.stdout.splitlines() == ["nightly:work failed 3", "nightly:work failed 1"], ran.stderr


def test_what_a_child_leaves_behind_is_waited_for_where_this_process_inherits_it() -> None:
    """As the first process of a container does, which has no other to do that."""
    program = """
import ctypes, os
assert ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) == 0  # PR_SET_CHILD_SUBREAPER
from hourbell.executors.process.child_process import ChildProcess
for gently in (True, False):
    child = ChildProcess()
    child.send("prepare", task="x", place={"module": "json", "qualname": "dumps", "path": None})
    print(child.receive()["kind"])
    print(child.end(gently=gently))
try:
    os.waitpid(-1, os.WNOHANG)
    print("somebody is left")
except ChildProcessError:
    print("nobody is left")
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert ended.stdout.split("\n")[-2] == "nobody is left", (ended.stdout, ended.stderr)


def test_a_child_that_cannot_be_started_leaves_no_file_open(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    pipe = os.pipe

    def first_only() -> tuple[int, int]:
        if made:
            raise OSError(24, "Too many open files")
        made.extend(pipe())
        return made[0], made[1]

    monkeypatch.setattr(os, "pipe", first_only)
    with pytest.raises(OSError, match="Too many"):
        ChildProcess()
    for fd in made:
        with pytest.raises(OSError, match="Bad file"):
            os.fstat(fd)
