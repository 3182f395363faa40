"""When there will be something to do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hourbell.model.plan import NextWork
from hourbell.model.run import CancelRequest
from hourbell.store.scripts.script import Script, call

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence


def next_work(node_id: str, tasks: Collection[str], queues: Sequence[str] | None) -> Script[NextWork]:
    """See `NodeStore.next_work`."""
    rows = yield call(
        "watching.next_work",
        node=node_id,
        tasks=list(tasks),
        queues=list(queues) if queues is not None else None,
    )
    row = rows[0]
    return NextWork(
        now=row["now_at"],
        fire_due=bool(row["fire_due"]),
        next_fire_at=row["next_fire_at"],
        run_due=bool(row["run_due"]),
        next_run_at=row["next_run_at"],
        next_lease_expiry=row["lease_until"],
        cancelling=tuple(CancelRequest(*request) for request in sorted(json.loads(row["cancelling"] or "[]"))),
    )
