"""Running a coroutine that has nothing to wait for, where there is no event loop or it must not be given away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from hourbell.errors import HourbellError

if TYPE_CHECKING:
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
