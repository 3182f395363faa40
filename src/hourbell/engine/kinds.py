"""The tasks of this process by what executes their bodies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hourbell.executors.choice import Kind, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from hourbell.model.run import Run
    from hourbell.task import TaskRegistry


class Kinds:
    """Sorted anew when tasks were registered, of which ``learned`` is told. They are only ever added.

    All kinds share the places of a node, so they take turns at being asked for first.
    """

    def __init__(self, tasks: TaskRegistry, learned: Callable[[], object]) -> None:
        self._tasks = tasks
        self._learned = learned
        self._known = -1
        self._names: dict[Kind, tuple[str, ...]] = {}
        self._of: dict[str, Kind] = {}
        self._turns = list(Kind)

    def kind(self, task: str) -> Kind | None:
        """The kind of a task's bodies; None where it is not known here."""
        self._sort()
        return self._of.get(task)

    def names(self, kind: Kind) -> tuple[str, ...]:
        """The tasks whose bodies are of this kind."""
        self._sort()
        return self._names[kind]

    def own(self, kind: Kind, runs: Iterable[Run]) -> Sequence[Run]:
        """Of these runs those whose bodies are of this kind."""
        known = set(self.names(kind))
        return [run for run in runs if run.task in known]

    def in_turn(self, wanted: Collection[Kind]) -> Sequence[Kind]:
        """Those of them that are wanted, whose turn it is first."""
        return [kind for kind in self._turns if kind in wanted]

    def had_its_turn(self, kind: Kind) -> None:
        """All others come before it the next time."""
        self._turns.remove(kind)
        self._turns.append(kind)

    def _sort(self) -> None:
        names = self._tasks.names()
        if len(names) == self._known:
            return
        self._known = len(names)
        found = {name: self._tasks.find(name) for name in names}
        self._of = {name: kind_of(task) for name, task in found.items() if task is not None}
        self._names = {kind: tuple(name for name, its in self._of.items() if its is kind) for kind in Kind}
        self._learned()
