"""Between rows and the model: the only place that knows both the columns and the dataclasses."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta
from itertools import repeat, takewhile
from typing import TYPE_CHECKING, Any

from hourbell.model.due import DueSchedule, Rules
from hourbell.model.node import Node, NodeState
from hourbell.model.overlap import Turn, takes_turns
from hourbell.model.progress import Progress
from hourbell.model.run import Attempt, NewRun, Run
from hourbell.model.run_state import Origin, Outcome, Reason, RunState
from hourbell.model.schedule import Schedule, ScheduleState, Source
from hourbell.model.stored_json import mapping_from, value_from
from hourbell.store.scripts.script import Row, to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from hourbell.model.plan import PlannedSkip
    from hourbell.model.policies import Policies

_NO_DELAY = timedelta(0)
_OUTCOMES: Mapping[str, Outcome] = {outcome.value: outcome for outcome in Outcome}
_RUN = tuple(field.name for field in fields(Run))
_FIELDS = frozenset(_RUN)
_READ_WHERE_GIVEN: Sequence[tuple[str, Callable[[Any], Any]]] = (
    ("outcome", _OUTCOMES.get),
    ("policies", mapping_from),
    ("result", value_from),
    ("progress", Progress.from_json),
    ("parent", str),
    ("yielded_to", str),
)
# To call an Enum costs as much as ten looks into a dict, and this is done for each run that is claimed.
STATES: Mapping[str, RunState] = {state.value: state for state in RunState}
SOURCES: Mapping[str, Source] = {source.value: source for source in Source}


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def schedule_from(row: Row) -> Schedule:
    """A row of ``schedules``."""
    return Schedule(
        id=row["id"],
        task=row["task"],
        trigger_spec=mapping_from(row["trigger_spec"]),
        args=mapping_from(row["args"]),
        policies=mapping_from(row["policies"]),
        inherited=mapping_from(row["inherited"]),
        state=ScheduleState(row["state"]),
        source=Source(row["source"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        version=row["version"],
        note=row["note"],
        digest=row["digest"],
        declared=mapping_from(row["declared"]) if row["declared"] is not None else None,
        next_fire_at=row["next_fire_at"],
        last_fire_at=row["last_fire_at"],
        last_skip_id=_text(row["last_skip_id"]),
        last_skip_reason=row["last_skip_reason"],
        resume_at=row["resume_at"],
    )


def due_from(row: Row, schedule_id: str, args: str, rules: Rules) -> DueSchedule:
    """One of the schedules that the firing locks as a row, with what their texts say."""
    return DueSchedule(
        id=schedule_id,
        task=row["task"],
        trigger_spec=rules.trigger_spec,
        args=mapping_from(args),
        policies=rules.policies,
        inherited=rules.inherited,
        state=ScheduleState.ACTIVE,
        source=SOURCES[row["source"]],
        next_fire_at=row["next_fire_at"],
        last_skip_id=_text(row["last_skip_id"]),
        last_skip_reason=row["last_skip_reason"],
        rules=rules,
    )


def rules_from(trigger_spec: str, policies: str, inherited: str) -> Rules:
    """What these texts of a schedule say."""
    return Rules(mapping_from(trigger_spec), mapping_from(policies), mapping_from(inherited))


def schedule_values(schedule: Schedule) -> dict[str, Any]:
    """Every column of a schedule that an edit may change."""
    return {
        "id": schedule.id,
        "task": schedule.task,
        "trigger_spec": to_json(dict(schedule.trigger_spec)),
        "args": to_json(dict(schedule.args)),
        "policies": to_json(dict(schedule.policies)),
        "inherited": to_json(dict(schedule.inherited)),
        "state": schedule.state.value,
        "source": schedule.source.value,
        "note": schedule.note,
        "digest": schedule.digest,
        "declared": to_json(dict(schedule.declared)) if schedule.declared is not None else None,
        "next_fire_at": schedule.next_fire_at,
        "last_fire_at": schedule.last_fire_at,
        "last_skip_id": schedule.last_skip_id,
        "last_skip_reason": schedule.last_skip_reason,
        "resume_at": schedule.resume_at,
    }


def run_from(row: Row) -> Run:
    """A row of ``runs``, whatever else stands in it."""
    found = _given([(name, row[name]) for name in _RUN])
    return Run.of_fields(found, found.pop("args"))


def claimed_from(rows: Sequence[Row], node_id: str) -> list[Run]:
    """What a claim of this node answers: of the columns that a `Run` has those that can be set by then, perhaps with
    others behind them. ``created_at`` is left out where it is the same as ``run_at``.

    Column by column: most are as in any other run, or empty, in all of the rows."""
    if not rows:
        return []
    names = takewhile(_FIELDS.__contains__, rows[0].keys())
    given: dict[str, Iterable[Any]] = {}
    holed: list[str] = []
    for name, values in zip(names, zip(*map(type(rows[0]).values, rows), strict=True), strict=False):
        if not all(values):  # a quick question; to compare texts and instants with None takes longer than all the rest
            empty = values.count(None)
            if empty == len(rows):
                continue
            if empty:
                holed.append(name)
        given[name] = values
    given["id"] = map(str, given["id"])
    states = given["state"] = [STATES[state] for state in given["state"]]
    given["node_id"] = repeat(node_id, len(rows))
    if states.count(RunState.RUNNING) < len(rows):
        given["node_id"] = [node_id if state is RunState.RUNNING else None for state in states]
        holed.append("node_id")
    for name, read in _READ_WHERE_GIVEN:
        if name in given:
            given[name] = [None if value is None else read(value) for value in given[name]]
    if "created_at" not in given:
        given["created_at"] = given["run_at"]
    elif "created_at" in holed:
        given["created_at"] = [at or due for at, due in zip(given["created_at"], given["run_at"], strict=True)]
    return Run.of_columns(given, holed)


def _given(columns: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """The fields of a run that are not empty, as their defaults are; ``args`` as they are stored."""
    found = {name: value for name, value in columns if value is not None}
    found["id"] = str(found["id"])
    found["state"] = STATES[found["state"]]
    for name, read in _READ_WHERE_GIVEN:
        if name in found:
            found[name] = read(found[name])
    return found


def ended_from(rows: Iterable[Row]) -> tuple[Run, ...]:
    """Those among rows of ``runs`` that have ended, in the order of their ids: what is ended together is told so."""
    runs = [run_from(row) for row in rows]
    return tuple(sorted((run for run in runs if run.state.final), key=lambda run: run.id))


def new_run_values(run: NewRun) -> dict[str, Any]:
    """Every column of a run requested by hand."""
    return {
        "id": run.id,
        "schedule_id": run.schedule_id,
        "task": run.task,
        "args": args_text(run),
        "state": RunState.QUEUED.value,
        "reason": None,
        "origin": run.origin,
        "fire_at": None,
        "covers_until": None,
        "covers_count": None,
        "run_at": run.run_at,
        "delay": run.delay if run.delay is not None else _NO_DELAY,
        "start_by": None,
        "queue": run.queue,
        "priority": run.priority,
        "key": run.key,
        "policies": to_json(dict(run.policies)) if run.policies is not None else None,
        "on_lost": run.on_lost,
        "lost_limit": run.lost_limit,
        "tracking_id": run.tracking_id,
        "parent": run.parent,
        "yielded_to": None,
    }


def args_text(run: NewRun) -> str:
    """What is stored of the arguments of a request."""
    return run.args_text if run.args_text is not None else to_json(dict(run.args))


def fire_values(schedule: Schedule, run_id: str) -> dict[str, Any]:
    """Every column of a row that a fire of this schedule makes, queued and without its times."""
    policies = schedule.effective
    return {
        "id": run_id,
        "schedule_id": schedule.id,
        "task": schedule.task,
        "args": to_json(dict(schedule.args)),
        "state": RunState.QUEUED.value,
        "reason": None,
        "origin": Origin.FIRE.value,
        "fire_at": None,
        "covers_until": None,
        "covers_count": None,
        "run_at": None,
        "delay": _NO_DELAY,
        "start_by": None,
        "queue": policies.queue,
        "priority": policies.priority,
        "key": None,
        "policies": run_policies(schedule.policies, policies),
        "on_lost": policies.on_lost,
        "lost_limit": policies.lost_limit,
        "tracking_id": None,
        "parent": None,
        "yielded_to": None,
    }


def run_policies(own: Mapping[str, Any], effective: Policies) -> str | None:
    """What the schedule itself says, and how its runs take turns, wherever that is inherited from: who ends one of them
    then knows that another may be due at once. As JSON."""
    carried = carried_policies(own, effective)
    return to_json(carried) if carried else None


def carried_policies(own: Mapping[str, Any], effective: Policies) -> Mapping[str, Any]:
    """The same, not as JSON."""
    return {**own, "overlap": effective.overlap} if takes_turns(effective.overlap, Origin.FIRE) else own


def skip_values(schedule: Schedule, skip: PlannedSkip, run_id: str) -> dict[str, Any]:
    """Every column of a skipped row."""
    values = fire_values(schedule, run_id)
    values.update(
        state=RunState.SKIPPED.value,
        reason=skip.reason.value,
        fire_at=skip.fire_at,
        covers_until=skip.covers_until,
        covers_count=skip.covers_count,
        yielded_to=skip.yielded_to,
    )
    return values


def turn_values(values: dict[str, Any], turn: Turn, newest: str | None) -> dict[str, Any]:
    """The row of a request by hand as its turn has it: without a time while it waits, or skipped."""
    if turn is Turn.SKIP:
        return {**values, "state": RunState.SKIPPED.value, "reason": Reason.OVERLAP.value, "yielded_to": newest}
    return values if turn is Turn.NOW else {**values, "run_at": None, "delay": None}


def attempt_from(row: Row) -> Attempt:
    """A row of ``attempts``."""
    return Attempt(
        run_id=str(row["run_id"]),
        attempt=row["attempt"],
        node_id=row["node_id"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        outcome=Outcome(row["outcome"]),
        error=row["error"],
    )


def node_from(row: Row) -> Node:
    """A row of ``nodes``."""
    return Node(
        id=row["id"],
        host=row["host"],
        pid=row["pid"],
        state=NodeState(row["state"]),
        started_at=row["started_at"],
        lease_until=row["lease_until"],
        running=row["running"],
        version=row["version"],
        clock_offset=row["clock_offset"],
        process=row["process"],
    )
