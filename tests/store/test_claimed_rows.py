"""What a claim answers becomes runs column by column: where the rows differ, each is as its own row says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hourbell.model.run_state import Reason, RunState
from hourbell.store.scripts.rows import claimed_from

DUE = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)


def _row(number: int, **given: Any) -> dict[str, Any]:
    usual = {
        "id": f"run-{number}",
        "schedule_id": None,
        "task": "ring",
        "args": f'{{"number":{number}}}',
        "state": "running",
        "reason": None,
        "origin": "enqueue",
        "run_at": DUE,
        "priority": None,
        "policies": None,
        "attempt": 1,
        "created_at": None,
        "is_live": None,
    }
    return usual | given


def test_rows_that_say_the_same_are_as_usual() -> None:
    runs = claimed_from([_row(number) for number in range(3)], "here")
    assert [(run.id, run.args, run.node_id) for run in runs] == [
        (f"run-{number}", {"number": number}, "here") for number in range(3)
    ]
    assert {(run.created_at, run.run_at, run.priority, run.queue, run.on_lost) for run in runs} == {
        (DUE, DUE, 0, "default", "retry")
    }
    assert "priority" not in runs[0].__dict__, "what is as usual stands in the class"


def test_what_only_some_of_the_rows_say_is_theirs_alone() -> None:
    earlier = DUE - timedelta(hours=1)
    rows = [
        _row(0),
        _row(1, schedule_id="daily", policies='{"timeout": 5}', created_at=earlier),
        _row(2, priority=-7),
        _row(3, state="skipped", reason="missed", attempt=0),
    ]
    plain, fired, urgent, missed = claimed_from(rows, "here")
    assert (fired.schedule_id, fired.policies, fired.created_at) == ("daily", {"timeout": 5}, earlier)
    assert {(run.schedule_id, run.created_at) for run in (plain, urgent, missed)} == {(None, DUE)}
    assert [run.policies for run in (plain, urgent, missed)] == [None] * 3
    assert [run.priority for run in (plain, fired, urgent, missed)] == [0, 0, -7, 0]
    assert (missed.state, missed.reason, missed.node_id, missed.attempt) == (RunState.SKIPPED, Reason.MISSED, None, 0)
    assert {run.node_id for run in (plain, fired, urgent)} == {"here"}
    assert {run.state for run in (plain, fired, urgent)} == {RunState.RUNNING}


def test_nothing_and_zero_are_not_the_same() -> None:
    assert claimed_from([], "here") == []
    (run,) = claimed_from([_row(0, priority=0, schedule_id="")], "here")
    assert (run.priority, run.schedule_id) == (0, "")
