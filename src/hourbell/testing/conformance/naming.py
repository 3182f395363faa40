"""Claiming the one run that a hint named."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from hourbell.model.hint import Hint
from hourbell.model.ids import new_claim_id, new_run_id
from hourbell.model.run_state import Reason, RunState
from hourbell.testing.conformance.bench import TASK, Bench
from hourbell.testing.conformance.planners import with_grace
from hourbell.testing.conformance.suite import Conformance

if TYPE_CHECKING:
    from hourbell.model.run import Claim, Run
    from hourbell.store.protocol import Store

_THREADS = 4


def hint_of(run: Run) -> Hint:
    """What a hint says of it."""
    return Hint(run.id, run.task, run.queue)


async def named(bench: Bench, hint: Hint, node_id: str = "a") -> list[Run]:
    """The run that a live node is given for this hint, if it is."""
    claim = await bench.store.claim_named(node_id, new_claim_id(), hint)
    assert claim is not None, f"node {node_id} was refused"
    assert (claim.now, claim.missed, claim.passed_over) == (bench.now, (), ())
    return list(claim.runs)


class NamingConformance(Conformance):
    """`RunStore.claim_named`."""

    async def test_a_run_is_given_by_its_name_and_no_other(self, bench: Bench) -> None:
        await bench.node()
        older = await bench.enqueue(priority=-1)
        queued = await bench.enqueue(args={"x": [1, {"y": None}]}, queue="q", key="k", priority=3, on_lost="fail")
        assert await named(bench, hint_of(queued)) == [replace(queued, state=RunState.RUNNING, attempt=1, node_id="a")]
        (run,) = await bench.claim()
        assert run.id == older.id

    async def test_a_run_that_was_claimed_by_its_name_is_like_any_other(self, bench: Bench) -> None:
        await bench.node()
        queued = await bench.enqueue()
        claim = await bench.store.claim_named("a", "c", hint_of(queued))
        assert claim is not None
        (run,) = claim.runs
        assert await bench.get(queued) == run
        assert await bench.store.claimed("a", "c") == [run]
        assert [(held.run_id, held.attempt) for held in await bench.store.held("a")] == [(run.id, 1)]
        assert await bench.fail_and_retry(run)
        (again,) = await named(bench, hint_of(queued))
        assert (again.attempt, again.failures, again.error, again.outcome) == (2, 1, None, None)
        assert not await bench.settle(run), "the first attempt is over"
        assert await bench.settle(again)

    async def test_a_run_is_given_by_its_name_once(self, bench: Bench) -> None:
        await bench.node("a")
        await bench.node("b")
        queued = await bench.enqueue()
        assert len(await named(bench, hint_of(queued), "b")) == 1
        for node in ("a", "b"):
            assert await named(bench, hint_of(queued), node) == []
        assert (await bench.get(queued)).node_id == "b"

    async def test_threads_that_hear_the_same_hint_get_its_run_once(self, bench: Bench) -> None:
        for number in range(_THREADS):
            await bench.node(f"n{number}")
        for _ in range(5):
            hint = hint_of(await bench.enqueue())

            async def claimed(store: Store, number: int, hint: Hint = hint) -> Claim | None:
                return await store.claim_named(f"n{number}", new_claim_id(), hint)

            answers = await bench.in_threads(_THREADS, claimed)
            assert all(claim is not None for claim in answers)
            assert sum(len(claim.runs) for claim in answers if claim is not None) == 1
        assert {run.attempt for run in await bench.runs()} == {1}

    async def test_a_node_that_is_not_live_is_given_nothing_by_name(self, bench: Bench) -> None:
        run = await bench.enqueue()
        for node in await bench.gone_nodes():
            assert await bench.store.claim_named(node, "c", hint_of(run)) is None, node
            assert await bench.store.claimed(node, "c") == []
        assert await bench.get(run) == run

    async def test_what_a_hint_says_wrongly_is_not_given(self, bench: Bench) -> None:
        await bench.node()
        run = await bench.enqueue(queue="q")
        for hint in (
            Hint(new_run_id(bench.now), TASK, "q"),
            Hint(run.id, "another", "q"),
            Hint(run.id, TASK, "default"),
        ):
            assert await named(bench, hint) == []
        assert await bench.get(run) == run
        assert len(await named(bench, hint_of(run))) == 1

    async def test_a_run_is_given_by_its_name_when_it_is_due(self, bench: Bench) -> None:
        await bench.node()
        run = await bench.enqueue(delay=timedelta(seconds=10))
        bench.clock.advance(9.999999)
        assert await named(bench, hint_of(run)) == []
        bench.clock.advance(0.000001)
        assert len(await named(bench, hint_of(run))) == 1

    async def test_what_has_ended_is_not_given_by_its_name(self, bench: Bench) -> None:
        done = await bench.running()
        assert await bench.settle(done)
        cancelled = await bench.enqueue()
        await bench.store.cancel_run(cancelled.id, Reason.CANCELLED)
        for run in (done, cancelled):
            before = await bench.get(run)
            assert await named(bench, hint_of(run)) == []
            assert await bench.get(run) == before

    async def test_a_run_that_was_lost_is_left_to_a_claim_that_weighs_it(self, bench: Bench) -> None:
        run = await bench.running("dies")
        await bench.kill("dies")
        await bench.node()
        assert (await bench.get(run)).state is RunState.QUEUED
        assert await named(bench, hint_of(run)) == []
        assert [one.id for one in await bench.claim()] == [run.id]

    async def test_a_run_that_may_be_too_late_is_left_to_a_claim_that_says_so(self, bench: Bench) -> None:
        await bench.node()
        await bench.schedule()
        await bench.fire_after(1, with_grace(timedelta(seconds=30)))
        (run,) = await bench.runs()
        assert run.start_by is not None
        bench.clock.advance(60)
        assert await named(bench, hint_of(run)) == []
        assert await bench.claim() == []
        assert (await bench.get(run)).reason == Reason.MISSED
