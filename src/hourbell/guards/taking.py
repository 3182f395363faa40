"""Taking a guard, waiting for it where others have it, and leaving it."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import socket
import threading
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeVar

from hourbell.errors import Busy, HourbellError, LeaseLost, StoreUnavailable
from hourbell.guards.held import Held
from hourbell.model.guard import Guard, GuardEnd, GuardHold, GuardKind, GuardState
from hourbell.telling import Telling

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from datetime import timedelta
    from zoneinfo import ZoneInfo

    from hourbell.clock import Clock
    from hourbell.context import Context
    from hourbell.guards.keeper import Keeper
    from hourbell.model.guard import GuardWish
    from hourbell.store.protocol import StoreVerbs
    from hourbell.store.transaction import Transaction

T = TypeVar("T")

FIRST_PAUSE, LONGEST_PAUSE = 0.01, 0.25
"""Seconds between two looks at a guard that another one holds: they grow, and are never twice the same."""

RETRY_PAUSE = 0.2

_log = Telling(logging.getLogger("hourbell.guards"))
_inside: ContextVar[tuple[tuple[Held, object], ...]] = ContextVar("hourbell_guards", default=())


class InSession(Protocol):
    """The transaction of a session, and the store's verbs in it."""

    @property
    def transaction(self) -> Transaction: ...

    @property
    def verbs(self) -> StoreVerbs: ...


class GuardRoom(Protocol):
    """Where guards are: a scheduler, seen from here."""

    clock: Clock
    lease: timedelta
    retention: timedelta

    @property
    def store(self) -> StoreVerbs:
        """The open store, on the event loop on which it was opened."""

    @property
    def turns(self) -> asyncio.Semaphore:
        """Whoever asks takes turns, so that many who wait do not use up the connections of everybody else."""

    @property
    def keeper(self) -> Keeper:
        """Who renews what is held."""

    async def zone(self, named: str | None, context: Context | None) -> ZoneInfo:
        """The zone of this name, else that of the run's schedule, else the scheduler's."""

    async def join(self, session: object, *, must_be_sync: bool) -> InSession:
        """The store's verbs in the transaction of this session. Raises InvalidArguments."""

    def dump(self, value: object) -> str | None:
        """A result as JSON text. Raises ResultRejected."""

    def wait_for(self, work: Callable[[], Awaitable[object]]) -> object:
        """Await this on the scheduler's loop, from a thread that is not that loop's."""


def new_owner() -> str:
    """A name for one holder, never used again: where it is, for those who read it, and random digits."""
    return f"{socket.gethostname()[:60]}:{os.getpid()}:{os.urandom(8).hex()}"


def hold_of(guard: Guard) -> GuardHold:
    """What its owner names it by."""
    return GuardHold(kind=guard.kind, name=guard.name, period=guard.period, owner=guard.owner, fence=guard.fence)


async def take(room: GuardRoom, wish: GuardWish, wait: float | None) -> tuple[Guard, Held | None]:
    """Take the guard, waiting at most so many seconds while others hold it; None: as long as it takes.

    The answer is the guard and, when it was taken, what this process holds; a guard that was done is not taken. Raises
    Busy when the time is over.
    """
    began = room.clock.elapsed()
    patience = wish.lease.total_seconds() if wait is None else min(wait, wish.lease.total_seconds())
    try:
        guard, asked = await patiently(room, patience, lambda: _taken(room, wish))
        wish = replace(wish, label=guard.period)  # midnight may come while it waits
        pause = FIRST_PAUSE
        while not guard.is_held_by(wish.owner) and guard.state is GuardState.HELD:
            left = None if wait is None else began + wait - room.clock.elapsed()
            if left is not None and left <= 0:
                raise _busy(guard, wait)
            pause = min(2 * pause, LONGEST_PAUSE)
            nap = pause * random.uniform(0.5, 1.5)
            await asyncio.sleep(nap if left is None else min(nap, left))
            guard, asked = await patiently(room, patience, partial(_seen_or_taken, room, wish, guard))
    except asyncio.CancelledError:
        _log.debug("nobody waits for guard %r any more; should it have been taken just now, its lease ends", wish.name)
        raise
    if not guard.is_held_by(wish.owner):
        return guard, None
    held = Held(hold_of(guard), room.clock, wish.lease.total_seconds(), asked)
    room.keeper.add(held)
    return guard, held


