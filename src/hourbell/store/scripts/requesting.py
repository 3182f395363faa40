"""Requests by hand: one as plain values, many as few columns as say it."""

from __future__ import annotations

from datetime import timedelta
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from hourbell.model.run import Run
from hourbell.model.run_state import RunState
from hourbell.model.stored_json import mapping_from
from hourbell.store.scripts.rows import args_text, new_run_values, run_from
from hourbell.store.scripts.script import Call, Script, batch, call, to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from hourbell.model.run import NewRun
    from hourbell.store.scripts.script import Row

_DAY = timedelta(days=1)
_NO_DELAY = timedelta(0)
_COLUMNS: Mapping[str, tuple[str, Callable[[NewRun], Any]]] = {
    name: (f"{name}_of_each", attrgetter(name))
    for name in (
        *("schedule_id", "task", "origin", "run_at", "delay", "queue", "priority", "key", "on_lost", "lost_limit"),
        *("tracking_id", "parent"),
    )
}
"""What a run of many is asked for with, beside its id and its texts; and the name of the list that says it for each."""


def enqueue(runs: Sequence[NewRun], hint: Call | None = None, *, in_steps: bool) -> Script[Sequence[Run]]:
    """See `RunStore.enqueue`. ``hint`` follows once they are written, before anything is made of the answer.

    ``in_steps``: a batch is written row by row, where it can be no single statement.
    """
    for run in runs:
        if run.key is not None and run.key_period is not None:
            yield call("runs.release_key", task=run.task, key=run.key, period=run.key_period)
    if len(runs) == 1:
        return (yield from _one(runs[0], hint))
    if in_steps or any(run.delay is not None and run.delay >= _DAY for run in runs):
        rows = yield from insert_runs([new_run_values(run) for run in runs])
        if hint is not None:
            yield hint
        return [run_from(row) for row in rows]
    return (yield from _many(runs, hint)) if runs else ()


def _one(run: NewRun, hint: Call | None) -> Script[Sequence[Run]]:
    values = new_run_values(run)
    rows = yield call("runs.request", **values)
    there = () if rows else (yield from insert_runs([values]))
    if hint is not None:
        yield hint
    if there:
        return [run_from(there[0])]
    return [_requested(run, values["args"], values["policies"], rows[0]["created_at"], rows[0]["run_at"])]


def _many(runs: Sequence[NewRun], hint: Call | None) -> Script[Sequence[Run]]:
    """All in one statement, which answers only what is not known: when it was, and where not all are new, which are.
    No run whose delay has days in it is among them, for it is the database that knows how long those are."""
    if any(run.key is not None for run in runs):
        # Two batches of the same keys would otherwise wait for each other.
        ordered = sorted(runs, key=lambda run: (run.task, run.key or ""))
    else:
        ordered = list(runs)
    args = [args_text(run) for run in ordered]
    policies = [to_json(dict(run.policies)) if run.policies is not None else None for run in ordered]
    rows = yield Call("runs.request_many", _columns(ordered, args, policies))
    if hint is not None:
        yield hint
    at: datetime = rows[0]["created_at"]
    texts = zip(ordered, args, policies, strict=True)
    made = {run.id: _requested(run, given, own, at, _start(run, at)) for run, given, own in texts}
    if rows[0]["ids"] is not None:
        inserted = set(map(str, rows[0]["ids"]))
        for run in ordered:
            if run.id not in inserted:
                made[run.id] = run_from((yield from _there(run.id, run.task, run.key)))
    return [made[run.id] for run in runs]


def _columns(runs: Sequence[NewRun], args: list[str], policies: list[str | None]) -> dict[str, Any]:
    """The parameters. What all have in common is said once: no list has to be made, sent and read for it."""
    bound: dict[str, Any] = {"ids": "{" + ",".join([run.id for run in runs]) + "}", "args": args}
    for name, (each, read) in _COLUMNS.items():
        bound[name], bound[each] = _shared(list(map(read, runs)))
    bound["policies"], bound["policies_of_each"] = _shared(policies)
    return bound


def _shared(values: list[Any]) -> tuple[Any, list[Any]]:
    """What these values have in common and no list, or nothing and the list."""
    first = values[0]
    return (first, []) if values.count(first) == len(values) else (None, values)


def _start(run: NewRun, at: datetime) -> datetime:
    """When the database will have it start."""
    return run.run_at if run.run_at is not None else at + (run.delay or _NO_DELAY)


def _requested(run: NewRun, args: str, policies: str | None, created_at: datetime, run_at: datetime) -> Run:
    """The run as it is stored now, of what was asked for, its texts, and the two instants: there is nothing else to be
    read back."""
    found = {
        "id": run.id,
        "task": run.task,
        "state": RunState.QUEUED,
        "origin": str(run.origin),
        "created_at": created_at,
        "schedule_id": run.schedule_id,
        "run_at": run_at.astimezone(created_at.tzinfo),
        "queue": run.queue,
        "priority": run.priority,
        "key": run.key,
        "policies": mapping_from(policies) if policies is not None else None,
        "on_lost": run.on_lost,
        "lost_limit": run.lost_limit,
        "tracking_id": run.tracking_id,
        "parent": run.parent,
    }
    return Run.of_fields(found, args)


def insert_runs(values: Sequence[Mapping[str, Any]]) -> Script[Sequence[Row]]:
    """Insert runs by hand; for those that exist already (same id or same key) find the rows that are there."""
    inserted = yield batch("runs.insert", values)
    found = {str(row["id"]): row for row in inserted}
    answer: list[Row] = []
    for wanted in values:
        row = found.get(wanted["id"])
        if row is None:
            row = yield from _there(wanted["id"], wanted["task"], wanted["key"])
        answer.append(row)
    return answer


def _there(run_id: str, task: str, key: str | None) -> Script[Row]:
    """The run that a request was not written for: it was asked for before, or another has its key."""
    rows = yield call("runs.get", id=run_id)
    if not rows:
        rows = yield call("runs.of_key", task=task, key=key)
    return rows[0]
