"""The verbs that look into everything, or into one schedule, and say what is wrong."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from hourbell.engine.loop import spawn
from hourbell.errors import NotFound, StoreMisconfigured, StoreUnavailable
from hourbell.model.audit import Action, AuditFilter, Subject
from hourbell.model.diagnosis import Facts
from hourbell.model.findings import diagnosed
from hourbell.model.held_up import held_up
from hourbell.model.last_due import Evidence, accounted, last_of, skipped_as
from hourbell.model.run import RunFilter
from hourbell.model.run_state import RunState
from hourbell.model.schedule import ScheduleState
from hourbell.scheduler.verbs import Verbs, id_of_run, id_of_schedule

if TYPE_CHECKING:
    from hourbell.model.diagnosis import Diagnosis, Hints
    from hourbell.model.held_up import HeldUp
    from hourbell.model.last_due import LastDue
    from hourbell.model.run import Run
    from hourbell.model.survey import Survey
    from hourbell.store.protocol import Store

_HINT_PATIENCE = 10.0
_LOOKED_AT = 100
"""Of the newest runs of a schedule: how many are looked at for its last due time."""


class DiagnosisVerbs(Verbs):
    """Look into everything, or into one schedule."""

    async def diagnose(self) -> Diagnosis:
        """What is wrong with the database, the nodes, the schedules and the runs, each with what to do about it.

        Reads more than any loop does and changes nothing; hints are tried by a real round trip. For people and alarms,
        every few minutes at most. Tables that do not answer are a finding. Raises StoreUnavailable where the database
        is away.
        """
        core = self._core
        store = core.store
        database = await store.examine()
        before = core.clock.elapsed()
        now = await store.ping()
        # The answer was made half-way, as far as anybody can know.
        passed = timedelta(seconds=(core.clock.elapsed() - before) / 2)
        offset = (core.clock.host_now() - passed - now).total_seconds()
        survey: Survey | None = None
        if not (database.pending or database.damage or database.unread):
            try:
                survey = await _survey(store, core.settings.lease)
            except StoreUnavailable as error:
                # Who holds the tables may have come after the first look.
                database = replace(await store.examine(), unread=str(error))
        hints: Hints = "unknown" if database.unread else "none" if database.kind == "sqlite" else await _hints(store)
        facts = Facts(
            now=now,
            lease=core.settings.lease,
            poll=core.settings.poll,
            database=database,
            hints=hints,
            pooler=core.settings.pooler,
            offset=offset,
            survey=survey,
        )
        return diagnosed(facts)

    async def last_due(self, id: str) -> LastDue:  # noqa: A002 - a public name
        """What became of a schedule's last due time: the run that records it, and why it did not run, where it did not.

        Says too what keeps one that is due from being fired, and a queued run from beginning. Changes nothing. Raises
        NotFound.
        """
        core = self._core
        store = core.store
        schedule = await store.get_schedule(id_of_schedule(id))
        lease = timedelta(seconds=core.settings.lease)
        survey = await store.survey(lease)
        runs = list((await store.list_runs(RunFilter(schedule_id=schedule.id, limit=_LOOKED_AT))).items)
        # A row of skips that has grown since may be older than all of these.
        runs += await _some_run(store, schedule.last_skip_id)
        last = last_of(runs)
        acts = AuditFilter(subject=Subject.SCHEDULE, subject_id=schedule.id, action=Action.PAUSE, limit=1)
        paused = (await store.list_audit(acts)).items if schedule.state is ScheduleState.PAUSED else ()
        return accounted(
            Evidence(
                schedule=schedule,
                survey=survey,
                lease=lease,
                runs=runs,
                unfinished=[run for run in runs if not run.state.final],
                other=next(iter(await _some_run(store, last.yielded_to if last is not None else None)), None),
                paused_by=next(iter(paused), None),
            )
        )

    async def held_up(self, run: Run | str) -> HeldUp | None:
        """What keeps a queued run from beginning: its time, its turn, a limit, or no node that may take it. Of a
        skipped due time: why it did not run.

        None: it is neither, or its schedule is gone. Judged from what is stored at this moment; changes nothing. Raises
        NotFound.
        """
        core = self._core
        store = core.store
        queued = await store.get_run(id_of_run(run))
        if queued.state is RunState.SKIPPED:
            return await self._skipped(queued)
        if queued.state is not RunState.QUEUED:
            return None
        unfinished: list[Run] = []
        if queued.run_at is None and queued.schedule_id is not None:
            same = RunFilter(schedule_id=queued.schedule_id, limit=_LOOKED_AT)
            unfinished = [one for one in (await store.list_runs(same)).items if not one.state.final]
        return held_up(await store.survey(timedelta(seconds=core.settings.lease)), queued, unfinished)

    async def _skipped(self, run: Run) -> HeldUp | None:
        """Why a due time was skipped, as far as its schedule is still there to tell."""
        store, lease = self._core.store, timedelta(seconds=self._core.settings.lease)
        try:
            schedule = await store.get_schedule(run.schedule_id or "")
        except NotFound:
            return None
        other = next(iter(await _some_run(store, run.yielded_to)), None)
        survey = await store.survey(lease)
        return skipped_as(Evidence(schedule=schedule, survey=survey, lease=lease, other=other), run)


async def _some_run(store: Store, run_id: str | None) -> list[Run]:
    """The run with this id, where there is one and it is still kept."""
    with suppress(NotFound):
        return [await store.get_run(run_id)] if run_id is not None else []
    return []


async def _survey(store: Store, lease: float) -> Survey | None:
    """The tables, as far as this role may read them; where it may not, the facts of the database say so."""
    with suppress(StoreMisconfigured):
        return await store.survey(timedelta(seconds=lease))
    return None


async def _hints(store: Store) -> Hints:
    """Whether a hint of our own comes back to us."""
    proven = asyncio.Event()
    listening = spawn(store.listen(lambda _: proven.set()), "proof of hints")
    arrived = spawn(proven.wait(), "proof of hints arrives")
    try:
        await asyncio.wait({listening, arrived}, timeout=_HINT_PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        return "arrive" if proven.is_set() else "lost"
    finally:
        for task in (listening, arrived):
            task.cancel()
        await asyncio.gather(listening, arrived, return_exceptions=True)
