"""Which schedule may have been meant by an id that nothing has."""

from __future__ import annotations

import difflib
from collections.abc import Awaitable
from typing import TypeVar

from hourbell import HourbellError, NotFound, Scheduler

T = TypeVar("T")

_LOOKED_AT = 1_000


async def or_the_nearest(scheduler: Scheduler, schedule_id: str, asked: Awaitable[T]) -> T:
    """What is awaited; where nothing has the id, the error names one that is near. Raises what it raises."""
    try:
        return await asked
    except NotFound as error:
        near = await _near(scheduler, schedule_id)
        raise NotFound(f"{error}; did you mean {near!r}?" if near is not None else str(error)) from None


async def _near(scheduler: Scheduler, wanted: str) -> str | None:
    """Of those that have the text in them the first; else one that is spelt almost so."""
    try:
        for one in await scheduler.list_schedules(text=wanted, limit=1):
            return one.id
        known = [one.id for one in await scheduler.list_schedules(limit=_LOOKED_AT)]
    except HourbellError:
        return None
    return next(iter(difflib.get_close_matches(wanted, known, n=1)), None)
