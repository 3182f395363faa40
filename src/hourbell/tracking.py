"""One id from a request to everything that it caused: runs, what those enqueue, and every line that they log."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from hourbell.context import current_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LONGEST = 128
"""Characters of a tracking id."""

_outside: ContextVar[str | None] = ContextVar("hourbell_tracking_id", default=None)
_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}", re.ASCII)
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?", re.ASCII)


def current_tracking_id() -> str | None:
    """The id that this code works under: its run's, else the one that `tracked` has set; None without either."""
    run = current_run()
    return run.tracking_id if run is not None else _outside.get()


@contextmanager
def tracked(tracking_id: str) -> Iterator[str]:
    """Work under this id inside the block: runs that are asked for there belong to it. In a run the run's own counts.

    Raises ValueError for what is no id: 1 to 128 letters, digits and ``. _ : / + = @ -``.
    """
    end = begin_tracking(tracking_id)
    try:
        yield tracking_id
    finally:
        end()


def begin_tracking(tracking_id: str) -> Callable[[], None]:
    """Work under this id from here on in this context, until the answer is called: see `tracked`. Raises ValueError."""
    if known_id(tracking_id) is None:
        raise ValueError(f"{tracking_id[:40]!r} is no tracking id: give 1 to {LONGEST} letters, digits and ._:/+=@-")
    token = _outside.set(tracking_id)
    return lambda: _outside.reset(token)


def known_id(text: str | None) -> str | None:
    """The text where it can be an id, as of a header from outside; None where it cannot, and is better not repeated."""
    return text if text is not None and _ID.fullmatch(text) else None


def trace_id(traceparent: str | None) -> str | None:
    """The trace id of a ``traceparent`` header (W3C Trace Context, level 1); None where it has none."""
    found = _TRACEPARENT.fullmatch(traceparent) if traceparent is not None else None
    if found is None or traceparent is None or traceparent.startswith("ff") or not found[1].strip("0"):
        return None
    return found[1]


def new_tracking_id() -> str:
    """32 random hexadecimal digits, as a trace id has them."""
    return os.urandom(16).hex()
