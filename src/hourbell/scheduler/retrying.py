"""Runs that failed, tried again by hand: one with other arguments, or many."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hourbell.errors import InvalidArguments
from hourbell.model.audit import Action
from hourbell.model.run import Run, RunFilter
from hourbell.model.run_state import RunState
from hourbell.scheduler.declarations import replaced_args
from hourbell.scheduler.pages import checked_instant, checked_limit, checked_state, checked_text
from hourbell.scheduler.verbs import Verbs, id_of_run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

BATCH = 100
"""Runs per transaction when many are retried: short enough that nobody waits long for their schedules."""

MOST = 100_000


class RetryVerbs(Verbs):
    """Retry runs that have ended."""

    async def retry_run(
        self,
        id: str,  # noqa: A002 - a public name
        *,
        args: Mapping[str, Any] | None = None,
    ) -> Run:
        """Queue a final run again, now, with all its tries before it; the attempt number goes on.

        ``args`` take the place of its arguments, all of them, once they fit the signature of its task. A run of a
        schedule that limits overlap takes its turn. Raises NotFound, and Conflict when the run is not final or stands
        for due times that did not run; with ``args`` also UnknownTask and InvalidArguments, before anything changes.
        """
        run_id = id_of_run(id)
        plain = None
        if args is not None:
            known = await self._core.store.get_run(run_id)
            plain = replaced_args(self._core.find_task(known.task), args)
        run = await self._core.store.audited(self._core.act(Action.RETRY)).retry_run(run_id, plain)
        await self._core.wake(run.task, run.queue)
        return run

    async def retry_runs(
        self,
        *,
        state: RunState | str = RunState.FAILED,
        task: str | None = None,
        schedule_id: str | None = None,
        tracking_id: str | None = None,
        reason: str | None = None,
        error: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 1_000,
        progress: Callable[[int], object] | None = None,
    ) -> int:
        """Retry the runs that failed, newest first, at most ``limit`` (1 to 100,000); answer how many are queued again.

        Each other argument narrows them, as in `list_runs`; ``state`` may also be ``cancelled``. They are taken in
        batches, each whole or not at all; ``progress`` is called after each with how many there were so far. What
        fails again meanwhile is not taken twice. Raises InvalidArguments, before anything changes.
        """
        checked_limit(limit, most=MOST)
        wanted = RunFilter(
            state=_retryable(state),
            task=checked_text("task", task),
            schedule_id=checked_text("schedule_id", schedule_id),
            tracking_id=checked_text("tracking_id", tracking_id),
            reason=checked_text("reason", reason),
            error=checked_text("error", error),
            since=checked_instant("since", since),
            until=checked_instant("until", until),
        )
        retried, left, cursor = 0, limit, None
        while left > 0:
            page = await self._core.store.list_runs(replace(wanted, cursor=cursor, limit=min(BATCH, left)))
            store = self._core.store.audited(self._core.act(Action.RETRY))
            runs = await store.retry_runs([run.id for run in page.items]) if page.items else ()
            for task_name, queue in {(run.task, run.queue) for run in runs}:
                await self._core.wake(task_name, queue)
            retried, left, cursor = retried + len(runs), left - len(page.items), page.next_cursor
            if progress is not None:
                progress(retried)
            if cursor is None:
                break
        return retried


def _retryable(state: RunState | str) -> RunState:
    found = checked_state(RunState, state)
    if found not in (RunState.FAILED, RunState.CANCELLED):
        raise InvalidArguments(
            f"state={str(state)[:40]!r}: many are retried only of 'failed' or 'cancelled' runs", at="state"
        )
    return found
