"""One page of a list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """``items`` in order, and the cursor of the page after this one; None when there is none."""

    items: tuple[T, ...]
    next_cursor: str | None = None
