"""The verbs of guards: work to be done once, and named locks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hourbell.context import current_run
from hourbell.guards.lock import Lock
from hourbell.scheduler.guarding import checked_name, checked_wait
from hourbell.scheduler.verbs import Verbs

if TYPE_CHECKING:
    from datetime import timedelta

    from hourbell.guards.once import Once


class GuardVerbs(Verbs):
    """`once` and `lock`, in a run or outside of any."""

    def once(
        self,
        key: str,
        *,
        period: timedelta | str | None = None,
        wait: float | None = None,
        timezone: str | None = None,
    ) -> Once:
        """``async with scheduler.once(key, period="day") as first:`` is true for one caller in a period, on all nodes.

        Whoever is first does the work and may leave ``first.keep(value)``. For all others ``first`` is false, the work
        *has been done* when they enter, and ``first.result`` is what was kept. Who comes while it is being done waits,
        for ``wait`` seconds (0: not at all) or as long as it takes; then Busy is raised. When the work fails, or its
        process dies and its lease ends, whoever waits or comes next does it.

        ``key``  1 to 200 characters, one name over all tasks. ``period``  ``"hour"``, ``"day"``, ``"week"`` (from
        Monday) or ``"month"`` of the wall clock in ``timezone``; a timedelta: not again for so long after it was done;
        None: never again. In a run it is the period of its due time, by the zone of its schedule, however late it runs
        or is tried again; a run asked for by hand counts from its request. Outside of runs it is the database's
        present, in the scheduler's zone. That the work was done is remembered for the setting ``retention``, or for the
        timedelta, or always.

        In plain functions in a thread it is ``with``. When the lease is lost, the task in the block is cancelled, and
        leaving it raises LeaseLost. Raises InvalidArguments.
        """
        return self._core.guards.once(current_run(), key, period=period, wait=wait, timezone=timezone)

    def lock(self, name: str, *, wait: float | None = None) -> Lock:
        """``async with scheduler.lock(name) as lock:`` has one holder at a time, over all nodes and processes.

        Who comes while another one holds it waits, for ``wait`` seconds (0: not at all) or as long as it takes; then
        Busy is raised. The lock is a lease (setting ``lease``) that is renewed while it is held. A process that freezes
        for longer loses it: its task in the block is cancelled, and leaving the block raises LeaseLost. ``lock.fence``
        rises with each holder; hand it on to whatever can refuse a number below one that it has seen.

        In plain functions in a thread it is ``with``, and ``lock.lost`` tells. Raises InvalidArguments.
        """
        return Lock(self._core.guards, checked_name("lock", name), checked_wait(wait))
