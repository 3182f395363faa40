"""What the bodies of this node say, taken down until the store has it: bounded, from any thread."""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hourbell.context import hush, notebook_of
from hourbell.engine.cleaning import clean_line
from hourbell.model.log_line import LogBound, LogLine
from hourbell.model.progress import LONGEST_NOTE, Progress, ProgressReport, note_of, number_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from hourbell.clock import Clock
    from hourbell.context import Context
    from hourbell.model.run import Run
    from hourbell.settings import Settings

LONGEST_LINE = 8_000
"""Characters of a line that are kept, the exception that came with it included."""

LONGEST_NAME = 200
KEPT_ATTEMPTS = 20
"""Attempts of one run whose logs are kept: the newest."""


@dataclass(slots=True, eq=False)
class Journal:
    """One attempt: what no store has yet, and how large each kept line is, whether a store has it or not."""

    run_id: str
    attempt: int
    lines: deque[LogLine] = field(default_factory=deque)
    progress: Progress | None = None
    sizes: deque[int] = field(default_factory=deque)
    size: int = 0
    last: int = 0
    written: int = 0
    forgotten: int = 0
    ended: bool = False
    flying: int = 0

    @property
    def clean(self) -> bool:
        """Nothing waits to be written, and nothing is on its way."""
        return not self.lines and self.progress is None and not self.flying

    @property
    def first(self) -> int:
        """The number of the oldest line that is kept."""
        return self.last - len(self.sizes) + 1

    def add(self, line: LogLine, size: int, most_lines: int, most_bytes: int) -> None:
        """Keep a line, the newest; the oldest go when there are too many."""
        self.lines.append(line)
        self.sizes.append(size)
        self.size += size
        self.last = line.number
        while len(self.sizes) > 1 and (len(self.sizes) > most_lines or self.size > most_bytes):
            self.size -= self.sizes.popleft()
        self.drop_old()

    def drop_old(self) -> None:
        """Let go of lines that are too old to be kept by now."""
        while self.lines and self.lines[0].number < self.first:
            self.lines.popleft()

    def bound(self) -> LogBound | None:
        """What the store is to forget when it gets what is here; None for nothing."""
        outgrown = self.written and self.first > self.forgotten + 1
        # Of older attempts once, with the first lines of this one.
        attempts = self.attempt - KEPT_ATTEMPTS + 1 if not self.written and self.lines else 0
        if not outgrown and attempts <= 1:
            return None
        first_number = self.first if outgrown else 1
        return LogBound(
            run_id=self.run_id, attempt=self.attempt, first_number=first_number, first_attempt=max(1, attempts)
        )


@dataclass(frozen=True, slots=True)
class Taken:
    """What was taken out to be written, and of which attempts."""

    journals: list[Journal]
    lines: list[LogLine]
    bounds: list[LogBound]
    reports: list[ProgressReport]


