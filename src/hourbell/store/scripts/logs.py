"""What bodies say while they run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hourbell.model.ids import is_run_id
from hourbell.model.log_line import LogLine
from hourbell.store.scripts.runs import get_run, missing_run
from hourbell.store.scripts.script import Row, Script, batch, call

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hourbell.model.log_line import LogBound, Place
    from hourbell.model.progress import ProgressReport


def note_progress(node_id: str, reports: Sequence[ProgressReport]) -> Script[None]:
    """See `LogStore.note_progress`."""
    rows = [
        {"id": one.run_id, "attempt": one.progress.attempt, "progress": one.progress.to_json()}
        for one in sorted(reports, key=lambda one: one.run_id)
    ]
    yield batch("logs.note_progress", rows, node=node_id)


def add_logs(lines: Sequence[LogLine], bounds: Sequence[LogBound]) -> Script[None]:
    """See `LogStore.add_logs`. Runs are locked in the order of their ids, as everywhere."""
    yield batch("logs.add", [_values(line) for line in sorted(lines, key=lambda line: line.run_id)])
    yield batch("logs.trim", [_numbers(bound) for bound in bounds if bound.first_number > 1])
    yield batch("logs.forget", [_attempts(bound) for bound in bounds if bound.first_attempt > 1])


def list_logs(run_id: str, attempt: int | None, after: Place, limit: int) -> Script[Sequence[LogLine]]:
    """See `LogStore.list_logs`. Only an empty answer asks whether there is such a run."""
    if not is_run_id(run_id):
        raise missing_run(run_id)
    past_attempt, past_number = after
    rows = yield call(
        "logs.list", id=run_id, attempt=attempt, past_attempt=past_attempt, past_number=past_number, limit=limit
    )
    if not rows:
        yield from get_run(run_id)
    return [_line(row) for row in rows]


def _values(line: LogLine) -> dict[str, Any]:
    return {
        "run_id": line.run_id,
        "attempt": line.attempt,
        "number": line.number,
        "logged_at": line.logged_at,
        "level": line.level,
        "logger": line.logger,
        "message": line.message,
    }


def _numbers(bound: LogBound) -> dict[str, Any]:
    return {"run_id": bound.run_id, "attempt": bound.attempt, "first_number": bound.first_number}


def _attempts(bound: LogBound) -> dict[str, Any]:
    return {"run_id": bound.run_id, "first_attempt": bound.first_attempt}


def _line(row: Row) -> LogLine:
    return LogLine(
        run_id=str(row["run_id"]),
        attempt=row["attempt"],
        number=row["number"],
        logged_at=row["logged_at"],
        level=row["level"],
        logger=row["logger"],
        message=row["message"],
    )
