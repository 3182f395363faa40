"""Runs asked for by hand: from a task's arguments to a row, with its ancestry."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypedDict

from hourbell.at_once import at_once
from hourbell.context import current_run
from hourbell.effects import effect_session
from hourbell.errors import InvalidArguments
from hourbell.guards.effect import Effect
from hourbell.model.ids import new_run_id
from hourbell.model.policies import Policies, checked_policies, without_tasks_own
from hourbell.model.run import NewRun, Run
from hourbell.model.run_state import Origin
from hourbell.scheduler.pages import checked_instant, checked_year
from hourbell.scheduler.transactions import EffectPlace, joined
from hourbell.sessions import transaction_of
from hourbell.tracking import current_tracking_id

if TYPE_CHECKING:
    from hourbell.arguments import Asked
    from hourbell.clock import Clock
    from hourbell.context import Context
    from hourbell.effects import Hold
    from hourbell.guards.once import Once
    from hourbell.scheduler.core import Core
    from hourbell.task import Request, Task

_LONGEST_KEY = 200
_LONGEST_DELAY = timedelta(days=10 * 366)


class Ancestry(TypedDict):
    """Where a request comes from: one that is made in a body belongs to that body's chain."""

    id: str
    parent: str | None
    tracking_id: str | None


class Requests:
    """Takes the requests of a scheduler's tasks."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._usual: dict[Task[..., Any], tuple[dict[str, Any], Policies]] = {}

    async def enqueue(self, task: Task[..., Any], args: Asked, request: Request) -> Run:
        """Store a run of the task and let a node know. ``args`` are checked already. Raises InvalidArguments."""
        new = self._new(task, args, request)
        session = request.session if request.session is not None else effect_session()
        if session is not None:
            return await self._joined(task, new, session, must_be_sync=False)
        return await self._core.batches.put(new)

    def enqueue_sync(self, task: Task[..., Any], args: Asked, request: Request) -> Run:
        """The same without await: in a session that never waits, such as SQLAlchemy's `Session`, in whichever thread;
        without a session in a thread that runs no event loop."""
        session = request.session if request.session is not None else effect_session()
        if session is not None:
            return at_once(self._joined(task, self._new(task, args, request), session, must_be_sync=True))
        _refuse_event_loop()
        new = self._new(task, args, request)  # here, for the run and the chain that this thread belongs to
        return self._core.wait_for(lambda: self._core.batches.put(new))

    def effect(self, hold: Hold, session: Any) -> Effect:
        """See `Context.effect`. Raises InvalidArguments for what is no session."""
        return Effect(session, transaction_of(session), hold, EffectPlace(self._core))

    def once(
        self, context: Context, key: str, *, period: timedelta | str | None, wait: float | None, timezone: str | None
    ) -> Once:
        """See `Context.once`."""
        return self._core.guards.once(context, key, period=period, wait=wait, timezone=timezone)

    async def _joined(self, task: Task[..., Any], new: NewRun, session: Any, *, must_be_sync: bool) -> Run:
        """Write it in the session's transaction."""
        own = await joined(self._core, session, must_be_sync=must_be_sync)
        (run,) = await own.verbs.enqueue([new])
        own.wake_after_commit(partial(self._core.wake, task.name, new.queue))
        return run

    def _new(self, task: Task[..., Any], args: Asked, request: Request) -> NewRun:
        policies, effective = self._policies(task, request)
        return NewRun(
            **ancestry(self._core.clock),
            task=task.name,
            origin=Origin.ENQUEUE,
            args=args.named,
            args_text=args.text,
            run_at=checked_year("run_at", checked_instant("run_at", request.run_at)),
            delay=_checked_delay(request),
            key=checked_key(request.key),
            key_period=_checked_key_period(request),
            queue=effective.queue,
            priority=effective.priority,
            on_lost=effective.on_lost,
            lost_limit=effective.lost_limit,
            policies=policies or None,
        )

    def _policies(self, task: Task[..., Any], request: Request) -> tuple[dict[str, Any], Policies]:
        """What a run of this request carries, and all that this comes to."""
        is_usual = request.queue is None and request.priority is None
        if is_usual and (usual := self._usual.get(task)) is not None:
            return usual
        given = {"queue": request.queue, "priority": request.priority}
        asked = checked_policies({name: value for name, value in given.items() if value is not None})
        policies = {**without_tasks_own({**self._core.defaults, **task.policies}), **asked}
        found = policies, Policies.layered(policies)
        if is_usual:
            self._usual[task] = found
        return found


def _refuse_event_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise InvalidArguments(
        "enqueue_sync would block the event loop of this thread while the database answers: use `await …enqueue(…)`, "
        "or give a session that needs no await, as in task.options(session=session)"
    )


def ancestry(clock: Clock) -> Ancestry:
    """The id of a new run, made here so that a repeated request can be recognised, and the chain it belongs to."""
    context = current_run()
    return Ancestry(
        id=new_run_id(clock.now()),
        parent=context.run_id if context else None,
        tracking_id=current_tracking_id(),
    )


def checked_key(key: object) -> str | None:
    """A key of 1 to 200 characters, or none. Raises InvalidArguments."""
    if key is None:
        return None
    if not isinstance(key, str) or not 0 < len(key) <= _LONGEST_KEY or not key.isprintable():
        raise InvalidArguments(
            f"key {str(key)[:60]!r}: give 1 to {_LONGEST_KEY} printable characters, or None", at="key"
        )
    return key


def _checked_key_period(request: Request) -> timedelta | None:
    given: object = request.key_period
    if given is None:
        return None
    if request.key is None:
        raise InvalidArguments("key_period= says how long a key counts: give key= too", at="key_period")
    if isinstance(given, int | float) and not isinstance(given, bool) and 0 < given <= _LONGEST_DELAY.total_seconds():
        given = timedelta(seconds=given)
    if not isinstance(given, timedelta) or not timedelta(0) < given <= _LONGEST_DELAY:
        raise InvalidArguments(
            f"key_period={request.key_period!r}: give seconds or a timedelta, up to ten years", at="key_period"
        )
    return given


def _checked_delay(request: Request) -> timedelta | None:
    delay: object = request.delay
    if delay is None:
        return None
    if request.run_at is not None:
        raise InvalidArguments("give run_at or delay, not both")
    if isinstance(delay, int | float) and not isinstance(delay, bool):
        try:
            delay = timedelta(seconds=delay)
        except (OverflowError, ValueError):
            delay = timedelta.max
    if not isinstance(delay, timedelta) or not timedelta(0) <= delay <= _LONGEST_DELAY:
        raise InvalidArguments(f"delay={request.delay!r}: give seconds or a timedelta, from 0 to ten years")
    return delay
