"""How far a body says it has come."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

LONGEST_NOTE = 500
"""Characters of a note that are kept."""

_LARGEST = 1e300


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What attempt ``attempt`` of a run last said: ``done`` of ``total``, in whatever unit the body counts.

    ``total`` is None where the body does not know it, ``note`` what it said besides. ``said_at`` is an aware UTC
    instant by the node's own estimate. It stays when the attempt ends; the next attempt replaces it with its first
    word, and until then ``attempt`` tells whose it is.
    """

    done: float
    total: float | None
    note: str | None
    attempt: int
    said_at: datetime

    @property
    def fraction(self) -> float | None:
        """From 0 to 1; None where the total is unknown or nothing."""
        if self.total is None or self.total <= 0:
            return None
        return min(1.0, max(0.0, self.done / self.total))

    def __str__(self) -> str:
        done = f"{self.done:,}" if self.total is None else f"{self.done:,} of {self.total:,}"
        share = f" ({self.fraction:.0%})" if self.fraction is not None else ""
        return f"{done}{share}{': ' + self.note if self.note else ''}"

    def to_json(self) -> str:
        """The text that stores keep."""
        said = {"done": self.done, "total": self.total, "note": self.note}
        return json.dumps({**said, "attempt": self.attempt, "said_at": self.said_at.isoformat()})

    @classmethod
    def from_json(cls, text: str | None) -> Progress | None:
        """What a store kept. None for nothing, and for what this version cannot read: it is no reason to fail."""
        if text is None:
            return None
        try:
            said: dict[str, Any] = json.loads(text)
            return cls(
                done=said["done"],
                total=said["total"],
                note=said["note"],
                attempt=said["attempt"],
                said_at=datetime.fromisoformat(said["said_at"]),
            )
        except (ValueError, KeyError, TypeError):
            return None


@dataclass(frozen=True, slots=True)
class ProgressReport:
    """One run's progress on its way to the store, under the fence of its attempt."""

    run_id: str
    progress: Progress


def number_of(value: object) -> float | None:
    """A number of whichever kind as JSON has it; None for what is none."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        number = value if isinstance(value, int) else float(value)  # type: ignore[arg-type]
        return number if math.isfinite(number) and abs(number) < _LARGEST else None
    except Exception:  # noqa: BLE001 - progress never fails a body, whatever it is given
        return None


def note_of(value: object, longest: int) -> str | None:
    """The beginning of a note; None for nothing, and for what cannot be read."""
    if value is None:
        return None
    try:
        return str(value)[:longest]
    except Exception:  # noqa: BLE001 - as above
        return None
