"""Running a coroutine at once: all of it, where it has nothing to wait for, or as far as it gets until it has."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any, TypeVar

from hourbell.errors import HourbellError

if TYPE_CHECKING:
    import contextvars
    from collections.abc import Coroutine

T = TypeVar("T")


def at_once(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that never suspends. Raises what it raises, and HourbellError when it does suspend."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    coroutine.close()
    raise HourbellError("this call has to wait for the database's answer: await it in an async function")


if sys.version_info >= (3, 12):

    def begun(coroutine: Coroutine[Any, Any, T], name: str, variables: contextvars.Context) -> asyncio.Task[T]:
        """A task on the running event loop that has gone as far as it gets without waiting: on Python 3.11 not yet. The
        caller keeps it."""
        loop = asyncio.get_running_loop()
        return asyncio.Task(coroutine, loop=loop, name=f"hourbell-{name}", context=variables, eager_start=True)

else:

    def begun(coroutine: Coroutine[Any, Any, T], name: str, variables: contextvars.Context) -> asyncio.Task[T]:
        """A task on the running event loop. The caller keeps it."""
        return asyncio.get_running_loop().create_task(coroutine, name=f"hourbell-{name}", context=variables)
