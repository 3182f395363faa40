"""Instants as numbers: seconds since 1970 in UTC, as POSIX counts them; for what is made for each run."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import overload


@overload
def instant_of(seconds: float) -> datetime: ...
@overload
def instant_of(seconds: None) -> None: ...
@overload
def instant_of(seconds: float | None) -> datetime | None: ...
def instant_of(seconds: float | None) -> datetime | None:
    """The aware instant, to the microsecond; None for None."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
