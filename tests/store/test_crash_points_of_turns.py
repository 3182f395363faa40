"""Every statement of what makes a run wait, make way or go on, broken before and after: nobody waits for nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta

import pytest

from hourbell.model.jitter import start_of
from hourbell.model.plan import Question
from hourbell.model.policies import Policies
from hourbell.model.run import Run, RunFilter, Settlement
from hourbell.model.run_state import Outcome, RunState
from hourbell.store.scripts import overlap
from store.conftest import Pair
from store.test_crash_points import claim, plan, register, schedule, strike
from support.faults import Moment, Point

_FIRE = ("firing.lock", "overlap.count", "runs.insert", "firing.advance")
_TURNS = ("overlap.announce", "overlap.count", "commit")
STEPS: Mapping[str, Mapping[str, Sequence[str]]] = {
    kind: {
        "buffer": (*_FIRE, *_TURNS),
        "replace": (*_FIRE, "overlap.displace", *_TURNS),
        "replace a queued one": (*_FIRE, "overlap.displace", *_TURNS[:-1], "overlap.release", "commit"),
        "pass on": (
            *settle,
            *("schedules.lock", "overlap.announce", "overlap.count", "overlap.release", "commit"),
        ),
        "sweep": (
            *("nodes.gone", "commit"),
            *("overlap.waiting", "schedules.lock", "overlap.announce", "overlap.count", "overlap.release", "commit"),
        ),
    }
    for kind, settle in (
        ("postgres", ("settling.succeed",)),
        ("sqlite", ("settling.succeed", "settling.succeeded", "commit")),
    )
}


def points(verb: str) -> list[object]:
    """Every point of a verb on both databases; a step that comes again is a point of its own."""
    return [
        pytest.param(kind, point, id=f"{kind}-{point}")
        for kind, verbs in STEPS.items()
        for place, step in enumerate(verbs[verb])
        for moment in ("before", "after")
        for point in (Point(step, moment, verbs[verb][: place + 1].count(step)),)
    ]


lives_or_not = pytest.mark.parametrize("lives", [True, False], ids=["answer-lost", "died"])


def ended(run: Run, outcome: Outcome = Outcome.SUCCEEDED) -> Settlement:
    state = RunState.SUCCEEDED if outcome is Outcome.SUCCEEDED else RunState.CANCELLED
    return Settlement(run_id=run.id, attempt=run.attempt, state=state, outcome=outcome)


async def runs(pair: Pair) -> list[Run]:
    """All runs of the schedule, oldest fire first."""
    found = (await pair.other.list_runs(RunFilter(schedule_id="tick"))).items
    return sorted(found, key=lambda run: run.fire_at or run.created_at)


async def fire(pair: Pair) -> None:
    pair.clock.advance(1)
    await pair.other.fire_due(10, plan)


async def go_on(pair: Pair, lives: bool) -> None:
    """Fire what is due: by the same process, or by another as soon as the server has let go of the dead one's locks."""
    store = pair.struck if lives else pair.other
    async with asyncio.timeout(30):
        while (await store.next_work("b", Question(("t",), None))).fire_due:
            await store.fire_due(10, plan)


async def running(pair: Pair, **policies: object) -> Run:
    """A schedule with one run in the hands of node a."""
    await register(pair, "a", "b")
    await schedule(pair, **policies)
    await fire(pair)
    (held,) = await claim(pair, "a", "c1")
    return held


@pytest.mark.parametrize("pair", ["sqlite", "postgres"], indirect=True)
async def test_the_steps_listed_here_are_all_steps(pair: Pair) -> None:
    async def seen(verb: str, go: object) -> None:
        pair.faults.seen.clear()
        await go  # type: ignore[misc]
        assert pair.faults.seen == list(STEPS[pair.kind][verb])

    held = await running(pair, overlap="buffer_all")
    pair.clock.advance(1)
    await seen("buffer", pair.struck.fire_due(10, plan))
    await seen("pass on", pair.struck.settle("a", [ended(held)]))


@lives_or_not
@pytest.mark.parametrize("pair, point", points("buffer"), indirect=["pair"])
async def test_a_fire_is_buffered_once_and_goes_when_it_is_its_turn(pair: Pair, point: Point, lives: bool) -> None:
    held = await running(pair, overlap="buffer_one")
    pair.clock.advance(1)
    await strike(pair, point, lambda: pair.struck.fire_due(10, plan))
    await go_on(pair, lives)
    first, second = await runs(pair)
    assert (first.state, second.state, second.run_at) == (RunState.RUNNING, RunState.QUEUED, None)
    await pair.other.settle("a", [ended(held)])
    assert [run.id for run in await claim(pair, "b", "c2")] == [second.id]


