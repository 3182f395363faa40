"""A node that ends while it fires and takes: what it takes is not left behind with it."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from hourbell.engine.planning import plan_fires
from hourbell.model.offer import Offer
from hourbell.model.run import RunFilter
from hourbell.model.run_state import RunState
from store.test_crash_points import LEASE
from store.test_turns_in_between import beside_each_other, paused_after


@pytest.mark.parametrize("statement", ["firing.lock", "firing.record"])
async def test_who_leaves_waits_for_what_it_is_taking(postgres_url: str, statement: str) -> None:
    """Without the lock on the node's row, it would be stopped and hold a run, until somebody swept up after it."""
    async with beside_each_other(postgres_url) as (clock, store, firing):
        clock.advance(1)
        reached, go = paused_after(firing, statement, 1)
        offer = Offer("a", "c1", [(["t"], 5)])
        taking = asyncio.ensure_future(firing.fire_due(10, partial(plan_fires, lease=LEASE), (), offer))
        await reached.wait()
        leaving = asyncio.ensure_future(store.retire_node("a"))
        done, _ = await asyncio.wait({leaving}, timeout=0.3)
        assert not done, "it waits for the node's own fire"
        go.set()
        (taken,) = (await taking).taken
        await leaving
        (run,) = (await store.list_runs(RunFilter())).items
        assert (run.id, run.state, run.node_id) == (taken.id, RunState.QUEUED, None)
        assert await store.held("a") == []
