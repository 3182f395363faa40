"""What is queued of a schedule ends with its pause or removal in bounded steps, whatever breaks between two of them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from hourbell.errors import StoreUnavailable
from hourbell.model.editing import pausing, resuming
from hourbell.model.run import Run, RunFilter
from hourbell.model.run_state import Reason, RunState
from hourbell.model.schedule import ScheduleState
from hourbell.model.schedule_filter import ScheduleFilter
from hourbell.store.scripts import endings
from store.conftest import Pair
from store.test_crash_points import plan, register, schedule
from support.faults import Point

ALL = ScheduleFilter()
pytestmark = pytest.mark.usefixtures("small")
BOTH = pytest.mark.parametrize("pair", ["sqlite", "postgres"], indirect=True)
VERBS = pytest.mark.parametrize("verb", ["pause", "remove"])
REASONS = {"pause": Reason.PAUSED, "remove": Reason.REMOVED}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs at a time."""
    monkeypatch.setattr(endings, "MOST_AT_ONCE", 2)


async def backlog(pair: Pair, count: int) -> list[str]:
    """So many fires of a schedule that wait for a node."""
    await register(pair, "a")
    await schedule(pair, overlap="allow")
    for _ in range(count):
        await fire(pair)
    return [run.id for run in await states(pair, RunState.QUEUED)]


async def fire(pair: Pair) -> None:
    pair.clock.advance(1)
    assert len((await pair.other.fire_due(10, plan)).fired) == 1


async def states(pair: Pair, state: RunState) -> Sequence[Run]:
    return (await pair.other.list_runs(RunFilter(state=state))).items


async def carry_out(pair: Pair, verb: str) -> list[int]:
    """How many runs ended in each part."""
    told: list[int] = []
    if verb == "pause":
        await pair.struck.edit_schedule("tick", pausing(None), ended=lambda runs: told.append(len(runs)))
    else:
        await pair.struck.remove_schedule("tick", ended=lambda runs: told.append(len(runs)))
    return told


@BOTH
@VERBS
async def test_each_transaction_ends_so_much_and_no_more(pair: Pair, verb: str) -> None:
    runs = await backlog(pair, 5)
    assert await carry_out(pair, verb) == [2, 2, 1]
    steps = [step for step in pair.faults.seen if step in ("endings.end", "commit")]
    assert steps == ["endings.end", "commit"] * 3
    skipped = await states(pair, RunState.SKIPPED)
    assert {run.id for run in skipped} == set(runs)
    assert {run.reason for run in skipped} == {REASONS[verb]}
    assert not (await pair.other.upkeep("a")).ending


@BOTH
@VERBS
@pytest.mark.parametrize(
    "point", [Point("endings.end", "before", 2), Point("commit", "before", 2), Point("commit", "after", 2)], ids=str
)
async def test_what_breaks_between_two_leaves_the_rest_to_whoever_rescues(pair: Pair, verb: str, point: Point) -> None:
    runs = await backlog(pair, 5)
    pair.faults.arm(point)
    with pytest.raises(StoreUnavailable):
        await carry_out(pair, verb)
    assert pair.faults.struck
    stands = [one.state for one in (await pair.other.list_schedules(ALL)).items]
    assert stands == ([ScheduleState.PAUSED] if verb == "pause" else []), "that much is certain"
    left = len(await states(pair, RunState.QUEUED))
    assert 0 < left < 5
    assert (await pair.other.upkeep("a")).ending
    rescue = await pair.other.rescue({})
    assert (len(rescue.ended), rescue.failed, rescue.cancelled, rescue.is_cut_short) == (left, 0, 0, False)
    assert {run.id for run in await states(pair, RunState.SKIPPED)} == set(runs)
    assert not (await pair.other.upkeep("a")).ending


@BOTH
@VERBS
async def test_what_is_made_after_that_is_none_of_it(pair: Pair, verb: str) -> None:
    runs = await backlog(pair, 5)
    pair.faults.arm(Point("endings.begin", "before"))
    with pytest.raises(StoreUnavailable):
        await carry_out(pair, verb)
    pair.clock.advance(10)
    if verb == "pause":
        await pair.other.edit_schedule("tick", resuming())
    else:
        await schedule(pair, overlap="allow")
    await fire(pair)
    assert len((await pair.other.rescue({})).ended) == 3
    (new,) = await states(pair, RunState.QUEUED)
    assert new.id not in runs


@BOTH
async def test_a_pause_again_ends_what_the_first_one_left(pair: Pair) -> None:
    runs = await backlog(pair, 5)
    pair.faults.arm(Point("endings.begin", "before"))
    with pytest.raises(StoreUnavailable):
        await carry_out(pair, "pause")
    assert sum(await carry_out(pair, "pause")) == 3
    assert {run.id for run in await states(pair, RunState.SKIPPED)} == set(runs)


@BOTH
async def test_who_rescues_spends_so_much_on_it_and_comes_again(pair: Pair) -> None:
    await backlog(pair, 30)
    pair.faults.arm(Point("endings.begin", "before"))
    with pytest.raises(StoreUnavailable):
        await carry_out(pair, "remove")
    rescue = await pair.other.rescue({})
    assert rescue.is_cut_short
    assert 0 < len(rescue.ended) < 28
    rescue = await pair.other.rescue({})
    assert not rescue.is_cut_short
    assert await states(pair, RunState.QUEUED) == ()
