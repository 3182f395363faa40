"""How attempts ended, written under the fence."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from hourbell.model import history
from hourbell.model.run_state import Outcome, RunState
from hourbell.model.stored_json import names_from
from hourbell.store.scripts.rows import STATES
from hourbell.store.scripts.script import Row, Script, batch, call

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hourbell.model.run import Settlement

_RUN_ID = attrgetter("run_id")


@dataclass(frozen=True, slots=True)
class Settled:
    """``accepted``: what the runs have become whose report counts, by their ids. ``passes_on``: the schedules in which
    somebody waited for them."""

    accepted: Mapping[str, RunState]
    passes_on: frozenset[str]


def settle_at_once(node_id: str, settlements: Sequence[Settlement]) -> Script[Settled]:
    """See `RunStore.settle`, in one statement: for databases with row locks. Where all have succeeded, which is nearly
    always, it is one that carries little of each."""
    if not all(map(_says_no_more, settlements)):
        rows = [_values(settlement) for settlement in settlements]
        written = yield batch("settling.settle", rows, node=node_id)
        return (yield from _settled(node_id, rows, written))
    ordered = sorted(settlements, key=_RUN_ID)
    ids = [one.run_id for one in ordered]
    results = [one.result for one in ordered]
    counted = yield call(
        "settling.succeed",
        node=node_id,
        # As text: a driver encodes a list element by element, and that took as long as all else here.
        ids=f"{{{','.join(ids)}}}",
        attempts=f"{{{','.join([str(one.attempt) for one in ordered])}}}",
        result=results if any(results) else None,
        started=[one.started for one in ordered],
        finished=[one.finished for one in ordered],
    )
    if counted[0]["written"] != len(ordered):
        return (yield from _settled(node_id, [_values(one) for one in ordered], ()))
    return Settled(dict.fromkeys(ids, RunState.SUCCEEDED), frozenset(counted[0]["passes_on"] or ()))


def settle_in_steps(node_id: str, settlements: Sequence[Settlement]) -> Script[Settled]:
    """See `RunStore.settle`, for databases where the transaction holds everything. Where all have succeeded they are
    written at once; else row by row, and attempts that end without ending their run are kept while that shows them."""
    if all(map(_says_no_more, settlements)):
        ids = [one.run_id for one in settlements]
        reports = [
            [one.run_id, one.attempt, one.result, _ticks(one.started), _ticks(one.finished)] for one in settlements
        ]
        yield call("settling.succeed", node=node_id, reports=reports)
        counted = yield call("settling.succeeded", ids=ids)
        if counted[0]["written"] != len(ids):
            return (yield from _settled(node_id, [_values(one) for one in settlements], ()))
        passes_on = frozenset(names_from(counted[0]["passes_on"]) or ())
        return Settled(dict.fromkeys(ids, RunState.SUCCEEDED), passes_on)
    rows = [_values(settlement) for settlement in settlements]
    yield batch("settling.keep", [row for row in rows if row["state"] == "queued"], node=node_id)
    written = yield batch("settling.settle", rows, node=node_id)
    return (yield from _settled(node_id, rows, written))


def _ticks(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1_000_000)


def _settled(node_id: str, rows: Sequence[dict[str, Any]], written: Sequence[Row]) -> Script[Settled]:
    """What was written, or stands already since an earlier try, whose answer was lost."""
    accepted = {str(row["id"]): STATES[row["state"]] for row in written}
    passes_on = {row["passes_on"] for row in written}
    missing = [row for row in rows if row["id"] not in accepted]
    if missing:
        found = yield batch("settling.read_back", missing, node=node_id)
        accepted.update((str(row["id"]), STATES[row["state"]]) for row in found)
        passes_on.update(row["passes_on"] for row in found)
    yield batch("settling.forget", _outgrown(rows, accepted))
    return Settled(accepted, frozenset(passes_on - {None}))


def _says_no_more(settlement: Settlement) -> bool:
    """A success, its result and its times, and nothing else."""
    outcome, error, failed = settlement.outcome, settlement.error, settlement.failed
    return settlement.state is RunState.SUCCEEDED and outcome is Outcome.SUCCEEDED and error is None and not failed


def _outgrown(rows: Sequence[Mapping[str, Any]], accepted: Mapping[str, RunState]) -> list[dict[str, Any]]:
    """The runs whose history has become longer than is kept, and the newest attempt that is forgotten of each."""
    most = history.MOST_ATTEMPTS
    return [
        {"id": row["id"], "newest": row["attempt"] - most}
        for row in rows
        if row["attempt"] > most and accepted.get(row["id"]) is RunState.QUEUED
    ]


def is_settled(node_id: str, run_id: str, attempt: int) -> Script[bool]:
    """See `RunStore.is_settled`. The lock waits for whoever has written the row and not committed yet."""
    rows = yield call("runs.lock", id=run_id)
    wanted = (RunState.SUCCEEDED.value, node_id, attempt)
    return bool(rows) and (rows[0]["state"], rows[0]["node_id"], rows[0]["attempt"]) == wanted


def _values(settlement: Settlement) -> dict[str, Any]:
    return {
        "id": settlement.run_id,
        "attempt": settlement.attempt,
        "state": settlement.state.value,
        "outcome": settlement.outcome.value,
        "failed": settlement.failed,
        "delay": settlement.delay,
        "error": settlement.error,
        "result": settlement.result,
        "started_at": settlement.started_at,
        "finished_at": settlement.finished_at,
    }
