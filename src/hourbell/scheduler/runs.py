"""The verbs of runs."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from hourbell.events import RunCancelled
from hourbell.model.audit import Action
from hourbell.model.history import attempts_of
from hourbell.model.page import Page
from hourbell.model.run import Run, RunFilter
from hourbell.model.run_state import RunState
from hourbell.scheduler.pages import (
    checked_instant,
    checked_limit,
    checked_run_cursor,
    checked_state,
    checked_text,
)
from hourbell.scheduler.verbs import Verbs, id_of_run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from hourbell.model.run import Attempt

_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 2.0
_SEARCH = 2.0
"""Seconds for which a page is filled with what is rare, however little there is of it in each part of the history."""


class RunVerbs(Verbs):
    """Read, cancel and wait for runs."""

    async def get_run(self, id: str) -> Run:  # noqa: A002 - a public name
        """The run of this id as it is stored now. Raises NotFound, also for one that has been deleted by its age."""
        return await self._core.store.get_run(id_of_run(id))

    async def list_runs(
        self,
        *,
        schedule_id: str | None = None,
        task: str | None = None,
        state: RunState | str | None = None,
        tracking_id: str | None = None,
        reason: str | None = None,
        error: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[Run]:
        """Runs, newest first, at most ``limit`` (1 to 1000) after ``cursor``; each other argument narrows the list.

        ``task``  the task's name; ``state``  a `RunState` or its text; ``reason``  a `Reason` or its text; ``error``  a
        text that the run's error contains; ``since`` and ``until``  aware instants: runs that ended from the one on,
        and before the other. The answer is a sequence; its ``next_cursor`` is the ``cursor`` of the next page, None at
        the end. Where what is asked for is rare in a long history, a page may have fewer, or none, and a
        ``next_cursor``: the search goes on from there. Raises InvalidArguments.
        """
        wanted = RunFilter(
            schedule_id=checked_text("schedule_id", schedule_id),
            task=checked_text("task", task),
            state=checked_state(RunState, state),
            tracking_id=checked_text("tracking_id", tracking_id),
            reason=checked_text("reason", reason),
            error=checked_text("error", error),
            since=checked_instant("since", since),
            until=checked_instant("until", until),
            cursor=checked_run_cursor(cursor),
            limit=checked_limit(limit),
        )
        return await self._searched(wanted)

    async def _searched(self, wanted: RunFilter) -> Page[Run]:
        """A full page, if it is found soon."""
        clock, store = self._core.clock, self._core.store
        began = clock.elapsed()
        page = await store.list_runs(wanted)
        items = page.items
        while page.next_cursor is not None and len(items) < wanted.limit and clock.elapsed() < began + _SEARCH:
            page = await store.list_runs(replace(wanted, cursor=page.next_cursor, limit=wanted.limit - len(items)))
            items += page.items
        return Page(items, page.next_cursor)

    async def list_attempts(self, id: str) -> Sequence[Attempt]:  # noqa: A002 - a public name
        """Every attempt of a run, oldest first: its node, start, end, outcome and error. Of one that was tried more
        than a thousand times, the newest thousand and the last.

        The last may be under way: without an end, then, and without an outcome. Raises NotFound.
        """
        run = await self._core.store.get_run(id_of_run(id))
        return attempts_of(run, await self._core.store.list_attempts(run.id))

    async def cancel_run(self, id: str) -> Run:  # noqa: A002 - a public name
        """End a queued run as cancelled: its body will not start. Ask a running one to end, whichever node runs it.

        The answer is the run as it stands: a running one still runs, with ``cancel_requested_at`` set. Its node hears
        of it at once where hints arrive, within a poll otherwise, and ends the body: an async one gets
        ``CancelledError``, a body in a thread sees ``context.cancelled``. The run becomes ``cancelled`` when the body
        ends for that, and is not tried again whatever happens to it; a body that ends by itself before has succeeded
        or failed as it did. `wait` tells which. Asking again changes nothing.

        Raises NotFound, and Conflict when the run has ended.
        """
        run = await self._core.store.audited(self._core.act(Action.CANCEL)).cancel_run(id_of_run(id))
        if run.state.final:
            self._core.events.emit(RunCancelled(run=run, node_id=None))
        else:
            await self._core.wake_node(run.node_id)
        return run

    async def wait(self, run: Run | str, timeout: float | None = None) -> Run:
        """The run once it is final, whichever node ends it; one that ends in this process is noticed at once.

        One that ends elsewhere is asked for again and again, every two seconds in the end. How it ended is for the
        caller to see: a run that failed raises nothing here. Raises NotFound, and TimeoutError after ``timeout``
        seconds (None: it waits as long as it takes); the run goes on then.
        """
        try:
            async with asyncio.timeout(timeout):
                return await self._ended(id_of_run(run))
        except TimeoutError:
            raise TimeoutError(
                f"run {id_of_run(run)} has not ended within {timeout} s; it goes on, and get_run() says how it is"
            ) from None

    async def _ended(self, run_id: str) -> Run:
        with self._core.waiters.alarm(run_id) as ended:
            pause = _FIRST_PAUSE
            while True:
                ended.clear()
                seen = await self._core.store.get_run(run_id)
                if seen.state.final:
                    return seen
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await ended.wait()
                pause = min(pause * 1.5, _LONGEST_PAUSE)
