"""Work that is done once in a period: whoever comes first does it, the others get what came of it."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from hourbell.at_once import at_once
from hourbell.context import due_at_of
from hourbell.errors import HourbellError
from hourbell.guards.block import Block
from hourbell.guards.taking import hold_of, leave, lost, new_owner, patiently, refuse_nested, take
from hourbell.model.guard import GuardEnd, GuardKind, GuardState, GuardWish
from hourbell.telling import Telling

if TYPE_CHECKING:
    from hourbell.context import Context
    from hourbell.guards.held import Held
    from hourbell.guards.taking import GuardRoom
    from hourbell.model.guard import Guard
    from hourbell.model.period import Period
    from hourbell.store.transaction import Transaction

REMEMBERED = timedelta(days=1)
"""For how long it is kept that the work failed: whoever comes may do it all the same."""

LONGEST_ERROR = 1_000

_UTC = ZoneInfo("UTC")
_log = Telling(logging.getLogger("hourbell.guards"))


class Once(Block):
    """``async with context.once(key) as first:``, or ``with`` in a plain function that runs in a thread.

    True for whoever is to do the work, once and for all when the block is left without an error. False for whoever
    comes later; then the work *has been done*, and ``first.result`` is what came of it.
    """

    verb = "once"

    def __init__(
        self,
        room: GuardRoom,
        key: str,
        period: Period,
        *,
        wait: float | None,
        timezone: str | None,
        context: Context | None,
    ) -> None:
        super().__init__(room)
        self.key = key
        self._period = period
        self._wait = wait
        self._timezone = timezone
        self._context = context
        self._guard: Guard | None = None
        self._kept: str | None = None
        self._session: Transaction | None = None

    def __bool__(self) -> bool:
        return self._held is not None

    def __repr__(self) -> str:
        return f"<Once {self.key!r}>"

    @property
    def result(self) -> Any:
        """What was kept of the work, by this block or by whoever did it before; None when nothing was."""
        if self._guard is None:
            raise HourbellError(f"once {self.key!r} has no result before it is entered: use it as `async with`")
        text = self._kept if self._held is not None else self._guard.result
        return json.loads(text) if text is not None else None

    @property
    def fence(self) -> int:
        """A number that rises each time the work is begun: what compares it can refuse one that was replaced."""
        if self._guard is None:
            raise HourbellError(f"once {self.key!r} has no fence before it is entered: use it as `async with`")
        return self._guard.fence

    def keep(self, value: Any) -> None:
        """What those who come later get as ``result``. Raises ResultRejected when it cannot be kept."""
        if self._held is None:
            raise HourbellError(f"once {self.key!r}: only whoever does the work says what came of it")
        self._kept = self._room.dump(value)

    async def done(self, session: Any) -> None:
        """Write in this session's transaction that the work is done: so it is exactly if that commits, with the work.

        The last call before the commit, which comes inside the block. ``session``  as for `Context.effect`; until its
        commit, nobody else can begin the work. Raises LeaseLost when another one has, and InvalidArguments.
        """
        await self._done_in(session, must_be_sync=False)

    def done_sync(self, session: Any) -> None:
        """As `done`, in a session that is never awaited."""
        at_once(self._done_in(session, must_be_sync=True))

    async def _enter(self) -> None:
        room, context = self._room, self._context
        zone, patience = _UTC, room.lease.total_seconds()
        if self._period.stretch is not None:
            zone = await patiently(room, patience, lambda: room.zone(self._timezone, context))
        wish = GuardWish(
            kind=GuardKind.ONCE,
            name=self.key,
            owner=new_owner(),
            period=self._period,
            zone=zone,
            lease=room.lease,
            keep=max(REMEMBERED, self._period.kept(room.retention) or room.retention),
            instant=due_at_of(context) if context is not None else None,
        )
        self._guard, self._held = await take(room, wish, self._wait)

    async def _done_in(self, session: Any, *, must_be_sync: bool) -> None:
        held = self._held
        if held is None or held.is_left:
            raise HourbellError(f"once {self.key!r}: only whoever does the work says that it is done, in the block")
        own = await self._room.join(session, must_be_sync=must_be_sync)
        # Its row is locked from now on: a renewal would wait for the commit, and all others with it.
        self._room.keeper.drop(held)
        self._session = own.transaction
        keep = self._period.kept(self._room.retention)
        end = GuardEnd(hold=held.hold, state=GuardState.DONE, keep=keep, result=self._kept)
        if not await own.verbs.end_guard(end):
            raise lost(held)

    async def _stands(self, held: Held) -> bool:
        """Whether what was written in a session has been committed."""
        hold = held.hold
        look = partial(self._room.store.look_at_guard, hold.kind, hold.name, hold.period)
        found = await patiently(self._room, self._room.lease.total_seconds(), look)
        return found is not None and found.state is GuardState.DONE and hold_of(found) == hold

    async def _leave(self, held: Held, error: BaseException | None) -> None:
        """What the body raised is not hidden behind what may go wrong here."""
        if self._session is not None:
            held.is_left = True
            if await self._stands(held):
                return
            if error is None:
                raise HourbellError(f"once {self.key!r}: the session of done() was not committed inside the block")
            if self._session.is_open:
                # It has the guard's row locked, on SQLite every row, until it is left itself, which is after this.
                _log.debug("once %r failed in a session that is still open: its lease ends by itself", self.key)
                return
        if error is None:
            keep = self._period.kept(self._room.retention)
            await leave(self._room, held, GuardState.DONE, keep, result=self._kept)
            return
        try:
            told = _told(error)
            await leave(self._room, held, GuardState.FAILED, REMEMBERED, error=told)
        except HourbellError as refused:
            _log.warning("%s", refused)

    def _refuse_again(self) -> None:
        if self._guard is not None:
            raise HourbellError(f"this block was used before: ask for once({self.key!r}) again")
        refuse_nested(GuardKind.ONCE, self.key)


def _told(error: BaseException) -> str:
    """The error in words that every database takes."""
    try:
        said = f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 - an error that cannot be printed is still one
        said = type(error).__name__
    return "".join(one if one.isprintable() else " " for one in said[:LONGEST_ERROR])
