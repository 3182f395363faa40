"""What the bodies themselves write down: one file a process, one write a line, beside the database and not in it."""

from __future__ import annotations

import json
import os
import secrets
from collections import Counter
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from hourbell.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from hourbell import Context, Run


class Phase(StrEnum):
    """``began`` is the body's first act and ``ended`` its last; ``broken`` instead when something was raised in it.

    ``accepted`` is what the node heard of its report: this attempt is the run's success.
    """

    BEGAN = "began"
    ENDED = "ended"
    BROKEN = "broken"
    ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One thing that happened in a body; ``at`` by the host's own clock, unbent."""

    phase: Phase
    schedule: str
    fire_at: datetime
    run: str
    attempt: int
    pid: int
    at: datetime

    def to_text(self) -> bytes:
        """As one line of JSON."""
        values = asdict(self) | {"fire_at": self.fire_at.isoformat(), "at": self.at.isoformat()}
        return json.dumps(values).encode() + b"\n"

    @classmethod
    def from_text(cls, text: bytes) -> Line:
        """Read what ``to_text`` wrote."""
        values = json.loads(text)
        instants = {name: datetime.fromisoformat(values[name]) for name in ("fire_at", "at")}
        return cls(**values | instants | {"phase": Phase(values["phase"])})


class LedgerFile:
    """Where one process writes. A line is one write to a file opened for appending: whole, or not at all."""

    def __init__(self, folder: Path) -> None:
        path = folder / f"{os.getpid()}-{secrets.token_hex(4)}.ledger"
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._clock = SystemClock()

    @contextmanager
    def body(self, context: Context) -> Iterator[None]:
        """A body, from its first act to its last."""
        self._of_body(Phase.BEGAN, context)
        try:
            yield
        except BaseException:
            self._of_body(Phase.BROKEN, context)
            raise
        self._of_body(Phase.ENDED, context)

    def accepted(self, run: Run) -> None:
        """The node heard that this attempt is the run's success."""
        self._write(Phase.ACCEPTED, run.schedule_id, run.fire_at, run.id, run.attempt)

    def _of_body(self, phase: Phase, context: Context) -> None:
        self._write(phase, context.schedule_id, context.fire_at, context.run_id, context.attempt)

    def _write(self, phase: Phase, schedule: str | None, fire_at: datetime | None, run: str, attempt: int) -> None:
        if schedule is None or fire_at is None:  # nothing is asked for by hand in a proof
            return
        line = Line(
            phase=phase,
            schedule=schedule,
            fire_at=fire_at,
            run=run,
            attempt=attempt,
            pid=os.getpid(),
            at=self._clock.host_now(),
        )
        os.write(self._file, line.to_text())


def under_way(lines: Sequence[Line]) -> Counter[int]:
    """By process: how many of its bodies have begun and not come to an end. Those of the dead never do."""
    bodies = Counter({line.pid: 0 for line in lines})
    for line in lines:
        bodies[line.pid] += {Phase.BEGAN: 1, Phase.ENDED: -1, Phase.BROKEN: -1}.get(line.phase, 0)
    return bodies


def read_ledger(folder: Path) -> list[Line]:
    """Every whole line of every process, in the order in which it happened."""
    texts = [text for path in folder.glob("*.ledger") for text in path.read_bytes().splitlines(keepends=True)]
    # A disk that is full may cut a line short; what it would have said is then unknown, and shows as a missing start.
    lines = [Line.from_text(text) for text in texts if text.endswith(b"\n")]
    return sorted(lines, key=lambda line: line.at)
