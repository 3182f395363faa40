"""A task: a registered callable with its policies; and the registry of those that this process knows."""

from __future__ import annotations

import functools
import inspect
import sys
from asyncio import coroutines
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, Protocol, TypeVar

from hourbell.arguments import Arguments
from hourbell.errors import InvalidArguments, UnknownTask
from hourbell.model.limit import Limit
from hourbell.model.module_name import lasting_name
from hourbell.model.names_elsewhere import CALLS_ELSEWHERE
from hourbell.model.policies import checked_policies
from hourbell.place import Place
from hourbell.results import RESULT_MAX, result_text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
    from datetime import datetime, timedelta

    from hourbell.arguments import Asked
    from hourbell.context import Context
    from hourbell.effects import Effect, Hold
    from hourbell.model.run import Run
    from hourbell.once import Once

P = ParamSpec("P")
R = TypeVar("R")
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a request by hand says besides the arguments; None: as the task's policies have it.

    ``run_at``  an aware instant before which the run does not start; ``delay``  the same as a duration from now.
    ``key``  a second request for the same task under the same key answers the first one's run, as long as that is kept;
    with ``key_period`` only while that was asked for less long ago.
    ``session``  the application's transaction, with which the request stands or falls.
    """

    run_at: datetime | None = None
    delay: float | timedelta | None = None
    key: str | None = None
    key_period: float | timedelta | None = None
    priority: int | None = None
    queue: str | None = None
    session: Any = None


_USUAL = Request()


class Enqueuer(Protocol):
    """Who takes requests: the scheduler that the task belongs to."""

    async def enqueue(self, task: Task[..., Any], args: Asked, request: Request) -> Run:
        """Store the request and answer its run."""

    def enqueue_sync(self, task: Task[..., Any], args: Asked, request: Request) -> Run:
        """The same without await."""

    def effect(self, hold: Hold, session: Any) -> Effect:
        """The effect of an attempt in this session."""

    def once(
        self, context: Context, key: str, *, period: timedelta | str | None, wait: float | None, timezone: str | None
    ) -> Once:
        """The block of work that is done once."""


class Task(Generic[P, R]):
    """A registered function. Calling it calls the function itself, here and now; `enqueue` asks for a run of it.

    ``name`` is what the database remembers; ``aliases`` are earlier names whose stored runs are still understood.
    ``policies`` are those given for the task, as JSON; ``limit`` is its ``concurrency``, None when it has none.
    """

    def __init__(
        self,
        function: Callable[P, R],
        *,
        enqueuer: Enqueuer | None = None,
        name: str | None = None,
        aliases: Iterable[str] = (),
        policies: Mapping[str, Any] | None = None,
    ) -> None:
        _refuse_unrunnable(function)
        self.name = _checked_name(name) if name is not None else default_name(function)
        self.aliases = tuple(_checked_name(alias) for alias in aliases)
        self.function = function
        self.is_async = _is_async(function)
        self.policies = checked_policies(policies or {})
        most = self.policies.get("concurrency")
        self.limit = Limit((self.name, *self.aliases), most) if most is not None else None
        self.arguments = Arguments(function, self.name)
        self._enqueuer = enqueuer
        self.place: Place | None = None
        self._refuse_executor()
        functools.update_wrapper(self, function)
        if self.is_async:
            _mark_async(self)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function itself. Nothing is recorded."""
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<Task {self.name}>"

    if not TYPE_CHECKING:  # type checkers are to say what there is not

        def __getattr__(self, name: str) -> Any:
            there_is_none = f"{type(self).__name__!r} object has no attribute {name!r}"
            instead = CALLS_ELSEWHERE.get(name)
            if instead is not None:
                there_is_none += f"; a run is asked for by {instead.format(self.__dict__.get('__name__', 'task'))}"
            raise AttributeError(there_is_none, name=name, obj=self)

    async def enqueue(self, *args: P.args, **kwargs: P.kwargs) -> Run:
        """Ask for one run with these arguments, as soon as a node has room, and answer it as stored.

        When this returns the run is recorded and survives any crash. Raises InvalidArguments when the arguments do not
        fit the signature, StoreUnavailable when nothing could be recorded. A plain function, which cannot await, says
        ``task.options().enqueue_sync(…)``.
        """
        return await self._owner().enqueue(self, self.arguments.asked(args, kwargs), _USUAL)

    def options(
        self,
        *,
        run_at: datetime | None = None,
        delay: float | timedelta | None = None,
        key: str | None = None,
        key_period: float | timedelta | None = None,
        priority: int | None = None,
        queue: str | None = None,
        session: Any = None,
    ) -> RequestedTask[P]:
        """The same task, to be enqueued under these conditions: ``await task.options(delay=60).enqueue(...)``.

        ``run_at``  an aware instant before which the run does not start. ``delay``  the same in seconds, or a
        timedelta, from the database's present instant. ``key``  1 to 200 characters that make the request repeatable:
        the same key answers the same run of this task, however that ended, as long as it is kept, or for
        ``key_period`` (seconds, or a timedelta) since it was asked for. ``priority`` (-1000 to 1000, lower first) and
        ``queue``  in place of the task's own.

        ``session``  of SQLAlchemy or SQLModel (a session or a connection, async or sync), or a connection of asyncpg:
        the request is written in its transaction, so the run exists if that commits, and only then. Nodes hear of it
        after the commit of a session, and find the rest by their next poll. The session must be on the scheduler's own
        database; InvalidArguments is raised where it is seen not to be.
        """
        request = Request(
            run_at=run_at,
            delay=delay,
            key=key,
            key_period=key_period,
            priority=priority,
            queue=queue,
            session=session,
        )
        return RequestedTask(self, request)

    def bound(self, *args: P.args, **kwargs: P.kwargs) -> dict[str, Any]:
        """These arguments by name, checked and as JSON: what is stored, as for the ``args`` of `add_schedule`.

        Raises InvalidArguments naming the argument.
        """
        return self.arguments.bind(args, kwargs)

    def prepare(self, args: Mapping[str, Any], context: Context) -> Callable[[], Any]:
        """A call without arguments that runs the body on stored arguments; await its answer when ``is_async``.

        Raises InvalidArguments when they do not fit the function as it is now.
        """
        return functools.partial(self.function, **self.arguments.load(args, context))

    def prepare_run(self, run: Run, context: Context) -> Callable[[], Any]:
        """`prepare` for the arguments of this run."""
        text = run.stored_args
        if text is None:
            return self.prepare(run.args, context)
        return functools.partial(self.function, **self.arguments.load_text(text, context))

    def dump_result(self, value: Any, limit: int = RESULT_MAX) -> str | None:
        """What the body returned, as JSON text to be stored; None when there is nothing to keep.

        Raises ResultRejected when it is no JSON, or longer than ``limit`` bytes of it.
        """
        return result_text(value, limit)

    def effect(self, hold: Hold, session: Any) -> Effect:
        """See `Context.effect`."""
        return self._owner().effect(hold, session)

    def once(
        self, context: Context, key: str, *, period: timedelta | str | None, wait: float | None, timezone: str | None
    ) -> Once:
        """See `Context.once`."""
        return self._owner().once(context, key, period=period, wait=wait, timezone=timezone)

    def _ask_sync(self, request: Request, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Run:
        return self._owner().enqueue_sync(self, self.arguments.asked(args, kwargs), request)

    def _owner(self) -> Enqueuer:
        if self._enqueuer is None:
            raise InvalidArguments(f"task {self.name} belongs to no scheduler: register it with @scheduler.task")
        return self._enqueuer

    def _refuse_executor(self) -> None:
        executor = self.policies.get("executor", "auto")
        if executor == "async" and not self.is_async:
            raise InvalidArguments(f"task {self.name}: executor='async' needs an `async def`, or leave it out")
        if executor == "process":
            _refuse_windows(self.name)
            self.place = Place.of(self.function, self.name)
        if executor == "thread" and self.is_async:
            raise InvalidArguments(f"task {self.name}: executor='thread' needs a plain `def`, or leave it out")


if TYPE_CHECKING:

    class ContextTask(Task[P, R]):
        """For type checkers: a task whose function takes the run's context first. It is given to the body, so that
        `enqueue` and `bound` take the other arguments only; a plain call takes it as well."""

        def __call__(self, context: Context, /, *args: P.args, **kwargs: P.kwargs) -> R:  # type: ignore[override]
            """Call the function itself."""


@dataclass(frozen=True, slots=True)
class RequestedTask(Generic[P]):
    """A task with the conditions of a request, ready to be enqueued."""

    task: Task[P, Any]
    request: Request

    async def enqueue(self, *args: P.args, **kwargs: P.kwargs) -> Run:
        """As `Task.enqueue`, under these conditions."""
        task = self.task
        return await task._owner().enqueue(task, task.arguments.asked(args, kwargs), self.request)

    def enqueue_sync(self, *args: P.args, **kwargs: P.kwargs) -> Run:
        """As `enqueue`, without await: for plain functions, such as a `def` endpoint or a `def` body.

        In a ``session`` that needs no await (a `Session` or `Connection` of SQLAlchemy), or inside an effect, the
        request is written there, in any thread. Without one the thread waits while the scheduler's event loop writes
        it; so it must be another thread than that of an event loop, in the process in which the scheduler is open.

        Raises InvalidArguments where it would block an event loop, or the session has to be awaited; StoreUnavailable
        when nothing could be recorded, or the scheduler is not open.
        """
        return self.task._ask_sync(self.request, args, kwargs)


class TaskRegistry:
    """The tasks that this process can run, by name and by alias."""

    def __init__(self) -> None:
        self._by_name: dict[str, Task[..., Any]] = {}

    def add(self, task: Task[..., Any]) -> None:
        """Register a task. Raises InvalidArguments when another one claims one of its names."""
        for name in (task.name, *task.aliases):
            known = self._by_name.get(name)
            if known is not None and known is not task:
                raise InvalidArguments(
                    f"two tasks claim the name {name!r}: give one of them another, as in @scheduler.task(name=…); "
                    "stored runs find their function by this name"
                )
        # A new dict instead of a changed one: the node's thread reads it at any moment.
        self._by_name = {**self._by_name, **dict.fromkeys((task.name, *task.aliases), task)}

    def get(self, name: str) -> Task[..., Any]:
        """The task of this name or alias. Raises UnknownTask."""
        task = self._by_name.get(name)
        if task is None:
            raise UnknownTask(f"no task {name!r} is registered in this process: import the module that defines it")
        return task

    def find(self, name: str) -> Task[..., Any] | None:
        """The task of this name or alias, or None."""
        return self._by_name.get(name)

    def names(self) -> Collection[str]:
        """Every name and alias: what this process may claim."""
        return self._by_name.keys()

    def __iter__(self) -> Iterator[Task[..., Any]]:
        return iter(dict.fromkeys(self._by_name.values()))

    def __len__(self) -> int:
        return len(set(self._by_name.values()))


def default_name(function: Callable[..., Any]) -> str:
    """``module:qualname``, with the file's stem for the module of a script.

    Raises InvalidArguments when the function has no name by which it would be found again after a restart.
    """
    qualname = getattr(function, "__qualname__", None)
    module = getattr(function, "__module__", None)
    if not qualname or not module:
        raise InvalidArguments(
            f"{type(function).__name__} objects have no name of their own by which a stored run would find them again: "
            "give one, as in @scheduler.task(name=…)"
        )
    if qualname.rpartition(".")[2] == "<lambda>":
        raise InvalidArguments(
            "a lambda has no name by which a stored run would find it again: give name=…, or use def"
        )
    if getattr(function, "__self__", None) is not None and not inspect.ismodule(function.__self__):  # type: ignore[attr-defined]
        raise InvalidArguments(
            f"{qualname} is bound to one object, which a stored run would not find again after a restart: "
            "give name=…, or use a function that gets the object inside"
        )
    return _checked_name(f"{lasting_name(module)}:{qualname}")


def _checked_name(name: str) -> str:
    if not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
        raise InvalidArguments(f"task name {name[:60]!r}: give 1 to {_LONGEST_NAME} printable characters")
    return name


def _refuse_unrunnable(function: Any) -> None:
    if isinstance(function, str):
        raise InvalidArguments(f"a task's name is given by its keyword, as in @scheduler.task(name={function[:60]!r})")
    if not callable(function) or inspect.isclass(function):
        raise InvalidArguments(f"{function!r} is no function: a task is made from a `def` or an `async def`")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise InvalidArguments(f"{function.__qualname__} yields: calling it would run nothing of its body; use return")
    parameters = list(inspect.signature(function).parameters)
    if parameters[:1] in (["self"], ["cls"]) and "." in getattr(function, "__qualname__", ""):
        raise InvalidArguments(
            f"{function.__qualname__} is a method, and a stored run would not find its object again after a restart: "
            "use a function that gets the object inside"
        )


def _refuse_windows(label: str) -> None:
    if sys.platform == "win32":
        raise InvalidArguments(
            f"task {label}: executor='process' ends its children by process groups and signals, which Windows does not "
            "have: leave it out, so that the body runs in a thread, or run this node on Linux or macOS (WSL will do)"
        )


def _mark_async(task: Task[..., Any]) -> None:
    """Let whoever asks hear that its call is to be awaited: background tasks of a response are not, otherwise."""
    if hasattr(inspect, "markcoroutinefunction"):
        inspect.markcoroutinefunction(task)
    else:  # before Python 3.12, what asyncio.iscoroutinefunction looks for
        setattr(task, "_is_coroutine", getattr(coroutines, "_is_coroutine"))  # noqa: B009, B010 - types know neither


def _is_async(function: Any) -> bool:
    while isinstance(function, functools.partial):
        function = function.func
    return any(inspect.iscoroutinefunction(part) for part in (function, type(function).__call__))
