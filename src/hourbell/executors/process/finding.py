"""Finding the function of a task again, in a process that did not register it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hourbell.errors import UnknownTask
from hourbell.task import Task

if TYPE_CHECKING:
    from collections.abc import Callable

    from hourbell.place import Place


def find(place: Place, name: str) -> Task[..., Any]:
    """The task of this name, its module imported here. Raises UnknownTask, and whatever the import raises."""
    module = place.load()
    for value in list(vars(module).values()):
        if isinstance(value, Task) and name in (value.name, *value.aliases):
            return value
    found: Any = module
    for part in place.qualname.split("."):
        found = getattr(found, part, None)
    if isinstance(found, Task):
        found = found.function
    if not callable(found):
        raise UnknownTask(f"{place.module} has no {place.qualname!r}, by which task {name!r} would be found here")
    function: Callable[..., Any] = found
    return Task(function, name=name)
