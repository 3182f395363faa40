"""When there will be something to do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hourbell.model.plan import NextWork
from hourbell.model.run import CancelRequest
from hourbell.model.stored_json import names_from
from hourbell.model.stranded import COUNTED, Stranded
from hourbell.store.scripts.script import Call, Script, call

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from hourbell.model.plan import Question
    from hourbell.store.scripts.script import Row


def next_work(node_id: str, question: Question) -> Script[NextWork]:
    """See `NodeStore.next_work`."""
    rows = yield ask(node_id, question)
    return work_from(rows[0])


def ask(
    node_id: str,
    question: Question,
    *,
    lease: timedelta | None = None,
    running: int | None = None,
    clock_offset: float | None = None,
) -> Call:
    """The question itself; with a ``lease``, as a part of the renewal."""
    return call(
        "watching.next_work",
        node=node_id,
        tasks=list(question.tasks),
        queues=list(question.queues) if question.queues is not None else None,
        since=question.since,
        fires=question.fires,
        lease=lease,
        running=running,
        clock_offset=clock_offset,
    )


def work_from(row: Row) -> NextWork:
    """The answer, from any of its rows."""
    return NextWork(
        now=row["now_at"],
        fire_due=bool(row["fire_due"]),
        next_fire_at=row["next_fire_at"],
        run_due=bool(row["run_due"]),
        next_run_at=row["next_run_at"],
        since=row["since"],
        next_fires=row["next_fires"],
        cancelling=tuple(CancelRequest(*request) for request in sorted(json.loads(row["cancelling"] or "[]"))),
    )


def stranded(patience: timedelta) -> Script[Sequence[Stranded]]:
    """See `NodeStore.stranded`."""
    waiting = yield call("watching.waiting", patience=patience)
    if not waiting:
        return []
    able = yield call("watching.able", tasks=sorted({row["task"] for row in waiting}))
    serving: dict[str, list[Sequence[str] | None]] = {}
    for row in able:
        serving.setdefault(row["task"], []).append(names_from(row["queues"]))
    found: list[Stranded] = []
    for row in waiting:
        served = serving.get(row["task"], [])
        if any(queues is None or row["queue"] in queues for queues in served):
            continue
        runs = yield call("runs.waiting", queue=row["queue"], task=row["task"], limit=COUNTED)
        found.append(
            Stranded(
                queue=row["queue"],
                task=row["task"],
                since=row["since_at"],
                count=len(runs),
                known=bool(served),
                schedules=tuple(sorted({run["schedule_id"] for run in runs if run["schedule_id"] is not None})),
            )
        )
    return found
