"""Telling the other nodes of what is asked for here: seldom, since in PostgreSQL each hint takes a lock."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from hourbell.errors import StoreUnavailable
from hourbell.telling import Telling

if TYPE_CHECKING:
    from collections.abc import Callable

    from hourbell.store.protocol import Store

_log = Telling(logging.getLogger("hourbell.scheduler"))


class Hints:
    """The hints of one process that are no node's."""

    def __init__(self, store: Callable[[], Store]) -> None:
        self._store = store
        self._sending = self._wanted = False

    async def send(self) -> None:
        """Tell other nodes. Whoever asks meanwhile shares one hint more."""
        self._wanted = True
        if self._sending:
            return
        self._sending = True
        try:
            while self._wanted:
                self._wanted = False
                await self._store().hint()
        except StoreUnavailable as error:  # what was stored is found by the next poll
            _log.debug("no hint could be given: %s", error)
        finally:
            self._sending = False
