"""What middleware is: one kind of it, around the bodies of all executors."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from hourbell.context import Context
from hourbell.errors import InvalidArguments

Middleware = Callable[[Callable[[], Awaitable[Any]], Context], Awaitable[Any]]
"""``async def middleware(call_next, context)``: what it does before and after ``result = await call_next()``, and what
it returns is the body's result to whoever stands before it."""


def checked_middleware(given: object) -> Middleware:
    """The middleware itself. Raises InvalidArguments when it is no ``async def`` of two parameters."""
    if not callable(given) or not any(inspect.iscoroutinefunction(part) for part in (given, type(given).__call__)):
        raise InvalidArguments(f"{given!r} is no middleware: give an `async def (call_next, context)`")
    try:
        inspect.signature(given).bind(None, None)
    except TypeError:
        raise InvalidArguments(f"{given!r} is no middleware: it takes two arguments, (call_next, context)") from None
    return given
