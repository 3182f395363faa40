"""Deleting what is old: as fast as it comes, never the whole time, and without reading again what is gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from engine.bench import Bench
from hourbell.clock import ManualClock
from hourbell.engine.pruning import BATCH, LEAST, LEAST_REST, MOST, MOST_AT_ONCE, REST, SHORTEST, STATEMENTS, Pruning
from hourbell.engine.whole_look import RARELY
from hourbell.errors import StoreUnavailable
from hourbell.model.retention import Pruned, Retention
from hourbell.model.run_state import RunState

AN_HOUR = 3600.0

MORE = 1_000_000
"""As many as it is asked for."""


class Deleting:
    """A store whose steps take as long, and delete as much, as they are told to; it keeps where each began."""

    def __init__(self, *steps: tuple[float, int | None] | tuple[float, int | None, bool]) -> None:
        self.clock = ManualClock()
        self._steps = iter(steps)
        self.began: list[Mapping[RunState, str]] = []
        self.limits: list[int] = []

    async def prune(self, retention: Retention, limit: int, beyond: Mapping[RunState, str]) -> Pruned:
        self.began.append(dict(beyond))
        self.limits.append(limit)
        took, deleted, *cut = next(self._steps)
        self.clock.advance(took)
        if deleted is None:
            raise StoreUnavailable("away")
        deleted = min(deleted, limit)
        reached = {RunState.SUCCEEDED: f"r{len(self.began)}"} if deleted or any(cut) else {}
        return Pruned(deleted, reached, any(cut))


def pruning(store: Deleting, spent: list[int] | None = None) -> Pruning:
    bench = Bench(store.clock, retention=AN_HOUR)
    return Pruning(store, bench.parts(), spent=(spent if spent is not None else []).append)  # type: ignore[arg-type]


async def stepped(store: Deleting, step: Pruning, times: int) -> Sequence[float]:
    """So many steps, each when the one before it said."""
    rests = []
    for _ in range(times):
        rests.append(await step.step())
        store.clock.advance(rests[-1])
    return rests


async def test_while_there_is_more_it_rests_as_long_as_its_share_says() -> None:
    spent: list[int] = []
    store = Deleting((0.05, MORE), (0.001, MORE), (0.02, 3))
    first, *rests, last = await stepped(store, pruning(store, spent), 4)
    assert first >= LEAST / 10, "a start is busy enough"
    assert rests == pytest.approx([REST * 0.05, SHORTEST])
    assert AN_HOUR / 10 * 0.8 <= last <= MOST * 1.2
    assert spent == [STATEMENTS], "a node that deletes is not idle"


async def test_what_does_not_catch_up_rests_less_and_less_until_it_has() -> None:
    """A node can make more in a second than half of a connection's time deletes."""
    took, many = 0.1, 400
    store = Deleting(*[(took, MORE)] * many, (took, 3), (took, MORE))
    _, *rests = await stepped(store, pruning(store), many + 3)
    while_behind, caught_up, anew = rests[:many], rests[many], rests[many + 1]
    assert while_behind == sorted(while_behind, reverse=True)
    assert (while_behind[0], while_behind[-1]) == pytest.approx((REST * took, LEAST_REST * took))
    assert sum(while_behind[:100]) > took * 100 / 2, "not at once: what is due goes by the same connection"
    assert caught_up > LEAST / 2
    assert anew == pytest.approx(REST * took)


async def test_it_goes_on_where_it_was_and_seldom_begins_with_the_first() -> None:
    took = 1.0
    store = Deleting((took, MORE), *[(0.1, MORE)] * 200)
    step = pruning(store)
    await stepped(store, step, 2)
    before = store.clock.elapsed()
    while store.began[-1] or len(store.began) < 2:
        await stepped(store, step, 1)
    assert store.clock.elapsed() - before >= (RARELY - REST) * took
    assert store.began[0] == {}
    later = store.began[1:-1]
    assert later == [{RunState.SUCCEEDED: f"r{number}"} for number in range(1, len(later) + 1)]
    assert len(later) >= 10


