"""How attempts ended, written under the fence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hourbell.model import history
from hourbell.model.run_state import RunState
from hourbell.store.scripts.rows import STATES
from hourbell.store.scripts.script import Script, batch, call

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hourbell.model.run import Settlement


@dataclass(frozen=True, slots=True)
class Settled:
    """``accepted``: what the runs have become whose report counts, by their ids. ``passes_on``: the schedules in which
    somebody waited for them."""

    accepted: Mapping[str, RunState]
    passes_on: frozenset[str]


def settle(node_id: str, settlements: Sequence[Settlement], *, keep_first: bool) -> Script[Settled]:
    """See `RunStore.settle`. ``keep_first``: the dialect writes ended attempts in a statement of its own."""
    rows = [_values(settlement) for settlement in settlements]
    if keep_first:
        yield batch("settling.keep", [row for row in rows if row["state"] == "queued"], node=node_id)
    written = yield batch("settling.settle", rows, node=node_id)
    accepted = {str(row["id"]): STATES[row["state"]] for row in written}
    passes_on = {row["passes_on"] for row in written}
    missing = [row for row in rows if row["id"] not in accepted]
    if missing:
        found = yield batch("settling.read_back", missing, node=node_id)
        accepted.update((str(row["id"]), STATES[row["state"]]) for row in found)
        passes_on.update(row["passes_on"] for row in found)
    yield batch("settling.forget", _outgrown(rows, accepted))
    return Settled(accepted, frozenset(passes_on - {None}))


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
