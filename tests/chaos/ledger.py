"""What the bodies themselves wrote down: one file per process, one write per line, outside of the product."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from hourbell import Context, Run

START, END, BROKEN, ACCEPTED = "start", "end", "broken", "accepted"


@dataclass(frozen=True)
class Line:
    """One thing that happened in a body. ``fire_at`` is None for a run by hand; ``at`` is the host's clock.

    ``start`` and ``end`` are the body's first and last act, ``broken`` instead of ``end`` when something was raised in
    it (a cancellation too). ``accepted`` is what the node said of the report: it was taken as this run's success.
    """

    phase: str
    schedule: str
    fire_at: datetime | None
    run: str
    attempt: int
    pid: int
    at: datetime

    def text(self) -> str:
        fire_at = self.fire_at.isoformat() if self.fire_at else "-"
        values = (self.phase, self.schedule, fire_at, self.run, str(self.attempt), str(self.pid), self.at.isoformat())
        return "\t".join(values) + "\n"

    @classmethod
    def read(cls, text: str) -> Line:
        phase, schedule, fire_at, run, attempt, pid, at = text.split("\t")
        fired = datetime.fromisoformat(fire_at) if fire_at != "-" else None
        return cls(phase, schedule, fired, run, int(attempt), int(pid), datetime.fromisoformat(at))


class LedgerFile:
    """Where one process writes. A line is one write to a file opened for appending: whole or not at all."""

    def __init__(self, folder: str) -> None:
        path = Path(folder) / f"{os.getpid()}-{time.time_ns()}.tsv"
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    @contextmanager
    def body(self, context: Context) -> Iterator[None]:
        """A body, from its first act to its last."""
        self._write(START, context)
        try:
            yield
        except BaseException:
            self._write(BROKEN, context)
            raise
        self._write(END, context)

    def accepted(self, run: Run) -> None:
        """The node says that this run's success was recorded."""
        self._append(ACCEPTED, run.schedule_id, run.fire_at, run.id, run.attempt)

    def _write(self, phase: str, context: Context) -> None:
        self._append(phase, context.schedule_id, context.fire_at, context.run_id, context.attempt)

    def _append(self, phase: str, schedule: str | None, fire_at: datetime | None, run: str, attempt: int) -> None:
        fired = fire_at.astimezone(UTC) if fire_at else None
        line = Line(phase, schedule or "-", fired, run, attempt, os.getpid(), datetime.now(UTC))
        os.write(self._file, line.text().encode())


def read_ledger(folder: Path) -> list[Line]:
    """Every line of every process, by time."""
    texts = [text for file in folder.glob("*.tsv") for text in file.read_text().splitlines()]
    return sorted((Line.read(text) for text in texts), key=lambda line: line.at)
