"""The tasks of this process by what executes their bodies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hourbell.executors.choice import Kind, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from hourbell.task import TaskRegistry


class Kinds:
    """Sorted anew when tasks were registered, of which ``learned`` is told. They are only ever added."""

    def __init__(self, tasks: TaskRegistry, learned: Callable[[], object]) -> None:
        self._tasks = tasks
        self._learned = learned
        self._known = -1
        self._names: dict[Kind, tuple[str, ...]] = {}

    def names(self, kind: Kind) -> tuple[str, ...]:
        """The tasks whose bodies are of this kind."""
        names = self._tasks.names()
        if len(names) != self._known:
            self._known = len(names)
            sorted_out: dict[Kind, list[str]] = {kind: [] for kind in Kind}
            for name in names:
                task = self._tasks.find(name)
                if task is not None:
                    sorted_out[kind_of(task)].append(name)
            self._names = {kind: tuple(found) for kind, found in sorted_out.items()}
            self._learned()
        return self._names[kind]