async def patiently(room: GuardRoom, patience: float, ask: Callable[[], Awaitable[T]]) -> T:
    """Ask when it is one's turn, and again when the database does not answer: whoever waits had rather wait on.

    Raises StoreUnavailable after so many seconds of that.
    """
    until = room.clock.elapsed() + patience
    while True:
        try:
            async with room.turns:
                return await ask()
        except StoreUnavailable:
            if room.clock.elapsed() >= until:
                raise
        await asyncio.sleep(RETRY_PAUSE * random.uniform(0.5, 1.5))


async def _taken(room: GuardRoom, wish: GuardWish) -> tuple[Guard, float]:
    """The guard, and when it was asked for: from then on its lease counts."""
    asked = room.clock.elapsed()
    return await room.store.take_guard(wish), asked


async def _seen_or_taken(room: GuardRoom, wish: GuardWish, guard: Guard) -> tuple[Guard, float]:
    asked = room.clock.elapsed()
    seen = await room.store.look_at_guard(guard.kind, guard.name, guard.period)
    return (seen, asked) if seen is not None else await _taken(room, wish)


async def leave(
    room: GuardRoom,
    held: Held,
    state: GuardState,
    keep: timedelta | None,
    *,
    result: str | None = None,
    error: str | None = None,
) -> None:
    """Leave what is held, and write what was made of it, as long as that may be done.

    Raises LeaseLost when somebody else has it by now, and StoreUnavailable when its lease ends before the database
    answers.
    """
    end = GuardEnd(hold=held.hold, state=state, keep=keep, result=result, error=error)
    try:
        if not await _ended(room, held, end):
            raise lost(held)
    finally:
        held.is_left = True
        room.keeper.drop(held)


@contextmanager
def inside(held: Held) -> Iterator[None]:
    """Code in here is known to hold it."""
    token = _inside.set((*_inside.get(), (held, _strand())))
    try:
        yield
    finally:
        _inside.reset(token)


def refuse_nested(kind: GuardKind, name: str) -> None:
    """Raises HourbellError where this task or thread holds the guard already: it would wait for itself."""
    strand = _strand()
    for held, holder in _inside.get():
        if holder == strand and not held.is_left and (held.hold.kind, held.hold.name) == (kind, name):
            raise HourbellError(f"this code is in the block of {kind} {name!r} already, and would wait for itself")


def _strand() -> object:
    """What does one thing after another: this task, or this thread where none runs."""
    try:
        return asyncio.current_task()
    except RuntimeError:
        return threading.get_ident()


def refuse_loop(what: str) -> None:
    """Raises HourbellError in a thread that runs an event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise HourbellError(f"`with {what}` would block the event loop: use `async with` in an async function")


def lost(held: Held) -> LeaseLost:
    """The error for what is not held any more."""
    hold = held.hold
    return LeaseLost(
        f"{hold.kind} {hold.name!r}: the lease of this holder, fence {hold.fence}, has ended, and another one may have "
        "begun; what compares fences refuses what this one still writes"
    )


async def _ended(room: GuardRoom, held: Held, end: GuardEnd) -> bool:
    while True:
        try:
            return await room.store.end_guard(end)
        except StoreUnavailable:
            if not held.holds:
                raise
            await asyncio.sleep(RETRY_PAUSE)


def _busy(guard: Guard, wait: float | None) -> Busy:
    waited = f"after {wait:g} s of waiting" if wait else "and waiting was not asked for"
    return Busy(f"{guard.kind} {guard.name!r} is held by {guard.owner.rpartition(':')[0]} {waited}; try again later")
