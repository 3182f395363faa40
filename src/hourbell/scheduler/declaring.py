"""The decorators: tasks and schedules that the code declares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Concatenate, Never, ParamSpec, Protocol, TypeVar, overload

from hourbell.errors import HourbellError, InvalidArguments
from hourbell.model.policies import OF_TASKS, checked_policies, refuse_tasks_own, without_tasks_own
from hourbell.scheduler.declarations import Declared, checked_id
from hourbell.scheduler.verbs import Verbs
from hourbell.task import Task
from hourbell.triggers import At, CalendarEvery, Cron, Every

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import date, datetime, time
    from typing import Unpack

    from hourbell.context import Context
    from hourbell.scheduler.options import PolicyOptions
    from hourbell.task import ContextTask
    from hourbell.triggers import Trigger
    from hourbell.triggers.cron import Part
    from hourbell.triggers.dst import Fold, Gap

P = ParamSpec("P")
R = TypeVar("R")
# What says how a body runs is wanted for its runs by hand too; the rest is about fires.
_BODY_POLICIES = OF_TASKS | {
    *("retry", "timeout", "timeout_grace", "on_lost", "lost_limit", "queue", "priority", "executor"),
}


class TaskDecorator(Protocol):
    """Makes a task of a function, and keeps its signature for type checkers."""

    @overload
    def __call__(self, function: Callable[Concatenate[Context, P], R], /) -> ContextTask[P, R]: ...

    @overload
    def __call__(self, function: Callable[P, R], /) -> Task[P, R]: ...


class Declaring(Verbs):
    """``task``, ``cron``, ``every``, ``calendar``, ``at``. They may be stacked: each adds a schedule."""

    @overload
    def task(self, function: Callable[Concatenate[Context, P], R], /) -> ContextTask[P, R]: ...

    @overload
    def task(self, function: Callable[P, R], /) -> Task[P, R]: ...

    @overload
    def task(
        self, *, name: str | None = None, aliases: Iterable[str] = (), **policies: Unpack[PolicyOptions]
    ) -> TaskDecorator: ...

    # mypy does not see that **options takes what Unpack[PolicyOptions] lists.
    def task(self, function: Callable[..., Any] | None = None, /, **options: Any) -> Any:  # type: ignore[misc]
        """Register a function as a task: ``@scheduler.task`` or ``@scheduler.task(name=…, retry=…)``.

        ``name``  what the database remembers; ``module:qualname`` unless given. ``aliases``  earlier names whose stored
        runs and schedules are still to be run. Raises InvalidArguments when the function could not be found or called
        again after a restart, or another task has the name.
        """

        def decorate(function: Callable[P, R], /) -> Task[P, R]:
            if isinstance(function, Task):
                raise InvalidArguments(f"{function!r} is a task already: put @scheduler.task nearest to the function")
            return self._register(function, **options)

        return decorate if function is None else decorate(function)

    def cron(
        self,
        expr: str | None = None,
        timezone: str | None = None,
        *,
        gap: Gap | None = None,
        fold: Fold | None = None,
        year: Part = None,
        month: Part = None,
        day: Part = None,
        week: Part = None,
        day_of_week: Part = None,
        hour: Part = None,
        minute: Part = None,
        second: Part = None,
        id: str | None = None,  # noqa: A002 - a public name
        args: Mapping[str, Any] | None = None,
        **policies: Unpack[PolicyOptions],
    ) -> TaskDecorator:
        """Run the function at the times of a cron expression, or of fields by their names; see `Cron`.

        ``id``  the schedule's name, the task's unless given. ``args``  named arguments for its runs. Without
        ``timezone`` the scheduler's own counts. Raises TriggerError and InvalidArguments.
        """
        trigger = Cron(
            expr,
            timezone,
            gap,
            fold,
            year=year,
            month=month,
            day=day,
            week=week,
            day_of_week=day_of_week,
            hour=hour,
            minute=minute,
            second=second,
        )
        return self._scheduled(trigger, id, args, policies)

    def every(
        self,
        *unnamed: Never,
        weeks: float = 0,
        days: float = 0,
        hours: float = 0,
        minutes: float = 0,
        seconds: float = 0,
        start: datetime | str | None = None,
        end: datetime | str | None = None,
        id: str | None = None,  # noqa: A002 - a public name
        args: Mapping[str, Any] | None = None,
        **policies: Unpack[PolicyOptions],
    ) -> TaskDecorator:
        """Run the function again and again after so much elapsed time; see `Every`.

        Counted from ``start``, else from the second in which the schedule is first stored. ``id`` and ``args`` as for
        `cron`. Raises TriggerError and InvalidArguments.
        """
        checked_policies(policies)  # first, as `second=5` would else be told that it has no period
        trigger = Every(
            *unnamed, weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds, start=start, end=end
        )
        return self._scheduled(trigger, id, args, policies)

    def calendar(
        self,
        *,
        years: int = 0,
        months: int = 0,
        weeks: int = 0,
        days: int = 0,
        time: time | str = "00:00",
        start_day: date | str | None = None,
        end_day: date | str | None = None,
        timezone: str | None = None,
        gap: Gap | None = None,
        fold: Fold | None = None,
        id: str | None = None,  # noqa: A002 - a public name
        args: Mapping[str, Any] | None = None,
        **policies: Unpack[PolicyOptions],
    ) -> TaskDecorator:
        """Run the function every so many years, months, weeks or days, at a time of day; see `CalendarEvery`.

        Counted from ``start_day``, else from the day on which the schedule is first stored. ``id`` and ``args`` as for
        `cron`. Raises TriggerError and InvalidArguments.
        """
        checked_policies(policies)
        trigger = CalendarEvery(
            years=years,
            months=months,
            weeks=weeks,
            days=days,
            time=time,
            start_day=start_day,
            end_day=end_day,
            timezone=timezone,
            gap=gap,
            fold=fold,
        )
        return self._scheduled(trigger, id, args, policies)

    def at(
        self,
        instant: datetime | str,
        timezone: str | None = None,
        *,
        id: str | None = None,  # noqa: A002 - a public name
        args: Mapping[str, Any] | None = None,
        **policies: Unpack[PolicyOptions],
    ) -> TaskDecorator:
        """Run the function once, at an instant (aware, or a time of the wall clock in ``timezone``); see `At`.

        One that has passed when the schedule is first stored runs at once, under ``catch_up`` and ``grace``, and none
        runs twice. ``id`` and ``args`` as for `cron`. Raises TriggerError, InvalidArguments.
        """
        return self._scheduled(At(instant, timezone), id, args, policies)

    def _scheduled(
        self, trigger: Trigger, given_id: str | None, args: Mapping[str, Any] | None, policies: Mapping[str, Any]
    ) -> TaskDecorator:
        spec = checked_policies(policies)

        def decorate(function: Callable[..., Any], /) -> Any:
            task = self._adopted(function, spec)
            self._declare(trigger, given_id, task, args or {}, without_tasks_own(spec))
            return task

        return decorate

    def _adopted(self, function: Callable[P, R], policies: Mapping[str, Any]) -> Task[P, R]:
        """The task that decorators below this one made, or a new one."""
        if not isinstance(function, Task):
            body = {name: value for name, value in policies.items() if name in _BODY_POLICIES}
            return self._register(function, **body)
        refuse_tasks_own(policies)
        if self._core.tasks.find(function.name) is not function:
            raise InvalidArguments(f"{function!r} belongs to another scheduler: register the plain function here")
        return function

    def _register(
        self, function: Callable[P, R], *, name: str | None = None, aliases: Iterable[str] = (), **policies: Any
    ) -> Task[P, R]:
        ours = {policy: value for policy, value in self._core.defaults.items() if policy in OF_TASKS}
        task = Task(function, enqueuer=self._requests, name=name, aliases=aliases, policies={**ours, **policies})
        self._core.tasks.add(task)
        return task

    def _declare(
        self,
        trigger: Trigger,
        given_id: str | None,
        task: Task[..., Any],
        args: Mapping[str, Any],
        policies: Mapping[str, Any],
    ) -> None:
        if self._core.node is not None:
            raise HourbellError(
                f"the schedule of {task.name} was declared after the scheduler had started: import its module before, "
                "or use add_schedule for schedules that come and go"
            )
        schedule_id = checked_id(given_id if given_id is not None else task.name)
        if schedule_id in self._core.declared:
            raise InvalidArguments(
                f"two schedules are declared with the id {schedule_id!r}: give each its own, as in id='nightly' "
                "(without one a schedule takes the name of its task)"
            )
        self._core.declared[schedule_id] = Declared(
            id=schedule_id, task=task, trigger=trigger, args=dict(args), policies=policies
        )
