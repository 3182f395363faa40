"""What goes wrong just now: for the log, said once, and for health."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from hourbell.errors import StoreMisconfigured, StoreUnavailable
from hourbell.telling import Telling

if TYPE_CHECKING:
    from collections.abc import Callable

QUIET = 60.0
"""Seconds for which a trouble that comes and goes is not said again."""

_DATABASE = "the database"

_log = Telling(logging.getLogger("hourbell.engine"))


class Troubles:
    """The present trouble of each loop of a node. May be used from both threads.

    A trouble is logged when it begins and when its kind changes, not at every repetition; its end is logged too. That
    the database does not answer is one trouble, whichever loops meet it and in which words. One that comes and goes is
    said once a minute, and so is another of the same kind: who mends one thing must not be left with its words for the
    next.
    """

    def __init__(self, elapsed: Callable[[], float]) -> None:
        self._elapsed = elapsed
        self._present: dict[str, BaseException] = {}
        self._open: dict[str, type[BaseException]] = {}
        self._said: dict[tuple[str, type[BaseException]], float] = {}
        self._words: dict[str, str] = {}

    def met(self, where: str, error: BaseException) -> None:
        """The loop ``where`` failed."""
        self._present[where] = error
        about, kind = _DATABASE if isinstance(error, StoreUnavailable) else where, type(error)
        now = self._elapsed()
        same = about is _DATABASE or self._words.get(about) == str(error)
        if (same and self._open.get(about) is kind) or now - self._said.get((about, kind), -QUIET) < QUIET:
            return
        self._words[about] = str(error)
        self._open[about] = kind
        self._said[about, kind] = now
        if isinstance(error, StoreUnavailable):
            _log.warning("%s: the database does not answer; trying again until it does: %s", where, error)
        elif isinstance(error, StoreMisconfigured):
            # It says what to mend, and that is not in the code.
            _log.error("%s failed and will be tried again: %s", where, error)
        else:
            _log.error("%s failed and will be tried again: %s", where, error, exc_info=error)

    def over(self, where: str) -> None:
        """The loop ``where`` works (again)."""
        if where not in self._present or self._present.pop(where, None) is None:
            return
        if self._open.pop(where, None) is not None:
            _log.info("%s works again", where)
        left = any(isinstance(error, StoreUnavailable) for error in list(self._present.values()))
        if not left and self._open.pop(_DATABASE, None) is not None:
            _log.info("the database answers again")

    def last(self) -> str | None:
        """The latest trouble that is not over, in words; None when all is well."""
        present = list(self._present.items())
        return f"{present[-1][0]}: {present[-1][1]}" if present else None
