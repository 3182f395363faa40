"""The verb of those who watch."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from hourbell.scheduler.looks import Watch
from hourbell.scheduler.verbs import Verbs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    StoppingNow = Callable[[], bool]


class WatchVerbs(Verbs):
    """Hear of changes, wherever they are made."""

    def watch(self) -> Watch:
        """Hear what changes, on whichever node: ``async with scheduler.watch() as watch: async for change in watch:``.

        Each `hourbell.model.change.Change` names a run, a schedule or a node and the state that it is in now. The
        database is looked at once per ``poll``, once for all who watch here; what changes and changes back in between
        is not told, and a change may be told again: what counts is what the lists say. Whoever is 1,000 changes behind
        hears no more: the iteration ends. Entering raises StoreUnavailable.
        """
        return Watch(self._core.looks)

    @contextmanager
    def stopping(self) -> Iterator[StoppingNow]:
        """In the block, the answer tells whether this process is about to stop: from the signal on, not only when the
        server has come to the end of its requests. For what would keep it from that."""
        stopping = self._core.stopping
        stopping.begin()
        try:
            yield lambda: stopping.now
        finally:
            stopping.end()
