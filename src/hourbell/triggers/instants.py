"""Instants at the edge: naive ones are refused, text is RFC 3339 in UTC, nothing overflows."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from hourbell.errors import TriggerError

SECOND = timedelta(seconds=1)
NO_TIME = timedelta(0)

# Triggers live inside these bounds, so that adding an offset to any instant of theirs cannot overflow.
EARLIEST = datetime(1, 6, 1, tzinfo=UTC)
LATEST = datetime(9999, 6, 1, tzinfo=UTC)

_WRITTEN = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?([Zz]|[+-][0-9]{2}:[0-9]{2})?"
)
_LONGEST_TEXT = 40


def as_utc(instant: datetime, what: str = "the instant") -> datetime:
    """The same instant in UTC, moved to the nearest bound when it is beyond the years 1 to 9999.

    Raises:
        TriggerError: when it is no datetime, or a naive one: its zone would have to be guessed.
    """
    if not isinstance(instant, datetime):
        raise TriggerError(f"{what} must be a datetime, not {type(instant).__name__}")
    if instant.tzinfo is UTC:
        return min(max(instant, EARLIEST), LATEST)
    if instant.utcoffset() is None:
        raise TriggerError(
            f"{what} is naive: {instant.isoformat()} has no time zone. "
            "Give an aware datetime, such as datetime(2026, 1, 31, 9, 0, tzinfo=UTC)"
        )
    try:
        return min(max(instant.astimezone(UTC), EARLIEST), LATEST)
    except OverflowError:
        return EARLIEST if instant.year == 1 else LATEST


def write_instant(instant: datetime) -> str:
    """RFC 3339 in UTC with `Z`; microseconds only when there are some."""
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def read_instant(text: str, what: str) -> datetime:
    """The datetime that this RFC 3339 text writes; naive when it names no offset.

    Raises:
        TriggerError: when it is not of the form `2026-01-31T09:00:00Z`, or no such date exists.
    """
    if len(text) > _LONGEST_TEXT or _WRITTEN.fullmatch(text) is None:
        shown = text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + "…"
        raise TriggerError(f"{what}: {shown!r} is not an instant; write it as 2026-01-31T09:00:00Z", place=(what,))
    try:
        return datetime.fromisoformat(text.upper())
    except ValueError as error:
        raise TriggerError(f"{what}: {text!r} is not an instant: {error}", place=(what,)) from None
