"""What may be asked of a list."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

from hourbell.errors import InvalidArguments

if TYPE_CHECKING:
    from enum import StrEnum

    S = TypeVar("S", bound=StrEnum)

MOST = 1_000
YEARS = (2, 9998)


def checked_limit(limit: object, *, name: str = "limit", most: int = MOST) -> int:
    """A number from 1 to ``most``. Raises InvalidArguments."""
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= most:
        raise InvalidArguments(f"{name}={limit!r}: give a whole number from 1 to {most}", at=name)
    return limit


def checked_state(states: type[S], state: str | None, *, name: str = "state") -> S | None:
    """The state of this name, or None for all. Raises InvalidArguments naming those there are."""
    if state is None:
        return None
    try:
        return states(state)
    except ValueError:
        known = ", ".join(repr(str(one)) for one in states)
        raise InvalidArguments(f"{name}={str(state)[:40]!r}: choose one of {known}", at=name) from None


def checked_text(name: str, text: object) -> str | None:
    """Text that can be compared with what is stored, or None. Raises InvalidArguments."""
    if text is None:
        return None
    if not isinstance(text, str) or not text.isprintable():
        raise InvalidArguments(f"{name}: give text of printable characters, or None", at=name)
    return text


def checked_instant(name: str, instant: object) -> datetime | None:
    """An aware instant, or None. Raises InvalidArguments."""
    if instant is None:
        return None
    if not isinstance(instant, datetime) or instant.utcoffset() is None:
        raise InvalidArguments(
            f"{name}={instant!r}: give an aware datetime, as in datetime(2030, 1, 1, tzinfo=UTC)", at=name
        )
    return instant


def checked_year(name: str, instant: datetime | None) -> datetime | None:
    """The instant, unless it lies at an end of the calendar, which databases store as infinity. Raises
    InvalidArguments."""
    if instant is not None and not YEARS[0] <= instant.year <= YEARS[1]:
        raise InvalidArguments(
            f"{name}={instant.isoformat()}: give an instant of the years {YEARS[0]} to {YEARS[1]}", at=name
        )
    return instant


def checked_run_cursor(cursor: object) -> str | None:
    """The ``next_cursor`` of a page of runs, or None. Raises InvalidArguments."""
    text = checked_text("cursor", cursor)
    if text is None:
        return None
    try:
        return str(UUID(text))
    except ValueError:
        raise InvalidArguments("cursor: give the next_cursor of the page before, or None", at="cursor") from None
