"""Who acts: the name that stands in the audit beside what was done."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from hourbell.context import current_run

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST = 200
"""Characters of a name."""

_named: ContextVar[str | None] = ContextVar("hourbell_actor", default=None)


def current_actor() -> str | None:
    """The name that `acting` has set, else ``run:<id>`` in the body of a run; None without either."""
    named = _named.get()
    if named is not None:
        return named
    run = current_run()
    return f"run:{run.run_id}" if run is not None else None


@contextmanager
def acting(name: str) -> Iterator[str]:
    """Inside the block, whatever is done to schedules and runs is done by this name: so it stands in the audit.

    Raises ValueError for what is no name: 1 to 200 printable characters.
    """
    if not 0 < len(name) <= LONGEST or not name.isprintable():
        raise ValueError(f"{name[:40]!r} names nobody: give 1 to {LONGEST} printable characters")
    token = _named.set(name)
    try:
        yield name
    finally:
        _named.reset(token)
