"""What stands in the tables that may be in trouble."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from hourbell.model.node import NodeState
from hourbell.model.run_state import RunState
from hourbell.model.schedule import ScheduleState
from hourbell.model.survey import FAILING, SURVEYED, Orphan, Serving, Survey, Waiting
from hourbell.store.memory.nodes import NodeVerbs

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from hourbell.model.run import Run
    from hourbell.model.schedule import Schedule
    from hourbell.store.memory.tables import Tables


class SurveyVerbs(NodeVerbs):
    """`NodeStore.survey` over the tables."""

    async def survey(self, patience: timedelta) -> Survey:
        nodes = tuple(await self.list_nodes())[:SURVEYED]
        stranded = tuple(await self.stranded(patience))
        async with self._transaction() as now:
            tables = self._tables
            live = {node.id for node in nodes if node.state is NodeState.LIVE}
            serving = tuple(_serving(tables, node.id) for node in nodes if node.id in live and node.lease_until > now)
            known = {task for one in serving for task in one.tasks}
            ordered = sorted(tables.schedules.values(), key=lambda one: one.id)
            running = [run for run in tables.unfinished() if run.state is RunState.RUNNING]
            orphans = sorted((run for run in running if run.node_id not in live), key=lambda run: run.id)
            return Survey(
                now=now,
                nodes=nodes,
                serving=serving,
                states=Counter(one.state.value for one in ordered),
                schedules=tuple(one for one in ordered if _in_doubt(one, known, now - patience))[:SURVEYED],
                failing=_failing(tables),
                calendars=frozenset(tables.calendars),
                orphans=tuple(
                    Orphan(run_id=run.id, task=run.task, node_id=run.node_id or "") for run in orphans[:SURVEYED]
                ),
                waiting=_waiting(tables, now - patience),
                running=Counter(run.task for run in running),
                stranded=stranded,
            )


def _serving(tables: Tables, node_id: str) -> Serving:
    return Serving(node_id=node_id, tasks=tables.node_tasks.get(node_id) or {}, queues=tables.node_queues.get(node_id))


def _in_doubt(schedule: Schedule, known: set[str], before: datetime) -> bool:
    late = schedule.next_fire_at is not None and schedule.next_fire_at <= before
    if schedule.state is ScheduleState.ACTIVE:
        return late or schedule.task not in known or "blackout" in {*schedule.policies, *schedule.inherited}
    return schedule.state is ScheduleState.UNDECLARED or (late and schedule.state is ScheduleState.PAUSED)


def _failing(tables: Tables) -> tuple[str, ...]:
    """The active schedules of which each of the last fires that ran has failed, the latest of them lately."""
    failed = sorted((run for run in tables.runs.values() if run.state is RunState.FAILED), key=lambda run: run.id)
    lately = {run.schedule_id for run in failed[-SURVEYED:]}
    active = {one.id for one in tables.schedules.values() if one.state is ScheduleState.ACTIVE}
    ran: dict[str, list[Run]] = {}
    for run in tables.runs.values():
        if run.schedule_id in lately and run.fire_at and run.state in {RunState.SUCCEEDED, RunState.FAILED}:
            ran.setdefault(run.schedule_id or "", []).append(run)
    return tuple(schedule_id for schedule_id, runs in sorted(ran.items()) if schedule_id in active and _fails(runs))


def _fails(runs: list[Run]) -> bool:
    latest = sorted(runs, key=lambda run: (run.fire_at, run.id), reverse=True)[:FAILING]
    return [run.state for run in latest] == [RunState.FAILED] * FAILING


def _waiting(tables: Tables, before: datetime) -> tuple[Waiting, ...]:
    places: dict[tuple[str, str], list[Run]] = {}
    for run in tables.unfinished():
        if run.state is RunState.QUEUED and run.run_at is not None and run.run_at <= before:
            places.setdefault((run.queue, run.task), []).append(run)
    return tuple(
        Waiting(queue=queue, task=task, count=len(runs), since=min(run.run_at for run in runs if run.run_at))
        for (queue, task), runs in sorted(places.items())
    )[:SURVEYED]