@lives_or_not
@pytest.mark.parametrize("pair, point", points("replace"), indirect=["pair"])
async def test_a_run_is_asked_to_make_way_once(pair: Pair, point: Point, lives: bool) -> None:
    held = await running(pair, overlap="cancel_other")
    pair.clock.advance(1)
    await strike(pair, point, lambda: pair.struck.fire_due(10, plan))
    await go_on(pair, lives)
    first, second = await runs(pair)
    assert (first.state, first.yielded_to, second.run_at) == (RunState.RUNNING, second.id, None)
    assert first.cancel_requested_at is not None
    await pair.other.settle("a", [ended(held, Outcome.CANCELLED)])
    assert [run.id for run in await claim(pair, "b", "c2")] == [second.id]


@lives_or_not
@pytest.mark.parametrize("pair, point", points("replace a queued one"), indirect=["pair"])
async def test_a_queued_run_makes_way_once(pair: Pair, point: Point, lives: bool) -> None:
    await register(pair, "a")
    await schedule(pair, overlap="cancel_other")
    await fire(pair)
    pair.clock.advance(1)
    await strike(pair, point, lambda: pair.struck.fire_due(10, plan))
    await go_on(pair, lives)
    first, second = await runs(pair)
    assert (first.state, first.yielded_to) == (RunState.SKIPPED, second.id)
    assert [run.id for run in await claim(pair, "a", "c1")] == [second.id]


@pytest.mark.parametrize("pair, point", points("pass on"), indirect=["pair"])
async def test_a_node_that_reports_again_lets_the_next_go(pair: Pair, point: Point) -> None:
    held = await running(pair, overlap="buffer_all")
    await fire(pair)
    await strike(pair, point, lambda: pair.struck.settle("a", [ended(held)]))
    assert await pair.struck.settle("a", [ended(held)]) == {held.id: RunState.SUCCEEDED}
    _, second = await runs(pair)
    assert [run.id for run in await claim(pair, "b", "c2")] == [second.id]


@pytest.mark.parametrize("pair, point", points("pass on"), indirect=["pair"])
async def test_a_node_that_dies_between_an_end_and_the_next_start_holds_nobody_up(pair: Pair, point: Point) -> None:
    held = await running(pair, overlap="buffer_all")
    await fire(pair)
    await strike(pair, point, lambda: pair.struck.settle("a", [ended(held)]))
    pair.clock.advance(20)
    await register(pair, "c")
    await pair.other.rescue({"a": 0})
    started = [run.id for run in await claim(pair, "c", "c2")]
    first, second = await runs(pair)
    assert started == [second.id if first.state is RunState.SUCCEEDED else first.id]


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("pair", ["sqlite", "postgres"], indirect=True)
async def test_a_turn_that_jitter_puts_off_is_put_off_once(pair: Pair, moment: Moment) -> None:
    await register(pair, "a", "b")
    await schedule(pair, overlap="buffer_all", jitter=600)
    await fire(pair)
    await fire(pair)
    first, second = await runs(pair)
    assert first.run_at is not None
    assert second.fire_at is not None
    pair.clock.advance((first.run_at - pair.clock.now()).total_seconds())
    (held,) = await claim(pair, "a", "c1")
    await strike(pair, Point("overlap.delay", moment), lambda: pair.struck.settle("a", [ended(held)]))
    assert await pair.struck.settle("a", [ended(held)]) == {held.id: RunState.SUCCEEDED}
    start = start_of("tick", second.fire_at, Policies(jitter=timedelta(seconds=600)))
    assert (await runs(pair))[1].run_at == max(start, pair.clock.now())


@lives_or_not
@pytest.mark.parametrize("pair, point", points("sweep"), indirect=["pair"])
async def test_a_sweep_lets_go_whoever_waits_for_nothing(pair: Pair, point: Point, lives: bool) -> None:
    held = await running(pair, overlap="buffer_all")
    await fire(pair)
    await strike(pair, Point("schedules.lock", "before"), lambda: pair.struck.settle("a", [ended(held)]))
    await strike(pair, point, lambda: pair.struck.rescue({}))
    await (pair.struck if lives else pair.other).rescue({})
    _, second = await runs(pair)
    assert [run.id for run in await claim(pair, "b", "c2")] == [second.id]


@pytest.mark.parametrize("pair", ["sqlite", "postgres"], indirect=True)
async def test_a_sweep_looks_behind_all_that_wait_for_good_reason(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlap, "MOST_AT_ONCE", 2)
    held = await running(pair, overlap="buffer_one")
    for name in ("a", "b", "c", "d"):
        await schedule(pair, name, overlap="buffer_one")
    await fire(pair)
    assert len(await claim(pair, "b", "c3")) == 4
    await fire(pair)
    await strike(pair, Point("schedules.lock", "before"), lambda: pair.struck.settle("a", [ended(held)]))
    second = (await runs(pair))[1]
    assert second.run_at is None, "whoever should have let it go died in that moment"
    rescue = await pair.other.rescue({})
    assert rescue.released == 1
    assert [run.id for run in await claim(pair, "b", "c4")] == [second.id]