async def test_it_begins_with_the_first_where_that_is_quick() -> None:
    """What was under lock, or ended late, is not left for good."""
    store = Deleting((0.005, MORE), (0.005, 3), (0.005, 0), (0.005, 0))
    await stepped(store, pruning(store), 5)
    assert store.began == [{}] * 4


async def test_a_step_that_failed_is_tried_again_from_the_same_place() -> None:
    store = Deleting((1.0, MORE), (0.1, None), (0.1, MORE))
    step = pruning(store)
    await stepped(store, step, 2)
    with pytest.raises(StoreUnavailable):
        await step.step()
    await step.step()
    assert store.began[1:] == [{RunState.SUCCEEDED: "r1"}] * 2


async def test_what_took_too_long_to_have_an_answer_rests_too() -> None:
    store = Deleting((1.0, MORE), (0.1, MORE), (5.0, None), (0.1, MORE), (0.1, MORE))
    step = pruning(store)
    await stepped(store, step, 3)
    store.clock.advance(RARELY * 1.0)
    with pytest.raises(StoreUnavailable):
        await step.step()
    await stepped(store, step, 2)
    assert store.began == [{}, *({RunState.SUCCEEDED: f"r{number}"} for number in (1,)), {}, *store.began[3:]]
    assert store.began[3] == {RunState.SUCCEEDED: "r2"}, "from where the last one ended"
    assert store.began[4] != {}


async def test_without_an_answer_from_the_first_run_there_is_nothing_to_go_on_from() -> None:
    store = Deleting((5.0, None), (0.1, MORE))
    step = pruning(store)
    await stepped(store, step, 1)
    with pytest.raises(StoreUnavailable):
        await step.step()
    assert await step.step() == RARELY * 5
    store.clock.advance(RARELY * 5)
    await step.step()
    assert store.began == [{}, {}]


async def test_while_it_is_behind_its_batches_grow() -> None:
    store = Deleting(*[(0.01, MORE)] * 6, (0.01, 3), (0.01, 0))
    await stepped(store, pruning(store), 9)
    assert store.limits[:3] == [BATCH, 2 * BATCH, 4 * BATCH]
    assert max(store.limits) == MOST_AT_ONCE
    assert store.limits[-1] == BATCH


async def test_a_batch_that_takes_long_is_followed_by_smaller_ones() -> None:
    """With a run goes what its body logged. A batch that the database cannot delete in time would be tried for ever."""
    store = Deleting(
        (0.01, MORE), (0.01, MORE), (5.0, None), (0.3, MORE), (0.1, MORE), (0.04, MORE), (0.3, 3), (0.1, 0)
    )
    step = pruning(store)
    await stepped(store, step, 3)
    with pytest.raises(StoreUnavailable):
        await step.step()
    store.clock.advance(MOST)
    await stepped(store, step, 5)
    assert store.limits == [BATCH, 2 * BATCH, 4 * BATCH, BATCH, BATCH // 2, BATCH // 2, BATCH, BATCH // 2]


async def test_behind_what_is_kept_it_goes_on_and_does_not_begin_anew_until_it_is_through() -> None:
    """However quick each of its parts is: the first of them would be read again and again."""
    store = Deleting(
        *[(0.005, 0, True)] * 3, (0.005, MORE), (0.005, 5, True), (0.005, 0, True), (0.005, 0), (0.1, 0), (0.1, 0)
    )
    step = pruning(store)
    rests = await stepped(store, step, 9)
    assert store.began[:7] == [{}, *({RunState.SUCCEEDED: f"r{number}"} for number in range(1, 7))]
    assert all(rest == SHORTEST for rest in rests[1:7])
    assert rests[7] > 1, "through"
    assert store.began[7] == {}
