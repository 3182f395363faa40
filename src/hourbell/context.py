"""The run that a body is in: told to the body by a parameter, or found by `current_run`."""

from __future__ import annotations

import logging
import sys
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from hourbell.errors import HourbellError

if TYPE_CHECKING:
    import contextvars
    from collections.abc import MutableMapping
    from datetime import datetime, timedelta

    from hourbell.effects import Effect, Hold
    from hourbell.model.run import Run
    from hourbell.once import Guards, Once

_current: ContextVar[Context | None] = ContextVar("hourbell_current_run", default=None)
_runs = logging.getLogger("hourbell.run")


class Notebook(Protocol):
    """Takes down what a body says. May be called from any thread; never raises and never waits."""

    level: int
    """Records below this are not taken down."""

    def progress(self, context: Context, done: object, total: object, note: object) -> None:
        """The body has come so far."""

    def line(self, context: Context, level: int, logger: str, message: str) -> None:
        """The body has logged this."""


class RunLog(logging.LoggerAdapter[logging.Logger]):
    """A logger whose records carry task, run_id, schedule_id, attempt and tracking_id as fields.

    They are kept with the run from the level on that its settings say, whatever the loggers of the application print,
    and from whichever thread or task: this logger knows its run.
    """

    def __init__(self, context: Context) -> None:
        known = ("task", "run_id", "schedule_id", "attempt", "tracking_id")
        super().__init__(_runs, {name: getattr(context, name) for name in known})
        self._context = context

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - the name that logging gives it
        """True when the record would be printed, or kept with the run."""
        notebook = notebook_of(self._context)
        return self.logger.isEnabledFor(level) or (notebook is not None and level >= notebook.level)

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        """Log it, as part of this run."""
        if not self.isEnabledFor(level):
            return
        with self._context.entered():
            if self.logger.isEnabledFor(level):
                # One frame more between the caller and the logger: this one.
                super().log(level, msg, *args, **{**kwargs, "stacklevel": kwargs.get("stacklevel", 1) + 1})
            else:
                # Made, and thereby kept with the run, but shown to no handler.
                logging.getLogRecordFactory()(
                    self.logger.name, level, "", 0, msg, args, _exception(kwargs.get("exc_info")), None, None
                )

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        """Add the fields of the run to those that the call gives."""
        kwargs["extra"] = {**(self.extra or {}), **(kwargs.get("extra") or {})}
        return msg, kwargs


class Entered:
    """See `Context.entered`."""

    __slots__ = ("_context", "_token")

    def __init__(self, context: Context) -> None:
        self._context = context
        self._token: contextvars.Token[Context | None]

    def __enter__(self) -> Context:
        self._token = _current.set(self._context)
        return self._context

    def __exit__(self, *_: object) -> None:
        leave(self._token)


