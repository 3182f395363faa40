"""What the files of verbs share: the core."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hourbell.model.run import Run
from hourbell.model.schedule import Schedule

if TYPE_CHECKING:
    from hourbell.scheduler.core import Core
    from hourbell.scheduler.requests import Requests


class Verbs:
    """Some verbs of the scheduler, over its core."""

    _core: Core
    _requests: Requests


def id_of(thing: str | Run | Schedule) -> str:
    """The id of a run or schedule that may be given itself."""
    return thing.id if isinstance(thing, Run | Schedule) else thing
