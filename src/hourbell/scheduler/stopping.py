"""Whether this process is about to stop: what waits for it must not keep it from that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hourbell.engine.signals import Signals
from hourbell.engine.status import Life

if TYPE_CHECKING:
    from hourbell.scheduler.core import Core


class Stopping:
    """Knows from the node when there is one, else from the signals themselves, while somebody wants to know."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._asking = 0
        self._signals: Signals | None = None
        self._signalled = False

    @property
    def now(self) -> bool:
        """True from the signal on, and when the scheduler is closed."""
        node = self._core.node
        if node is not None:
            return node.status.state in (Life.STOPPING, Life.STOPPED)
        return self._signalled or not self._core.is_open

    def begin(self) -> None:
        """Somebody wants to know from now on; on the main thread's event loop."""
        self._asking += 1
        if self._asking == 1 and self._core.node is None:
            self._signals = Signals(self._core.clock.elapsed, self._note, self._note)
            self._signals.install()

    def end(self) -> None:
        """Undo one `begin`."""
        self._asking -= 1
        if self._asking == 0 and self._signals is not None:
            signals, self._signals = self._signals, None
            signals.restore()
            signals.answer()

    def _note(self) -> None:
        self._signalled = True
