"""Holding: what a node has claimed is read back by the claim's name, told whole, and its starts are noted."""

from __future__ import annotations

from hourbell.model.run_state import Outcome
from hourbell.testing.conformance.bench import Bench, ids
from hourbell.testing.conformance.suite import Conformance


class HoldingConformance(Conformance):
    """`RunStore.claimed`, `held` and `note_started`."""

    async def test_a_claim_is_read_back_by_its_name(self, bench: Bench) -> None:
        await bench.node("a")
        await bench.node("b")
        await bench.enqueue()
        await bench.enqueue()
        (one,) = await bench.claim("a", claim_id="one", limit=1)
        (two,) = await bench.claim("a", claim_id="two", limit=1)
        assert await bench.store.claimed("a", "one") == [one]
        assert await bench.store.claimed("a", "two") == [two]
        assert await bench.store.claimed("b", "one") == []
        assert await bench.store.claimed("a", "none") == []
        await bench.settle(one)
        await bench.settle(two, Outcome.HANDED_BACK)
        assert await bench.store.claimed("a", "one") == []
        assert await bench.store.claimed("a", "two") == []

    async def test_a_claim_that_is_repeated_loses_nothing(self, bench: Bench) -> None:
        await bench.node()
        for _ in range(3):
            await bench.enqueue()
        given = ids(await bench.claim(claim_id="c", limit=2)) + ids(await bench.claim(claim_id="c", limit=2))
        assert len(set(given)) == 3
        assert sorted(ids(await bench.store.claimed("a", "c"))) == sorted(given)

    async def test_a_later_claim_of_the_same_run_has_another_name(self, bench: Bench) -> None:
        await bench.node()
        await bench.enqueue()
        (run,) = await bench.claim(claim_id="one")
        await bench.settle(run, Outcome.HANDED_BACK)
        (again,) = await bench.claim(claim_id="two")
        assert await bench.store.claimed("a", "one") == []
        assert await bench.store.claimed("a", "two") == [again]

    async def test_what_a_node_holds(self, bench: Bench) -> None:
        await bench.node("a")
        await bench.node("b")
        first = await bench.running("a")
        second = await bench.running("a")
        await bench.running("b")
        await bench.enqueue()
        await bench.settle(second, Outcome.HANDED_BACK)
        (again,) = [run for run in await bench.claim("a") if run.id == second.id]
        held = {one.run_id: one.attempt for one in await bench.store.held("a")}
        assert (held[first.id], held[again.id], len(held)) == (1, 2, 3)
        assert await bench.store.held("unknown") == []

    async def test_the_start_of_a_body_is_noted(self, bench: Bench) -> None:
        run, other = await bench.running(), await bench.running()
        began = bench.now
        bench.clock.advance(5)
        await bench.store.note_started("a", [(run.id, 1, began)])
        assert (await bench.get(run)).started_at == began
        assert (await bench.get(other)).started_at is None

    async def test_a_start_under_another_attempt_or_node_is_passed_over(self, bench: Bench) -> None:
        run, ended = await bench.running(), await bench.running()
        await bench.node("b")
        await bench.settle(ended)
        before = await bench.get(run), await bench.get(ended)
        await bench.store.note_started("a", [(run.id, 2, bench.now), (run.id, 0, bench.now), (ended.id, 1, bench.now)])
        await bench.store.note_started("b", [(run.id, 1, bench.now)])
        await bench.store.note_started("a", [])
        assert (await bench.get(run), await bench.get(ended)) == before
