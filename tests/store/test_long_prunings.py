"""What is kept for long keeps nobody from finding what goes behind it: a step looks at so much, and goes on there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest

from hourbell.model.retention import FROM_THE_FIRST, Retention
from hourbell.model.run import Run, RunFilter, Settlement
from hourbell.model.run_state import Outcome, RunState
from hourbell.store.scripts import runs
from store.conftest import Pair
from store.test_crash_points import claim, enqueue, register

RETENTION = Retention(timedelta(days=1), failed=timedelta(days=300))
KEPT, GONE = 45, 7


@pytest.mark.parametrize("limit", [3, 5])
@pytest.mark.parametrize("pair", ["sqlite", "postgres"], indirect=True)
async def test_a_step_looks_at_so_many(pair: Pair, limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "MOST_SEEN", 10)
    await register(pair, "a")
    made = await history(pair)
    pair.clock.advance(timedelta(days=2).total_seconds())
    beyond: Mapping[RunState, str] = FROM_THE_FIRST
    deleted, steps = 0, 0
    while True:
        pruned = await pair.struck.prune(RETENTION, limit, beyond)
        deleted, steps = deleted + pruned.deleted, steps + 1
        if not pruned.is_cut_short and pruned.deleted < limit:
            break
        assert pruned.reached[RunState.SUCCEEDED] > beyond.get(RunState.SUCCEEDED, ""), "each comes further"
        beyond = {**beyond, **pruned.reached}
    assert deleted == GONE
    assert steps >= KEPT // 10
    left = (await pair.other.list_runs(RunFilter(limit=100))).items
    assert {run.id for run in left} == {run.id for run in made if run.state is RunState.FAILED}
    assert pair.faults.seen.count("nodes.prune") == 1, "what is done at the end is done at the end"


async def history(pair: Pair) -> list[Run]:
    """What failed and is kept, with what succeeded in the midst of it and behind it."""
    for _ in range(KEPT + GONE):
        pair.clock.advance(1)
        await enqueue(pair)
    claimed: list[Run] = []
    while some := await claim(pair, "a", f"c{len(claimed)}"):
        claimed += some
    claimed.sort(key=lambda run: run.id)
    await pair.other.settle("a", [ended(run, number) for number, run in enumerate(claimed)])
    return list((await pair.other.list_runs(RunFilter(limit=100))).items)


def ended(run: Run, number: int) -> Settlement:
    if number == KEPT // 2 or number > KEPT:
        return Settlement(run_id=run.id, attempt=1, state=RunState.SUCCEEDED, outcome=Outcome.SUCCEEDED)
    return Settlement(run_id=run.id, attempt=1, state=RunState.FAILED, outcome=Outcome.FAILED, error="e")
