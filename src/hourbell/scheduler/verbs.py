"""What the files of verbs share: the core, and which run or schedule is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from hourbell.errors import InvalidArguments, NotFound
from hourbell.model.run import Run
from hourbell.model.schedule import Schedule

if TYPE_CHECKING:
    from hourbell.scheduler.core import Core
    from hourbell.scheduler.requests import Requests


class Verbs:
    """Some verbs of the scheduler, over its core."""

    _core: Core
    _requests: Requests


def id_of_schedule(schedule: object) -> str:
    """The id of a schedule that is named or given itself. Raises NotFound for text that no id can be."""
    if isinstance(schedule, Schedule):
        return schedule.id
    return _possible("schedule", schedule)


def id_of_run(run: object) -> str:
    """The id of a run that is named or given itself. Raises NotFound for text that no id can be."""
    if isinstance(run, Run):
        return run.id
    text = _possible("run", run)
    try:
        return str(UUID(text))
    except ValueError:
        raise NotFound(f"there is no run {text[:60]!r}: the id of a run is a UUID") from None


def _possible(what: str, given: object) -> str:
    if not isinstance(given, str):
        raise InvalidArguments(f"give the {what} or its id, not {type(given).__name__}")
    # What cannot be stored is not asked for either: databases refuse some characters, each in its own words.
    if not given.isprintable():
        raise NotFound(f"there is no {what} {given[:60]!r}: an id has printable characters only")
    return given
