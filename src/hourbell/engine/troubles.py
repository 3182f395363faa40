"""What goes wrong just now: for the log, said once, and for health."""

from __future__ import annotations

import logging

from hourbell.errors import StoreMisconfigured, StoreUnavailable

_log = logging.getLogger("hourbell.engine")


class Troubles:
    """The present trouble of each loop of a node. May be used from both threads.

    A trouble is logged when it begins and when its kind changes, not at every repetition; its end is logged too.
    """

    def __init__(self) -> None:
        self._present: dict[str, BaseException] = {}

    def met(self, where: str, error: BaseException) -> None:
        """The loop ``where`` failed."""
        before = self._present.get(where)
        self._present[where] = error
        if type(before) is type(error):
            return
        if isinstance(error, StoreUnavailable):
            _log.warning("%s: the database does not answer; trying again until it does: %s", where, error)
        elif isinstance(error, StoreMisconfigured):
            # It says what to mend, and that is not in the code.
            _log.error("%s failed and will be tried again: %s", where, error)
        else:
            _log.error("%s failed and will be tried again: %s", where, error, exc_info=error)

    def over(self, where: str) -> None:
        """The loop ``where`` works (again)."""
        if where in self._present and self._present.pop(where, None) is not None:
            _log.info("%s works again", where)

    def last(self) -> str | None:
        """The latest trouble that is not over, in words; None when all is well."""
        present = list(self._present.items())
        return f"{present[-1][0]}: {present[-1][1]}" if present else None