class Notes:
    """The notebook of a node. A run that says nothing leaves nothing here."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.level = level_of(settings)
        self._most_lines = settings.run_log_lines
        self._most_bytes = settings.run_log_bytes
        self._clock = clock
        self._lock = threading.Lock()
        self._journals: dict[tuple[str, int], Journal] = {}
        self._inside = threading.local()
        self._pid = os.getpid()
        self._dirty = False
        self.wake: Callable[[], object] = lambda: None

    def progress(self, context: Context, done: object, total: object, note: object) -> None:
        """See `hourbell.context.Notebook`. Numbers that are none are left out, and without ``done`` there is none."""
        said, words = number_of(done), note_of(note, 2 * LONGEST_NOTE)
        if said is None:
            return
        progress = Progress(
            done=said,
            total=number_of(total),
            note=clean_line(words, LONGEST_NOTE) if words is not None else None,
            attempt=context.attempt,
            said_at=self._clock.now(),
        )
        self._note(context, lambda journal: setattr(journal, "progress", progress))

    def line(self, context: Context, level: int, logger: str, message: str) -> None:
        """See `hourbell.context.Notebook`."""
        text, name = clean_line(message, LONGEST_LINE), clean_line(logger, LONGEST_NAME)
        size = len(text) if text.isascii() else len(text.encode())
        now = self._clock.now()

        def add(journal: Journal) -> None:
            line = LogLine(
                run_id=context.run_id,
                attempt=context.attempt,
                number=journal.last + 1,
                logged_at=now,
                level=level,
                logger=name,
                message=text,
            )
            journal.add(line, size + len(name), self._most_lines, self._most_bytes)

        self._note(context, add)

    def end(self, context: Context) -> None:
        """The attempt is over: what comes later is not taken down."""
        hush(context)
        # Nobody has said anything, and nobody is about to: who comes now sees that it is over. Most runs end here.
        if not self._journals and not self._lock.locked():
            return
        with self._held():
            journal = self._journals.get((context.run_id, context.attempt))
            if journal is not None:
                journal.ended = True

    def speak_of(self, runs: Iterable[Run]) -> bool:
        """True when one of these attempts has said anything that may not be in the store yet."""
        return bool(self._journals) and any((run.id, run.attempt) in self._journals for run in runs)

    def has_news(self) -> bool:
        """There is something to write."""
        return self._dirty

    def take(self) -> Taken:
        """Everything that no store has yet. It is either written, or given back; two may take at the same time."""
        with self._held():
            self._dirty = False
            taken = Taken([], [], [], [])
            for journal in self._journals.values():
                if not journal.lines and journal.progress is None:
                    continue
                journal.flying += 1
                taken.journals.append(journal)
                bound = journal.bound()
                if bound is not None:
                    taken.bounds.append(bound)
                taken.lines.extend(journal.lines)
                journal.lines.clear()
                if journal.progress is not None:
                    taken.reports.append(ProgressReport(journal.run_id, journal.progress))
                    journal.progress = None
            return taken

    def written(self, taken: Taken) -> None:
        """The store has it. Attempts that are over and have said all are forgotten."""
        with self._held():
            for line in taken.lines:
                journal = self._journals[line.run_id, line.attempt]
                journal.written = max(journal.written, line.number)
            for bound in taken.bounds:
                journal = self._journals[bound.run_id, bound.attempt]
                journal.forgotten = max(journal.forgotten, bound.first_number - 1)
            for journal in taken.journals:
                journal.flying -= 1
            for key, journal in list(self._journals.items()):
                if journal.ended and journal.clean:
                    del self._journals[key]

    def give_back(self, taken: Taken) -> None:
        """It is not known to be written: it comes before what was said since, within the same bounds."""
        with self._held():
            for line in reversed(taken.lines):
                self._journals[line.run_id, line.attempt].lines.appendleft(line)
            for report in taken.reports:
                journal = self._journals[report.run_id, report.progress.attempt]
                journal.progress = journal.progress or report.progress
            for journal in taken.journals:
                journal.flying -= 1
                journal.drop_old()
            self._dirty = self._dirty or bool(taken.journals)

    def _note(self, context: Context, put: Callable[[Journal], None]) -> None:
        if getattr(self._inside, "yes", False) or os.getpid() != self._pid:
            return  # a copy that a body forked: nobody brings its words anywhere, and the lock may be copied locked
        with self._held():
            if notebook_of(context) is not self:
                return
            key = (context.run_id, context.attempt)
            journal = self._journals.get(key)
            if journal is None:
                journal = self._journals[key] = Journal(*key)
            put(journal)
            was_dirty, self._dirty = self._dirty, True
        if not was_dirty:
            self.wake()

    @contextmanager
    def _held(self) -> Iterator[None]:
        """Hold the lock. A signal handler or a finalizer may log in the middle of this, in this very thread: it is told
        so, for it would wait for ever."""
        self._inside.yes = True  # before the lock is held, so that there is no moment in between
        try:
            with self._lock:
                yield
        finally:
            self._inside.yes = False


def level_of(settings: Settings) -> int:
    """The least level that is kept; beyond every level when nothing is."""
    if settings.run_log_level == "OFF" or not settings.run_log_lines:
        return logging.CRITICAL + 1_000
    return logging.getLevelNamesMapping()[settings.run_log_level]
