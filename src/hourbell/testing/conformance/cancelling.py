"""Cancelling runs that run: the request, who hears of it, and how the run ends."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from hourbell.errors import Conflict
from hourbell.model.node import Rescue
from hourbell.model.plan import Question
from hourbell.model.run import CancelRequest
from hourbell.model.run_state import Outcome, Reason, RunState
from hourbell.testing.conformance.bench import TASK, Bench, ids
from hourbell.testing.conformance.suite import Conformance

if TYPE_CHECKING:
    from hourbell.model.run import Run


class CancellingConformance(Conformance):
    """`RunStore.cancel_run` for running runs, and what it changes for settle, rescue and retirement."""

    async def test_a_running_run_is_asked_to_end(self, bench: Bench) -> None:
        run = await bench.running()
        bench.clock.advance(3)
        asked = await bench.store.cancel_run(run.id)
        assert asked == replace(run, cancel_requested_at=bench.now, reason=Reason.CANCELLED)
        assert await bench.get(run) == asked

    async def test_asking_again_changes_nothing(self, bench: Bench) -> None:
        run = await bench.running()
        asked = await bench.store.cancel_run(run.id, Reason.OVERLAP)
        bench.clock.advance(3)
        for reason in (Reason.OVERLAP, Reason.CANCELLED):
            assert await bench.store.cancel_run(run.id, reason) == asked

    async def test_a_queued_run_ends_for_the_reason_given(self, bench: Bench) -> None:
        run = await bench.enqueue()
        ended = await bench.store.cancel_run(run.id, Reason.OVERLAP)
        assert (ended.state, ended.reason) == (RunState.CANCELLED, Reason.OVERLAP)
        assert (ended.cancel_requested_at, ended.finished_at) == (bench.now, bench.now)

    async def test_the_node_that_runs_it_is_told_and_no_other(self, bench: Bench) -> None:
        run, other = await bench.running("a"), await bench.running("b")
        left_alone = await bench.running("a")
        assert (await _asked(bench, "a"), await _asked(bench, "b")) == ([], [])
        await bench.store.cancel_run(run.id, Reason.OVERLAP)
        assert await _asked(bench, "a") == [CancelRequest(run.id, 1, Reason.OVERLAP)]
        assert (await _asked(bench, "b"), await _asked(bench, "unknown")) == ([], [])
        await bench.store.cancel_run(other.id)
        assert await _asked(bench, "b") == [CancelRequest(other.id, 1, Reason.CANCELLED)]
        await bench.settle(run)
        assert await _asked(bench, "a") == [], "what has ended is not to be ended"
        assert (await bench.get(left_alone)).cancel_requested_at is None

    async def test_a_node_is_told_of_all_and_of_the_attempt(self, bench: Bench) -> None:
        runs = [await bench.running() for _ in range(5)]
        await bench.fail_and_retry(runs[0])
        (runs[0],) = await bench.claim()
        for run in runs:
            await bench.store.cancel_run(run.id)
        told = [CancelRequest(run.id, run.attempt, Reason.CANCELLED) for run in sorted(runs, key=lambda run: run.id)]
        assert await _asked(bench, "a") == told
        assert sorted(one.attempt for one in told) == [1, 1, 1, 1, 2]

    async def test_its_node_cancels_the_body(self, bench: Bench) -> None:
        run = await _unwanted(bench, Reason.OVERLAP)
        began = bench.now
        bench.clock.advance(1)
        assert await _settled(bench, run, Outcome.CANCELLED, started_at=began) is RunState.CANCELLED
        ended = await bench.get(run)
        assert (ended.state, ended.reason, ended.outcome) == (RunState.CANCELLED, Reason.OVERLAP, Outcome.CANCELLED)
        assert (ended.started_at, ended.finished_at, ended.attempt, ended.node_id) == (began, bench.now, 1, "a")
        assert await bench.attempts(run) == []

    async def test_a_body_that_ended_by_itself_has_ended_so(self, bench: Bench) -> None:
        good, bad = await _unwanted(bench), await _unwanted(bench)
        assert await _settled(bench, good, Outcome.SUCCEEDED, result="1") is RunState.SUCCEEDED
        assert await _settled(bench, bad, Outcome.FAILED, failed=True, error="boom") is RunState.FAILED
        for run, state in ((good, RunState.SUCCEEDED), (bad, RunState.FAILED)):
            ended = await bench.get(run)
            assert (ended.state, ended.reason, ended.cancel_requested_at) == (state, None, bench.now)

    @pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.TIMED_OUT, Outcome.HANDED_BACK])
    async def test_what_is_asked_to_end_is_not_queued_again(self, bench: Bench, outcome: Outcome) -> None:
        run = await _unwanted(bench)
        failed = outcome is not Outcome.HANDED_BACK
        report = {"state": RunState.QUEUED, "failed": failed, "error": "boom" if failed else None}
        assert await _settled(bench, run, outcome, **report) is RunState.CANCELLED
        ended = await bench.get(run)
        assert (ended.state, ended.reason, ended.outcome) == (RunState.CANCELLED, Reason.CANCELLED, outcome)
        assert (ended.node_id, ended.failures, ended.error) == ("a", int(failed), "boom" if failed else None)
        assert ended.finished_at == bench.now
        assert await bench.attempts(run) == [], "the last attempt stands in the run itself"
        bench.clock.advance(3600)
        assert await bench.claim() == []
        assert await _settled(bench, run, outcome, **report) is RunState.CANCELLED, "an answer may be lost"

    async def test_a_node_that_stops_in_a_body_that_may_start_once(self, bench: Bench) -> None:
        run = await _unwanted(bench, on_lost="fail")
        assert await _settled(bench, run, Outcome.CANCELLED, state=RunState.FAILED) is RunState.CANCELLED
        assert (await bench.get(run)).state is RunState.CANCELLED

    async def test_what_a_retry_became_is_told(self, bench: Bench) -> None:
        run = await bench.running()
        report = {"state": RunState.QUEUED, "failed": True}
        for _ in range(2):
            assert await _settled(bench, run, Outcome.FAILED, **report) is RunState.QUEUED

    @pytest.mark.parametrize("policies", [{}, {"on_lost": "fail"}, {"lost_limit": 1}])
    async def test_its_node_dies(self, bench: Bench, policies: dict[str, object]) -> None:
        run = await _unwanted(bench, Reason.OVERLAP, **policies)
        kept = await bench.running("a")
        assert await bench.kill("a") == Rescue(("a",), requeued=1, cancelled=1)
        ended = await bench.get(run)
        assert (ended.state, ended.reason, ended.outcome) == (RunState.CANCELLED, Reason.OVERLAP, Outcome.LOST)
        assert (ended.losses, ended.error, ended.finished_at) == (1, None, bench.now)
        await bench.node("b")
        assert ids(await bench.claim("b")) == [kept.id]
        assert not await bench.settle(run), "and the node cannot end it any more"

    async def test_its_node_leaves(self, bench: Bench) -> None:
        runs = [await _unwanted(bench), await _unwanted(bench, on_lost="fail")]
        await bench.store.retire_node("a")
        for run in runs:
            ended = await bench.get(run)
            assert (ended.state, ended.outcome, ended.losses) == (RunState.CANCELLED, Outcome.HANDED_BACK, 0)
        await bench.node("b")
        assert await bench.claim("b") == []

    async def test_its_node_takes_a_new_id(self, bench: Bench) -> None:
        run = await _unwanted(bench)
        await bench.node("b", replaces="a")
        assert (await bench.get(run)).state is RunState.CANCELLED

    async def test_a_node_that_was_replaced_cancels_nothing(self, bench: Bench) -> None:
        run = await bench.running("a")
        await bench.kill("a")
        await bench.node("b")
        (again,) = await bench.claim("b")
        await bench.store.cancel_run(run.id)
        assert await _asked(bench, "a") == []
        assert not await bench.settle(run, Outcome.CANCELLED)
        assert (await bench.get(run)).state is RunState.RUNNING
        assert await _settled(bench, again, Outcome.CANCELLED) is RunState.CANCELLED

    async def test_a_retry_by_hand_forgets_the_request(self, bench: Bench) -> None:
        run = await _unwanted(bench)
        await bench.settle(run, Outcome.CANCELLED)
        with pytest.raises(Conflict):
            await bench.store.cancel_run(run.id)
        again = await bench.store.retry_run(run.id)
        assert (again.state, again.cancel_requested_at, again.reason) == (RunState.QUEUED, None, None)
        (run,) = await bench.claim()
        assert await _asked(bench, "a") == []
        assert await bench.fail_and_retry(run)
        assert (await bench.get(run)).state is RunState.QUEUED


async def _asked(bench: Bench, node_id: str) -> list[CancelRequest]:
    return list((await bench.store.next_work(node_id, Question((TASK,), None))).cancelling)


async def _unwanted(bench: Bench, reason: Reason = Reason.CANCELLED, **fields: Any) -> Run:
    run = await bench.running(**fields)
    return await bench.store.cancel_run(run.id, reason)


async def _settled(bench: Bench, run: Run, outcome: Outcome, **fields: object) -> RunState | None:
    assert run.node_id is not None
    return (await bench.store.settle(run.node_id, [bench.report(run, outcome, **fields)])).get(run.id)
