"""Clocks for the application under test: of a host that is wrong, or of a database that is told to jump."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from hourbell.clock import SystemClock


class WrongClock(SystemClock):
    """``skew``: this host's clock is wrong by so many seconds; the database's is not.

    ``file`` holds by how many seconds the clock of the database itself is off, for all nodes alike, read each time.
    """

    def __init__(self, skew: float, file: Path | None) -> None:
        self._skew = timedelta(seconds=skew)
        self._file = file
        super().__init__()

    def host_now(self) -> datetime:
        return super().host_now() + self._skew + self._shift()

    def override(self) -> datetime | None:
        return None if self._file is None else super().host_now() + self._shift()

    def _shift(self) -> timedelta:
        return timedelta() if self._file is None else read_shift(self._file)


def read_shift(file: Path) -> timedelta:
    """By how much the clock is off now."""
    return timedelta(seconds=float(file.read_text()))


def shift_clock(file: Path, shift: timedelta) -> None:
    """Let the clock jump, for everybody in one instant."""
    draft = file.with_suffix(".draft")
    draft.write_text(repr(shift.total_seconds()))
    draft.replace(file)
