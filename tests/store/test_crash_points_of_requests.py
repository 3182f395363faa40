"""Every statement of what users and time ask for, broken before and after: retries, backfills, catching up, pruning.

All points of a verb are tried one after the other on one database: what was broken before is part of what is there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from hourbell.engine.planning import plan_fires
from hourbell.errors import Conflict
from hourbell.model.ids import new_claim_id
from hourbell.model.plan import Question
from hourbell.model.retention import Retention
from hourbell.model.run import Run, RunFilter, Settlement
from hourbell.model.run_state import Outcome, RunState
from store.conftest import Pair
from store.test_crash_points import LEASE, claim, enqueue, register, schedule, strike
from store.test_crash_points_of_turns import fire
from support.faults import Moment, Point

_RETRY = ("runs.lock", "runs.keep_attempt", "runs.requeue")
_TURNS = ("overlap.announce", "overlap.count", "overlap.release")
STEPS: Mapping[str, Sequence[str]] = {
    "retry": ("runs.get", *_RETRY, "commit"),
    "retry in turn": ("runs.get", "schedules.lock", *_RETRY, "overlap.wait", *_TURNS, "runs.get", "commit"),
    "retry many": ("runs.schedules", "runs.get", *_RETRY, "runs.get", *_RETRY, "commit"),
    "prune": (
        *("clock.read", "runs.prune_succeeded", "runs.kept", *["runs.prune_aside"] * 3),
        *("nodes.prune", "declarations.prune", "nodes.forget_tasks", "audit.prune", "guards.prune", "commit"),
    ),
    "backfill": ("schedules.lock", "runs.insert", *_TURNS, "commit"),
    "catch up": ("firing.lock", "overlap.count", "pace.take", "runs.insert", "firing.advance", "commit"),
}
MONTH = Retention(timedelta(days=30))
TEN_A_SECOND = partial(plan_fires, lease=LEASE, apart=timedelta(seconds=0.1))

pytestmark = pytest.mark.parametrize("pair", ["sqlite", "postgres"], indirect=True)


def points(verb: str) -> Iterator[tuple[Point, bool]]:
    """Every point of a verb, and whether the process lives on to ask again or is gone; a step that comes again is a
    point of its own."""
    moments: tuple[Moment, ...] = ("before", "after")
    steps = STEPS[verb]
    for place, step in enumerate(steps):
        for moment in moments:
            for lives in (True, False):
                yield Point(step, moment, steps[: place + 1].count(step)), lives


def failed(run: Run) -> Settlement:
    return Settlement(
        run_id=run.id, attempt=run.attempt, state=RunState.FAILED, outcome=Outcome.FAILED, failed=True, error="boom"
    )


async def fail_all(pair: Pair, count: int = 100) -> list[Run]:
    """Claim what is due under node a, and have it fail."""
    held = [run for _ in range(count) for run in await claim(pair, "a", new_claim_id())]
    await pair.other.settle("a", [failed(run) for run in held])
    return sorted(held, key=lambda run: run.id)


async def dead_letters(pair: Pair, count: int = 1) -> list[Run]:
    for _ in range(count):
        await enqueue(pair)
    return await fail_all(pair, 1)


async def is_retried_once(pair: Pair, run: Run) -> None:
    again = await pair.other.get_run(run.id)
    assert (again.state, again.attempt, again.failures, again.error) == (RunState.QUEUED, 1, 0, None)
    kept = [(one.attempt, one.outcome, one.error) for one in await pair.other.list_attempts(run.id)]
    assert kept == [(1, Outcome.FAILED, "boom")]


async def test_the_steps_listed_here_are_all_steps(pair: Pair) -> None:
    async def seen(verb: str, go: Awaitable[object]) -> None:
        pair.faults.seen.clear()
        await go
        assert pair.faults.seen == list(STEPS[verb])

    await register(pair, "a")
    one, *two = await dead_letters(pair, 3)
    await seen("retry", pair.struck.retry_run(one.id))
    await seen("retry many", pair.struck.retry_runs([run.id for run in two]))
    await seen("prune", pair.struck.prune(MONTH, 10))


async def test_a_run_is_queued_again_once_and_keeps_its_history(pair: Pair) -> None:
    await register(pair, "a")
    for point, lives in points("retry"):
        (run,) = await dead_letters(pair)
        await strike(pair, point, partial(pair.struck.retry_run, run.id, {"n": 2}))
        before = await pair.other.get_run(run.id)
        assert (before.state, before.args) in [(RunState.FAILED, {}), (RunState.QUEUED, {"n": 2})], point
        with suppress(Conflict):  # it was queued, and only the answer was lost
            await (pair.struck if lives else pair.other).retry_run(run.id, {"n": 2})
        await is_retried_once(pair, run)
        (again,) = await claim(pair, "a", new_claim_id())
        assert (again.id, again.attempt, again.args) == (run.id, 2, {"n": 2})
        await pair.other.settle("a", [failed(again)])


async def test_a_retry_takes_its_turn_once(pair: Pair) -> None:
    await register(pair, "a")
    await schedule(pair, overlap="buffer_all")
    for point, lives in points("retry in turn"):
        await fire(pair)
        (first,) = await fail_all(pair, 1)
        await strike(pair, point, partial(pair.struck.retry_run, first.id))
        with suppress(Conflict):
            await (pair.struck if lives else pair.other).retry_run(first.id)
        await is_retried_once(pair, first)
        assert [run.id for run in await fail_all(pair, 2)] == [first.id], "it waits for nobody"


async def test_many_are_queued_again_together(pair: Pair) -> None:
    await register(pair, "a")
    for point, lives in points("retry many"):
        dead = await dead_letters(pair, 2)
        ids = [run.id for run in dead]
        await strike(pair, point, partial(pair.struck.retry_runs, ids))
        states = {(await pair.other.get_run(run_id)).state for run_id in ids}
        assert len(states) == 1, f"{point}: some were queued again, and some were not"
        await (pair.struck if lives else pair.other).retry_runs(ids)
        for run in dead:
            await is_retried_once(pair, run)
        await fail_all(pair, 1)


async def test_what_is_old_is_deleted_and_nothing_else(pair: Pair) -> None:
    for point, lives in points("prune"):
        await register(pair, "a")
        old, kept = await dead_letters(pair, 2)
        await pair.other.retry_run(kept.id)
        await pair.other.retire_node("a")
        pair.clock.advance(3600 * 24 * 366)
        young = await enqueue(pair)
        await pair.other.cancel_run(young.id)
        await strike(pair, point, partial(pair.struck.prune, MONTH, 100))
        async with asyncio.timeout(30):  # what a dead one still has locked is passed over until the server notices
            while old.id in await left(pair):
                await (pair.struck if lives else pair.other).prune(MONTH, 100)
        assert await left(pair) == {kept.id, young.id}, point
        assert await pair.other.list_attempts(old.id) == []
        assert len(await pair.other.list_attempts(kept.id)) == 1
        await pair.other.prune(MONTH, 100)
        assert await pair.other.list_nodes() == []
        await pair.other.cancel_run(kept.id)


async def left(pair: Pair) -> set[str]:
    return {run.id for run in (await pair.other.list_runs(RunFilter(limit=100))).items}


async def test_due_times_are_backfilled_once(pair: Pair) -> None:
    await register(pair, "a")
    await schedule(pair)
    due = [datetime(2020, 1, 1, hour, tzinfo=UTC) for hour in range(3)]
    for number, (point, lives) in enumerate(points("backfill")):
        origin = f"backfill:{number}"
        await strike(pair, point, partial(pair.struck.backfill, "tick", origin, due))
        made = await of_origin(pair, origin)
        assert len(made) in (0, 3), f"{point}: a transaction left half of what it had to write"
        await (pair.struck if lives else pair.other).backfill("tick", origin, due)
        assert await pair.other.backfill("tick", origin, due) == 0
        assert [run.fire_at for run in await of_origin(pair, origin)] == due
        ran = [(await fail_all(pair, 1))[0].fire_at for _ in due]
        assert ran == due, "one after the other, in their order"


async def of_origin(pair: Pair, origin: str) -> list[Run]:
    found = (await pair.other.list_runs(RunFilter(schedule_id="tick", limit=1000))).items
    return sorted((run for run in found if run.origin == origin), key=lambda run: run.fire_at or run.created_at)


async def test_no_place_in_the_line_is_taken_twice_or_lost(pair: Pair) -> None:
    await schedule(pair, overlap="skip", max_running=1000, catch_up="all")
    before = 0
    for point, lives in points("catch up"):
        pair.clock.advance(20)
        await strike(pair, point, partial(pair.struck.fire_due, 10, TEN_A_SECOND))
        async with asyncio.timeout(30):  # the server lets go of a dead one's locks as soon as it notices
            while (await pair.other.next_work("a", Question(("t",), None))).fire_due:
                await (pair.struck if lives else pair.other).fire_due(10, TEN_A_SECOND)
        made = (await pair.other.list_runs(RunFilter(schedule_id="tick", limit=1000))).items
        waits = sorted(run.run_at - pair.clock.now() for run in made if run.run_at is not None)[before:]
        assert len(made) == before + 20
        assert waits[1:] == [timedelta(seconds=0.1) * place for place in range(1, 20)], f"{point}: one place each"
        before += 20
