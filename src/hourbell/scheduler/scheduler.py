"""`Scheduler`: all verbs together, over one core."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hourbell.model.names_elsewhere import VERBS_ELSEWHERE
from hourbell.scheduler.admin import AdminVerbs
from hourbell.scheduler.auditing import AuditVerbs
from hourbell.scheduler.backfills import BackfillVerbs
from hourbell.scheduler.calendars import CalendarVerbs
from hourbell.scheduler.core import Core
from hourbell.scheduler.declaring import Declaring
from hourbell.scheduler.diagnosing import DiagnosisVerbs
from hourbell.scheduler.guards import GuardVerbs
from hourbell.scheduler.lifespan import LifeVerbs
from hourbell.scheduler.logs import LogVerbs
from hourbell.scheduler.requests import Requests
from hourbell.scheduler.retrying import RetryVerbs
from hourbell.scheduler.runs import RunVerbs
from hourbell.scheduler.schedules import ScheduleVerbs
from hourbell.scheduler.watching import WatchVerbs

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Unpack

    from hourbell.clock import Clock
    from hourbell.middleware import Middleware
    from hourbell.scheduler.options import SchedulerOptions
    from hourbell.settings import Settings


class Scheduler(
    Declaring,
    ScheduleVerbs,
    BackfillVerbs,
    CalendarVerbs,
    RunVerbs,
    RetryVerbs,
    LogVerbs,
    AuditVerbs,
    GuardVerbs,
    WatchVerbs,
    AdminVerbs,
    DiagnosisVerbs,
    LifeVerbs,
):
    """Schedules, their tasks and their runs, on one database.

    ``database``  a URL (``postgresql://…``, ``sqlite:///path``, ``memory://`` for tests), a SQLAlchemy AsyncEngine, or
    nothing: ``HOURBELL_DATABASE_URL``, ``DATABASE_URL``, else the file ``hourbell.db``. Every setting may be given by
    its name, and every policy too, which is then the default of all tasks. ``middleware``  see `add_middleware`; the
    first is outermost. ``clock`` is for tests.

    Making one touches no database. Raises InvalidArguments naming the option that is wrong.
    """

    def __init__(
        self,
        database: object = None,
        *,
        clock: Clock | None = None,
        middleware: Iterable[Middleware] = (),
        **options: Unpack[SchedulerOptions],
    ) -> None:
        self._core = Core(database, clock, options)
        self._requests = Requests(self._core)
        for one in middleware:
            self.add_middleware(one)

    if not TYPE_CHECKING:  # type checkers are to say what there is not

        def __getattr__(self, name: str) -> object:
            there_is_none = f"{type(self).__name__!r} object has no attribute {name!r}"
            instead = VERBS_ELSEWHERE.get(name)
            if instead is not None:
                there_is_none += f"; here it is {instead}"
            raise AttributeError(there_is_none, name=name, obj=self)

    @property
    def settings(self) -> Settings:
        """The settings in force, each by its name; ``database_url`` with its password."""
        return self._core.settings

    @property
    def clock(self) -> Clock:
        """The clock in use: its ``now()`` is the best estimate of the database's present instant."""
        return self._core.clock

    def __repr__(self) -> str:
        return f"<Scheduler on {self._core.settings.database.shown}>"
