"""Periods and instants as they are typed."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Literal

from hourbell import InvalidArguments, TriggerError
from hourbell.clock import SystemClock
from hourbell.triggers.cron_every import read_every

_PERIOD = re.compile(r"(?:[0-9]+[a-z]+)+")


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


def read_instant(option: str, text: str, other: str = "") -> datetime:
    """An instant, or a day for its midnight; UTC unless it says otherwise. ``other``  what else might have been given.
    Raises InvalidArguments."""
    try:
        typed = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidArguments(f"{option} {text[:40]!r}: give an instant, as in 2030-01-31T09:00:00Z{other}") from None
    return typed if typed.tzinfo is not None else typed.replace(tzinfo=UTC)


def read_moment(option: str, text: str | None, towards: Literal["past", "future"]) -> datetime | None:
    """The instant, where one was typed: as `read_instant`, or as a period, such as 3h, ago or from now.

    Raises InvalidArguments.
    """
    if text is None:
        return None
    if not _PERIOD.fullmatch(text):
        return read_instant(option, text, f", or a period, as in 3h {'ago' if towards == 'past' else 'from now'}")
    period = timedelta(seconds=read_period(option, text))
    now = SystemClock().now()
    return now - period if towards == "past" else now + period


def in_utc(instant: datetime) -> str:
    """The instant as it is shown."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
