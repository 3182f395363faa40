"""Telling the other nodes of what is asked for here: seldom, since in PostgreSQL each hint takes a lock."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hourbell.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hourbell.store.protocol import Store

_log = logging.getLogger("hourbell.scheduler")


class Hints:
    """The hints of one process that are no node's."""

    def __init__(self, store: Callable[[], Store]) -> None:
        self._store = store
        self._requests = 0
        self._sending = self._wanted = False

    @contextmanager
    def on_the_way(self) -> Iterator[bool]:
        """Around a request: whether it takes its hint along, which is quickest. It does while it is the only one; of
        many at once each is sent alone, and they share the hints of `send`."""
        self._requests += 1
        try:
            yield self._requests == 1
        finally:
            self._requests -= 1

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
