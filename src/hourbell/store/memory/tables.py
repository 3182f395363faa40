"""The tables: dictionaries behind one lock, with an undo for every change, so that a verb happens whole or not."""

from __future__ import annotations

import threading
from collections.abc import Callable, ItemsView, Iterator, Mapping, ValuesView
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Generic, TypeVar

from hourbell.model import history
from hourbell.store.memory.rows import checked_run, checked_schedule, fresh_run

if TYPE_CHECKING:
    from datetime import datetime

    from hourbell.model.audit import AuditEntry
    from hourbell.model.guard import Guard, GuardKind
    from hourbell.model.log_line import LogLine, Place
    from hourbell.model.named_calendar import NamedCalendar
    from hourbell.model.node import Node
    from hourbell.model.run import Attempt, Run
    from hourbell.model.schedule import Schedule

K = TypeVar("K")
V = TypeVar("V")
Undo = list[Callable[[], None]]


class Table(Generic[K, V]):
    """Rows by key. Every change notes in ``undo`` how to take it back."""

    def __init__(self, undo: Undo) -> None:
        self._rows: dict[K, V] = {}
        self._undo = undo

    def get(self, key: K) -> V | None:
        return self._rows.get(key)

    def put(self, key: K, row: V) -> None:
        if key in self._rows:
            before = self._rows[key]
            self._undo.append(lambda: self._rows.__setitem__(key, before))
        else:
            self._undo.append(lambda: self._rows.__delitem__(key))
        self._rows[key] = row

    def drop(self, key: K) -> None:
        if key in self._rows:
            before = self._rows.pop(key)
            self._undo.append(lambda: self._rows.__setitem__(key, before))

    def items(self) -> ItemsView[K, V]:
        return self._rows.items()

    def values(self) -> ValuesView[V]:
        return self._rows.values()

    def __contains__(self, key: K) -> bool:
        return key in self._rows

    def __iter__(self) -> Iterator[K]:
        return iter(self._rows)


class Tables:
    """What all handles of one memory store share. To be read and changed only inside `transaction`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._undo: Undo = []
        self.schedules: Table[str, Schedule] = Table(self._undo)
        self.runs: Table[str, Run] = Table(self._undo)
        self.attempts: Table[str, tuple[Attempt, ...]] = Table(self._undo)
        self.logs: Table[str, dict[Place, LogLine]] = Table(self._undo)
        self.audit: Table[str, AuditEntry] = Table(self._undo)
        self.nodes: Table[str, Node] = Table(self._undo)
        self.renewals: Table[str, int] = Table(self._undo)  # node -> how often it renewed
        self.claims: Table[str, str] = Table(self._undo)  # running run -> the claim that took it
        self.limited: Table[str, None] = Table(self._undo)  # runs that were claimed under a limit
        self.node_tasks: Table[str, Mapping[str, int | None]] = Table(self._undo)  # node -> its tasks and their limits
        self.node_queues: Table[str, tuple[str, ...] | None] = Table(self._undo)  # node -> the queues that it serves
        self.declared: Table[tuple[str, str], str] = Table(self._undo)  # (node, schedule) -> digest
        self.calendars: Table[str, NamedCalendar] = Table(self._undo)
        self.digests: Table[tuple[str, str], datetime] = Table(self._undo)  # (schedule, digest) -> first seen
        self.guards: Table[tuple[GuardKind, str, str], Guard] = Table(self._undo)
        self.paces: Table[str, datetime] = Table(self._undo)  # line -> its next free place
        self._unfinished: Table[str, None] = Table(self._undo)
        self._ended: list[str] = []
        self._fires: Table[tuple[str, datetime, str], str] = Table(self._undo)  # UNIQUE (schedule, fire, origin)
        self._keys: Table[tuple[str, str], str] = Table(self._undo)  # UNIQUE (task, key)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold the one lock; whatever is raised inside takes every change back."""
        with self._lock:
            self._undo.clear()
            self._ended.clear()
            try:
                yield
            except BaseException:
                while self._undo:
                    self._undo.pop()()
                raise

    def unfinished(self) -> Iterator[Run]:
        """The queued and running runs, as they are now: they may be changed while this goes on."""
        for run_id in list(self._unfinished):
            run = self.runs.get(run_id)
            if run is not None:
                yield run

    def ended(self) -> tuple[Run, ...]:
        """The runs that were unfinished when this transaction began and are final now, in the order of their ids."""
        runs = [self.runs.get(run_id) for run_id in sorted(self._ended)]
        return tuple(fresh_run(run) for run in runs if run is not None)

    def run_of_key(self, task: str, key: str | None) -> Run | None:
        """The run that a request with this key made before."""
        run_id = self._keys.get((task, key)) if key is not None else None
        return self.runs.get(run_id) if run_id is not None else None

    def release_key(self, run: Run) -> None:
        """Let another run have its key."""
        if run.key is not None:
            self._keys.drop((run.task, run.key))
        self.runs.put(run.id, replace(run, key=None))

    def insert_run(self, run: Run) -> bool:
        """Insert a run; False, and nothing changed, when its fire is recorded already."""
        if run.schedule_id is not None and run.fire_at is not None:
            fire = (run.schedule_id, run.fire_at, run.origin)
            if fire in self._fires:
                return False
            self._fires.put(fire, run.id)
        if run.key is not None:
            self._keys.put((run.task, run.key), run.id)
        self.write_run(run)
        return True

    def write_run(self, run: Run) -> None:
        """Write a run, new or changed. Raises StoreRejected for a row that breaks a rule."""
        self.runs.put(run.id, checked_run(run))
        if run.state.final:
            if run.id in self._unfinished:
                self._ended.append(run.id)
            self._unfinished.drop(run.id)
        else:
            self._unfinished.put(run.id, None)

    def delete_run(self, run: Run) -> None:
        """Forget a run with its attempts, its log, its key and its fire."""
        self.runs.drop(run.id)
        self.attempts.drop(run.id)
        self.logs.drop(run.id)
        self.limited.drop(run.id)
        self._unfinished.drop(run.id)
        if run.key is not None:
            self._keys.drop((run.task, run.key))
        if run.schedule_id is not None and run.fire_at is not None:
            self._fires.drop((run.schedule_id, run.fire_at, run.origin))

    def add_attempt(self, attempt: Attempt) -> None:
        """Keep an attempt that ended without ending its run."""
        kept = (*(self.attempts.get(attempt.run_id) or ()), attempt)
        self.attempts.put(attempt.run_id, kept[-history.MOST_ATTEMPTS :])

    def write_schedule(self, schedule: Schedule) -> None:
        """Write a schedule, new or changed. Raises StoreRejected for a row that breaks a rule."""
        self.schedules.put(schedule.id, checked_schedule(schedule))
