"""Being asked to stop: noted when it happens, acted on by the loop that looks."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class StopRequests:
    """How often somebody asked: once is to stop, more is to stop at once."""

    def __init__(self) -> None:
        self.times = 0

    def ask(self, *_: object) -> None:
        """Ask once more."""
        self.times += 1

    @property
    def asked(self) -> bool:
        """True from the first time on."""
        return self.times > 0

    @property
    def urgent(self) -> bool:
        """True from the second time on."""
        return self.times > 1


@contextmanager
def stop_requests() -> Iterator[StopRequests]:
    """Count signals instead of being interrupted by them, so that nothing is left half closed."""
    requests = StopRequests()
    if threading.current_thread() is not threading.main_thread():
        yield requests
        return
    before = {number: signal.signal(number, requests.ask) for number in _SIGNALS}
    try:
        yield requests
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
