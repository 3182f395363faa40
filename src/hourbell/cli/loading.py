"""From ``MODULE:SCHEDULER``, as the command line is given it, to the scheduler."""

from __future__ import annotations

import importlib
import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import NoReturn

from hourbell import InvalidArguments, Scheduler
from hourbell.cli.exit_codes import ExitCode, give_up


def load_scheduler(address: str) -> Scheduler:
    """Import the module, from the working directory too, and answer its scheduler.

    Raises InvalidArguments; an error of the module itself is told with its traceback from there on, and exits with 1.
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
            _give_up_importing(module_name, error)
        raise InvalidArguments(f"there is no module {error.name!r} here; begin in the folder that holds it") from None
    except Exception as error:  # noqa: BLE001 - whatever a foreign module may raise
        _give_up_importing(module_name, error)
    for name in attributes.split("."):
        found = getattr(found, name, None)
    if not isinstance(found, Scheduler):
        raise InvalidArguments(
            f"{address!r} is no Scheduler: name the variable that holds it, as in myapp.main:scheduler"
        )
    return found


def _give_up_importing(module_name: str, error: BaseException) -> NoReturn:
    """Show where in the application it went wrong, without the frames that only led there."""
    step = error.__traceback__
    while step is not None and step.tb_next is not None and _leads_there(step):
        step = step.tb_next
    print("".join(traceback.format_exception(error.with_traceback(step))), end="", file=sys.stderr)
    give_up(f"the module {module_name!r} cannot be imported: {type(error).__name__}, see above", ExitCode.PROBLEM)


def _leads_there(step: TracebackType) -> bool:
    name = str(step.tb_frame.f_globals.get("__name__", ""))
    return name == __name__ or name.partition(".")[0] == "importlib"
