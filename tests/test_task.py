"""Tasks: their names, what is refused at registration, what a body is given, what is kept of its result."""

from __future__ import annotations

import asyncio
import functools
import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hourbell import Context, InvalidArguments, Retry, Task, UnknownTask
from hourbell.errors import ResultRejected
from hourbell.task import TaskRegistry, default_name

CONTEXT = Context(run_id="r", task="t", schedule_id=None, fire_at=None, attempt=1, tracking_id="r")


async def sample(a: int, context: Context | None = None) -> int:
    """Doubles."""
    return a * 2


def plain(a: int = 1) -> int:
    return a


def yields() -> Any:
    yield 1


async def yields_async() -> Any:
    yield 1


class Thing:
    def method(self, a: int) -> None: ...

    @staticmethod
    def static(a: int) -> None: ...

    def __call__(self) -> None: ...


def test_is_still_the_function() -> None:
    task = Task(plain)
    assert task(3) == 3
    assert task.__name__ == "plain"  # type: ignore[attr-defined]
    assert inspect.signature(task) == inspect.signature(plain)
    wrapped = Task(sample)
    assert asyncio.run(wrapped(2)) == 4
    assert wrapped.__doc__ == "Doubles."
    assert (wrapped.is_async, task.is_async) == (True, False)


def test_an_async_task_looks_async_to_frameworks() -> None:
    """Before Python 3.12 only asyncio's own question can be answered for an object, and frameworks ask that one."""
    asked = inspect.iscoroutinefunction if sys.version_info >= (3, 12) else asyncio.iscoroutinefunction
    assert asked(Task(sample))
    assert not asked(Task(plain))


def test_names() -> None:
    assert Task(sample).name.endswith("test_task:sample")
    assert Task(sample, name="mail.send").name == "mail.send"
    assert Task(Thing.static).name.endswith(":Thing.static")

    def inner() -> None: ...

    assert Task(inner).name.endswith(":test_names.<locals>.inner")


def test_a_script_is_named_by_its_file(tmp_path: Path) -> None:
    script = tmp_path / "nightly.py"
    script.write_text("from hourbell import Task\ndef f(): ...\nprint(Task(f).name)\n")
    run = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "nightly:f"


REFUSED = [
    (lambda: 1, "a lambda has no name"),
    (functools.partial(plain, 1), "partial objects have no name"),
    (Thing(), "Thing objects have no name"),
    (Thing().method, "bound to one object"),
    (Thing.method, "is a method"),
    (yields, "yields"),
    (yields_async, "yields"),
    (Thing, "is no function"),
    (3, "is no function"),
    ("nightly", r"as in @scheduler.task\(name='nightly'\)"),
]


@pytest.mark.parametrize("function, message", REFUSED, ids=[message for _, message in REFUSED])
def test_what_could_not_be_found_or_run_later_is_refused(function: Any, message: str) -> None:
    with pytest.raises(InvalidArguments, match=message):
        Task(function)


def test_a_name_makes_up_for_one_that_is_missing() -> None:
    for function in (lambda: 1, functools.partial(plain, 1), Thing(), Thing().method):
        assert Task(function, name="mine").name == "mine"


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 201, "nul\x00"])
def test_a_name_is_printable_and_short(name: str) -> None:
    with pytest.raises(InvalidArguments, match="task name"):
        Task(plain, name=name)


def test_policies_are_checked_and_kept_as_json() -> None:
    task = Task(plain, policies={"retry": Retry(attempts=2), "timeout": 5})
    assert task.policies["retry"]["attempts"] == 2
    with pytest.raises(InvalidArguments, match="no policy 'retries'"):
        Task(plain, policies={"retries": 2})


@pytest.mark.parametrize("function, executor", [(plain, "async"), (sample, "thread")])
def test_an_executor_that_cannot_run_it_is_refused(function: Any, executor: str) -> None:
    with pytest.raises(InvalidArguments, match=f"executor='{executor}'"):
        Task(function, policies={"executor": executor})


def test_a_partial_or_object_may_be_async() -> None:
    class Caller:
        async def __call__(self) -> None: ...

    assert Task(functools.partial(sample, 1), name="p").is_async
    assert Task(Caller(), name="c").is_async
    assert not Task(functools.partial(plain, 1), name="q").is_async


def test_a_body_gets_its_arguments_and_its_context() -> None:
    task = Task(sample)
    call = task.prepare({"a": 4}, CONTEXT)
    assert asyncio.run(call()) == 8
    assert task.bound(4) == {"a": 4}
    with pytest.raises(InvalidArguments, match="'a' is missing"):
        task.prepare({}, CONTEXT)


def test_a_result_is_kept_as_json_within_its_limit() -> None:
    assert Task(plain).dump_result((1, 2)) == "[1, 2]"
    with pytest.raises(ResultRejected):
        Task(plain).dump_result("x" * 100, limit=50)


async def test_a_task_of_no_scheduler_cannot_be_enqueued() -> None:
    with pytest.raises(InvalidArguments, match=r"@scheduler\.task"):
        await Task(plain).enqueue(1)


def test_registry_finds_by_name_and_alias() -> None:
    registry, task = TaskRegistry(), Task(plain, name="new", aliases=["old"])
    registry.add(task)
    registry.add(task)
    assert registry.get("new") is registry.get("old") is task
    assert registry.find("other") is None
    assert set(registry.names()) == {"new", "old"}
    assert list(registry) == [task]
    assert len(registry) == 1
    with pytest.raises(UnknownTask, match="import the module"):
        registry.get("other")


@pytest.mark.parametrize("second", [{"name": "new"}, {"name": "old"}, {"name": "x", "aliases": ["new"]}])
def test_two_tasks_cannot_claim_one_name(second: dict[str, Any]) -> None:
    registry = TaskRegistry()
    registry.add(Task(plain, name="new", aliases=["old"]))
    with pytest.raises(InvalidArguments, match="two tasks claim"):
        registry.add(Task(sample, **second))
    assert set(registry.names()) == {"new", "old"}


def test_default_name_of_a_builtin_is_refused_or_plain() -> None:
    with pytest.raises(InvalidArguments):
        default_name([].append)
