"""From one thread's event loop to the other's: plain calls with plain values, nothing else is shared."""

from __future__ import annotations

import contextvars
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable


class Crossing:
    """Calls functions on an event loop, from any thread, in the context variables of where it was made."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._context = contextvars.copy_context()

    def call(self, function: Callable[..., Any], *args: Any) -> bool:
        """Have ``function`` called there soon. False when that loop is closed: nobody is left to hear it."""
        try:
            self._loop.call_soon_threadsafe(function, *args, context=self._context)
        except RuntimeError:
            return False
        return True
