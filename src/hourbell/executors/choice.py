"""Which executor runs which task."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from hourbell.executors.async_ import AsyncExecutor
from hourbell.executors.process import ProcessExecutor
from hourbell.executors.thread import ThreadExecutor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hourbell.executors.protocol import Executor
    from hourbell.task import Task


class Kind(Enum):
    """The kinds of executors, each with room of its own."""

    ASYNC = "async"
    THREAD = "thread"
    PROCESS = "process"

    # There is one object for each: to hash its name, as an Enum does, is a call for each look into a dict.
    __hash__ = object.__hash__


def kind_of(task: Task[..., Any]) -> Kind:
    """Async functions run on the loop, all others in a thread, unless the task's policy says process."""
    if task.policies.get("executor") == "process":
        return Kind.PROCESS
    return Kind.ASYNC if task.is_async else Kind.THREAD


def make_executors(
    threads: int, freed: Callable[[], None], processes: int = 1, process_start: float = 60.0
) -> Mapping[Kind, Executor]:
    """The executors of one node. ``freed`` is called when a thread or a process has become free."""
    return {
        Kind.ASYNC: AsyncExecutor(),
        Kind.THREAD: ThreadExecutor(threads, freed),
        Kind.PROCESS: ProcessExecutor(processes, freed, start_patience=process_start),
    }
