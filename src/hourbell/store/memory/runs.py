"""The verbs of runs, but for those of the nodes that execute them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from hourbell.errors import Conflict, NotFound
from hourbell.model.audit import Act, Subject, told_request, told_run
from hourbell.model.hint import Hint
from hourbell.model.ids import least_run_id
from hourbell.model.node import NodeState
from hourbell.model.overlap import Turn, has_turns, takes_turns, turn_of
from hourbell.model.page import Page
from hourbell.model.retention import FROM_THE_FIRST, Pruned
from hourbell.model.run import Attempt, NewRun, Run, RunFilter
from hourbell.model.run_state import Outcome, Reason, RunState
from hourbell.store.memory.audit import note, prune_audit
from hourbell.store.memory.endings import requeue
from hourbell.store.memory.guards import forget_guards
from hourbell.store.memory.handle import Handle
from hourbell.store.memory.rows import fresh_run, fresh_schedule
from hourbell.store.memory.turns import displace, pass_on, take_turns, turned, unfinished
from hourbell.store.protocol import untold

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from hourbell.model.retention import Retention
    from hourbell.model.schedule import Schedule
    from hourbell.store.memory.tables import Tables
    from hourbell.store.protocol import Ended

_GONE = timedelta(days=1)


class RunVerbs(Handle):
    """`RunStore` over the tables, but for claiming and settling."""

    async def enqueue(self, runs: Sequence[NewRun], *, hint: bool = False) -> Sequence[Run]:
        async with self._transaction() as now:
            for new in runs:
                _release_key(self._tables, new, now)
            requested = [_insert(self._tables, _requested(new, now)) for new in runs]
        if hint:
            self._listeners.hint(Hint.of(runs))
        return requested

    async def hint(self) -> None:
        """Wake everyone who listens."""
        self._listeners.hint(None)

    async def trigger_schedule(
        self, schedule_id: str, build: Callable[[Schedule], NewRun], *, ended: Ended = untold
    ) -> Run:
        async with self._transaction() as now:
            schedule = self._tables.schedules.get(schedule_id)
            if schedule is None:
                raise NotFound(
                    f"there is no schedule {schedule_id!r}; the list of schedules shows those that there are"
                )
            run = _requested(build(fresh_schedule(schedule)), now)
            stored, displaced = _triggered(self._tables, schedule, run, now), self._tables.ended()
            if stored.id == run.id:
                note(self._tables, self._act, Subject.SCHEDULE, schedule_id, None, told_request(stored), now)
        ended(displaced)
        return stored

    async def is_settled(self, node_id: str, run_id: str, attempt: int) -> bool:
        async with self._transaction():
            run = self._tables.runs.get(run_id)
            wanted = (RunState.SUCCEEDED, node_id, attempt)
            return run is not None and (run.state, run.node_id, run.attempt) == wanted

    async def cancel_run(self, run_id: str, reason: Reason = Reason.CANCELLED) -> Run:
        async with self._transaction() as now:
            run = before = _read(self._tables, run_id)
            if run.state.final:
                raise Conflict(f"run {run_id!r} is {run.state}: it has ended, and there is nothing to cancel")
            if run.cancel_requested_at is None:
                run = replace(run, cancel_requested_at=now, reason=reason)
            if run.state is RunState.QUEUED:
                run = replace(run, state=RunState.CANCELLED, outcome=Outcome.CANCELLED, finished_at=now)
            self._tables.write_run(run)
            pass_on(self._tables, run, now)
            return self._noted_run(self._act, before, _read(self._tables, run_id), now)

    async def retry_run(self, run_id: str, args: Mapping[str, Any] | None = None) -> Run:
        async with self._transaction() as now:
            before = self._tables.runs.get(run_id)
            return self._noted_run(self._act, before, _retry(self._tables, run_id, args, now), now)

    async def retry_runs(self, run_ids: Collection[str]) -> Sequence[Run]:
        async with self._transaction() as now:
            retried = []
            for run_id in sorted(run_ids):
                with suppress(NotFound, Conflict):
                    before = self._tables.runs.get(run_id)
                    act = self._act.another(now) if self._act is not None else None
                    retried.append(self._noted_run(act, before, _retry(self._tables, run_id, None, now), now))
            return retried

    def _noted_run(self, act: Act | None, before: Run | None, after: Run, now: datetime) -> Run:
        note(self._tables, act, Subject.RUN, after.id, told_run(before), told_run(after), now)
        return after

    async def get_run(self, run_id: str) -> Run:
        async with self._transaction():
            return _read(self._tables, run_id)

    async def list_runs(self, wanted: RunFilter) -> Page[Run]:
        async with self._transaction():
            found = [run for run in self._tables.runs.values() if _matches(run, wanted)]
        found.sort(key=lambda run: run.id, reverse=True)
        items = tuple(fresh_run(run) for run in found[: wanted.limit])
        return Page(items, items[-1].id if items and len(found) > wanted.limit else None)

    async def list_attempts(self, run_id: str) -> Sequence[Attempt]:
        async with self._transaction():
            return sorted(self._tables.attempts.get(run_id) or (), key=lambda attempt: attempt.attempt)

    async def prune(self, retention: Retention, limit: int, beyond: Mapping[RunState, str] = FROM_THE_FIRST) -> Pruned:
        async with self._transaction() as now:
            old = [
                run
                for run in self._tables.runs.values()
                if run.finished_at is not None
                and run.finished_at < now - retention.of(run.state)
                and beyond.get(run.state, "") < run.id < least_run_id(now - retention.of(run.state))
            ]
            pruned = sorted(old, key=lambda run: run.id)[:limit]
            for run in pruned:
                self._tables.delete_run(run)
            if len(pruned) < limit:
                _forget_nodes(self._tables, now)
                prune_audit(self._tables, now - retention.every, limit)
                forget_guards(self._tables, now)
            return Pruned(len(pruned), {run.state: run.id for run in pruned})


def _triggered(tables: Tables, schedule: Schedule, run: Run, now: datetime) -> Run:
    others = unfinished(tables, schedule.id)
    turn = turn_of(schedule.effective, others)
    stored = _insert(tables, turned(run, turn, others.newest, now))
    if stored.state is not RunState.QUEUED or stored.run_at is not None:
        return stored
    if turn is Turn.REPLACE:
        displace(tables, schedule, stored.id, now)
    take_turns(tables, schedule.id, now)
    return _read(tables, stored.id)


def _requested(new: NewRun, now: datetime) -> Run:
    return Run(
        id=new.id,
        task=new.task,
        state=RunState.QUEUED,
        origin=new.origin,
        created_at=now,
        schedule_id=new.schedule_id,
        args=new.args,
        run_at=new.run_at or now + (new.delay or timedelta(0)),
        queue=new.queue,
        priority=new.priority,
        key=new.key,
        policies=new.policies,
        on_lost=new.on_lost,
        lost_limit=new.lost_limit,
        tracking_id=new.tracking_id,
        parent=new.parent,
    )


def _release_key(tables: Tables, new: NewRun, now: datetime) -> None:
    """The key of a request that was made too long ago is free for another one."""
    known = tables.run_of_key(new.task, new.key)
    if known is not None and new.key_period is not None and known.created_at + new.key_period <= now:
        tables.release_key(known)


def _insert(tables: Tables, run: Run) -> Run:
    """The run as stored; the one that has its id or its key when there is one."""
    known = tables.runs.get(run.id) or tables.run_of_key(run.task, run.key)
    if known is not None:
        return fresh_run(known)
    tables.insert_run(run)
    return _read(tables, run.id)


def _retry(tables: Tables, run_id: str, args: Mapping[str, Any] | None, now: datetime) -> Run:
    run = _read(tables, run_id)
    if not run.state.final:
        raise Conflict(f"run {run_id!r} is {run.state}: wait until it has ended, or cancel it first")
    if run.covers_count is not None:
        raise Conflict(f"run {run_id!r} stands for due times that did not run; trigger the schedule instead")
    # Asked for now, however late its fire: its grace is over and must not end it again.
    schedule = tables.schedules.get(run.schedule_id) if run.schedule_id is not None else None
    waits = schedule is not None and (has_turns(schedule) or takes_turns(None, run.origin))
    asked = replace(run, failures=0, losses=0, start_by=None, cancel_requested_at=None, yielded_to=None)
    requeue(tables, asked, None if waits else now)
    queued = _read(tables, run_id)
    afresh = replace(queued, outcome=None, error=None, args=queued.args if args is None else args)
    tables.write_run(afresh)
    pass_on(tables, afresh, now)
    return _read(tables, run_id)


def _matches(run: Run, wanted: RunFilter) -> bool:
    return (
        (wanted.cursor is None or run.id < wanted.cursor)
        and (wanted.schedule_id is None or run.schedule_id == wanted.schedule_id)
        and (wanted.task is None or run.task == wanted.task)
        and (wanted.state is None or run.state is wanted.state)
        and (wanted.tracking_id is None or run.tracking_id == wanted.tracking_id)
        and (wanted.reason is None or run.reason == wanted.reason)
        and (wanted.error is None or (run.error is not None and wanted.error in run.error))
        and (wanted.since is None or (run.finished_at is not None and run.finished_at >= wanted.since))
        and (wanted.until is None or (run.finished_at is not None and run.finished_at < wanted.until))
    )


def _forget_nodes(tables: Tables, now: datetime) -> None:
    holding = {run.node_id for run in tables.unfinished()}
    for node in list(tables.nodes.values()):
        if node.state is not NodeState.LIVE and node.lease_until < now - _GONE and node.id not in holding:
            tables.nodes.drop(node.id)
            tables.renewals.drop(node.id)
            tables.node_tasks.drop(node.id)
            tables.node_queues.drop(node.id)
            for place in [place for place in tables.declared if place[0] == node.id]:
                tables.declared.drop(place)


def _read(tables: Tables, run_id: str) -> Run:
    run = tables.runs.get(run_id)
    if run is None:
        raise NotFound(f"there is no run {run_id!r}; it never was, or retention has deleted it")
    return fresh_run(run)
