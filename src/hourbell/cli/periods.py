"""Periods and instants as they are typed."""

from __future__ import annotations

from datetime import UTC, datetime

from hourbell import InvalidArguments, TriggerError
from hourbell.triggers.cron_every import read_every


def read_period(option: str, text: str) -> float:
    """Seconds, from a number of them or from a period such as 90s, 15m, 1h30m, 2d. Raises InvalidArguments."""
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return read_every(f"@every {text}").period.total_seconds()
    except TriggerError:
        raise InvalidArguments(f"{option} {text[:40]!r}: give a period such as 90s, 15m, 1h30m or 2d") from None


def read_instant(option: str, text: str) -> datetime:
    """An instant, or a day for its midnight; UTC unless it says otherwise. Raises InvalidArguments."""
    try:
        typed = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidArguments(f"{option} {text[:40]!r}: give an instant, as in 2030-01-31T09:00:00Z") from None
    return typed if typed.tzinfo is not None else typed.replace(tzinfo=UTC)


def read_if_given(option: str, text: str | None) -> datetime | None:
    """The instant, where one was typed. Raises InvalidArguments."""
    return None if text is None else read_instant(option, text)


def in_utc(instant: datetime) -> str:
    """The instant as it is shown."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