@dataclass(eq=False, kw_only=True)
class Context:
    """The current run, as its body sees it: a parameter that is annotated ``Context`` is given it.

    ``run_id``, ``task`` and ``schedule_id``  ids, as in the database; no schedule for a run requested by hand.
    ``fire_at``  the due time this run stands for (aware UTC); None for a run requested by hand.
    ``attempt``  1 for the first try; it rises with every claim. ``fence`` is the same number under the name it has
    where it guards writes: another system that remembers the highest fence it saw can refuse a node that was replaced.
    ``tracking_id``  one id for a chain of runs: runs enqueued inside a body inherit it.
    ``cancelled``  True once this attempt should end: the run was cancelled, timed out or taken over. Bodies in threads
    look at it now and then; async bodies are cancelled as well.
    """

    run_id: str
    task: str
    schedule_id: str | None
    fire_at: datetime | None
    attempt: int
    tracking_id: str
    _notebook: Notebook | None = field(default=None, repr=False)
    _unwanted: bool = field(default=False, repr=False)
    _heeded: bool = field(default=False, repr=False)
    _log: RunLog | None = field(default=None, repr=False)
    _hold: Hold | None = field(default=None, repr=False)
    _guards: Guards | None = field(default=None, repr=False)
    _due_at: datetime | None = field(default=None, repr=False)

    @classmethod
    def of(cls, run: Run, notebook: Notebook | None = None) -> Context:
        """The context of this run's present attempt."""
        # One is made for each run: what is as by default is left to the class, and not set.
        context = object.__new__(cls)
        context.run_id = run.id
        context.task = run.task
        context.schedule_id = run.schedule_id
        context.fire_at = run.fire_at
        context.attempt = run.attempt
        context.tracking_id = run.tracking_id or run.id
        context._notebook = notebook
        context._due_at = run.fire_at or run.created_at
        return context

    @property
    def cancelled(self) -> bool:
        """True once this attempt should end."""
        if self._unwanted:
            self._heeded = True
        return self._unwanted

    @property
    def fence(self) -> int:
        """The attempt number: it never falls, and a settle under an older one is refused."""
        return self.attempt

    @property
    def log(self) -> RunLog:
        """A logger that knows which run it speaks of, from whichever thread; its lines are kept with the run."""
        if self._log is None:
            self._log = RunLog(self)
        return self._log

    def progress(self, done: float, total: float | None = None, note: str | None = None) -> None:
        """Say how far the body has come: ``done`` of ``total``, in any unit, and in words.

        To be called as often as one likes, from any thread or task: the run in the database follows about once a
        second, and its end has the last word. It never waits, and what it cannot read it leaves out.
        """
        if self._notebook is not None:
            self._notebook.progress(self, done, total, note)

    def effect(self, session: Any) -> Effect:
        """``async with context.effect(session) as effect:`` commits the session's writes and this run's success as one.

        ``session``  of SQLAlchemy or SQLModel, or a connection of asyncpg, on the scheduler's own database; with one
        that is never awaited, in a body that is a plain function, it is ``with``. Leaving the block ends the run with
        what was given to ``effect.result(value)``, and commits. If the block raises, the session is rolled back and the
        run ends as the body ends. What the body enqueues inside is part of the same commit.

        Raises LeaseLost when the run is not this node's to end any more: nothing was committed then. HourbellError
        for a second effect, and where the body runs out of the node's sight, as in another process.
        """
        if self._hold is None:
            raise HourbellError(
                "effect() needs a run whose body the node itself runs, as coroutine or in a thread: not one in another "
                "process, and no context that was made by hand"
            )
        return self._hold.effect(session)

    def once(
        self,
        key: str,
        *,
        period: timedelta | str | None = None,
        wait: float | None = None,
        timezone: str | None = None,
    ) -> Once:
        """``async with context.once(key, period="day") as first:`` is true for one caller in a period, over all nodes.

        ``with`` in a plain function. See `Scheduler.once`: the period is that of the run's due time, in the zone of its
        schedule. Raises HourbellError for a context that was made by hand.
        """
        guards = self._guards if self._guards is not None else self._hold.guards if self._hold is not None else None
        if guards is None:
            raise HourbellError("once() needs a run: this context was made by hand; outside of runs use scheduler.once")
        return guards.once(self, key, period=period, wait=wait, timezone=timezone)

    def entered(self) -> Entered:
        """``with``: make this the current run of the code inside, and of what copies its context variables."""
        return Entered(self)


def enter(context: Context) -> contextvars.Token[Context | None]:
    """As `Context.entered`, for who calls `leave` with the answer whatever happens."""
    return _current.set(context)


def leave(token: contextvars.Token[Context | None]) -> None:
    """This code is part of the run no longer."""
    try:  # noqa: SIM105 - each body comes through here, and what would suppress it costs more than all of this
        _current.reset(token)
    except ValueError:
        # What a loop left behind that is gone is closed wherever the collector finds it, in whose context there is
        # nothing to take back. An error of ours would hide why it is closed.
        pass


def current_run() -> Context | None:
    """The run that this code is part of, or None outside of any (as in a request)."""
    return _current.get()


def ask_to_end(context: Context) -> None:
    """The attempt should end: from now on ``cancelled`` says so."""
    context._unwanted = True


def has_heeded(context: Context) -> bool:
    """True when the body has seen that it should end: if it returns, then for that."""
    return context._heeded


def run_of(variables: contextvars.Context) -> Context | None:
    """The run to which code with these context variables belongs."""
    return variables.get(_current)


def notebook_of(context: Context) -> Notebook | None:
    """Where what this body says is taken down; None when it is not, or not any more."""
    return context._notebook


def lend(context: Context, hold: Hold) -> None:
    """Let the body's effect act for its attempt."""
    context._hold = hold


def lend_guards(context: Context, guards: Guards) -> None:
    """Let the body's guards be those of another process."""
    context._guards = guards


def due_at_of(context: Context) -> datetime | None:
    """When the run was due, or was asked for; None for a context that was made by hand."""
    return context._due_at


def take_back(context: Context) -> None:
    """The body is over: there is nobody who could have an effect."""
    context._hold = None


def hush(context: Context) -> None:
    """The attempt is over: what its body still says is not taken down any more."""
    context._notebook = None


def _exception(given: Any) -> Any:
    """What a record carries for ``exc_info`` as it was given to a logger."""
    if isinstance(given, BaseException):
        return type(given), given, given.__traceback__
    return sys.exc_info() if given and not isinstance(given, tuple) else given
