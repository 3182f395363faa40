"""What may be asked of a list."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from hourbell.errors import InvalidArguments

if TYPE_CHECKING:
    from enum import StrEnum

    S = TypeVar("S", bound=StrEnum)

MOST = 1_000


def checked_limit(limit: object, *, name: str = "limit") -> int:
    """A number from 1 to 1000. Raises InvalidArguments."""
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= MOST:
        raise InvalidArguments(f"{name}={limit!r}: give a whole number from 1 to {MOST}")
    return limit


def checked_state(states: type[S], state: str | None) -> S | None:
    """The state of this name, or None for all. Raises InvalidArguments naming those there are."""
    if state is None:
        return None
    try:
        return states(state)
    except ValueError:
        known = ", ".join(repr(str(one)) for one in states)
        raise InvalidArguments(f"state={str(state)[:40]!r}: choose one of {known}") from None
