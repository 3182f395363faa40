"""What a body writes down about itself: one line of text, independent of any table of ours."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum


class Phase(StrEnum):
    """``started`` is written before anything else the body does; the others when it ends."""

    STARTED = "started"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a journal. ``fire_at`` is None for a run that was asked for by hand; ``at`` is when it was written.

    ``note`` is what the body says for people. Instants are aware UTC.
    """

    task: str
    schedule: str | None
    fire_at: datetime | None
    run: str
    attempt: int
    pid: int
    phase: Phase
    at: datetime
    note: str = ""

    def to_line(self) -> bytes:
        """The entry as one line of JSON. A line break in the note cannot end the line early."""
        fields = asdict(self)
        for name in ("fire_at", "at"):
            fields[name] = fields[name].isoformat() if fields[name] is not None else None
        return json.dumps(fields).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Entry:
        """Read what ``to_line`` wrote."""
        fields = json.loads(line)
        for name in ("fire_at", "at"):
            fields[name] = datetime.fromisoformat(fields[name]) if fields[name] is not None else None
        return cls(**fields | {"phase": Phase(fields["phase"])})
