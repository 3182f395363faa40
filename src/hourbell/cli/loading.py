"""From ``MODULE:SCHEDULER``, as the command line is given it, to the scheduler."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from hourbell import InvalidArguments, Scheduler


def load_scheduler(address: str) -> Scheduler:
    """Import the module, from the working directory too, and answer its scheduler. Raises InvalidArguments.

    Only whoever may start programs here types this address: it is never read from a database or a request.
    """
    module_name, colon, attributes = address.partition(":")
    if not colon or not module_name or not attributes:
        raise InvalidArguments(f"{address!r}: give MODULE:SCHEDULER, as in myapp.main:scheduler")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found: object = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        raise InvalidArguments(f"there is no module {error.name!r} here; begin in the folder that holds it") from None
    for name in attributes.split("."):
        found = getattr(found, name, None)
    if not isinstance(found, Scheduler):
        raise InvalidArguments(
            f"{address!r} is no Scheduler: name the variable that holds it, as in myapp.main:scheduler"
        )
    return found
