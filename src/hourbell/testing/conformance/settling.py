"""Settling: how attempts ended, accepted only from the node and under the attempt that hold the run."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from hourbell.errors import StoreRejected
from hourbell.model.ids import new_run_id
from hourbell.model.run_state import Outcome, Reason, RunState
from hourbell.testing.conformance.suite import Conformance

if TYPE_CHECKING:
    from hourbell.model.run import Run
    from hourbell.testing.conformance.bench import Bench

_OUTCOMES = (Outcome.SUCCEEDED, Outcome.FAILED, Outcome.TIMED_OUT, Outcome.CANCELLED, Outcome.HANDED_BACK)


class SettlingConformance(Conformance):
    """`RunStore.settle` and `list_attempts`, but for races."""

    async def test_nothing_to_settle(self, bench: Bench) -> None:
        await bench.node()
        run = await bench.running()
        assert await bench.store.settle("a", []) == {}
        assert await bench.get(run) == run

    async def test_a_success(self, bench: Bench) -> None:
        run = await bench.running()
        began, ended = bench.later(1), bench.later(2)
        bench.clock.advance(9)
        result = {"rows": [1, None, {"ü": 0.5}]}
        assert await bench.settle(run, result=json.dumps(result), started_at=began, finished_at=ended)
        done = await bench.get(run)
        assert (done.state, done.outcome, done.result) == (RunState.SUCCEEDED, Outcome.SUCCEEDED, result)
        assert (done.started_at, done.finished_at) == (began, ended)
        assert (done.attempt, done.node_id, done.failures, done.losses) == (1, "a", 0, 0)
        assert (done.error, done.reason) == (None, None)
        assert await bench.attempts(run) == [], "the last attempt stands in the run itself"

    async def test_reports_of_every_kind_in_one_batch(self, bench: Bench) -> None:
        runs = [await bench.running() for _ in range(6)]
        good, better, bad, retried, unwanted, stale = runs
        await bench.store.cancel_run(good.id)
        await bench.store.cancel_run(unwanted.id)
        reports = [
            bench.report(stale, result="1"),
            bench.report(bad, Outcome.FAILED, failed=True, error="boom"),
            bench.report(good, result="2"),
            bench.report(retried, Outcome.FAILED, state=RunState.QUEUED, failed=True, error="again"),
            bench.report(better, result="3", started_at=bench.later(1), finished_at=bench.later(2)),
            bench.report(unwanted, Outcome.CANCELLED),
        ]
        reports[0] = replace(reports[0], attempt=2)
        ends = {
            good.id: RunState.SUCCEEDED,
            better.id: RunState.SUCCEEDED,
            bad.id: RunState.FAILED,
            retried.id: RunState.QUEUED,
            unwanted.id: RunState.CANCELLED,
        }
        for _ in range(2):  # the second time it stands already
            assert await bench.store.settle("a", reports) == ends
        stored = [await bench.get(run) for run in runs]
        assert {run.id: run.state for run in stored} == ends | {stale.id: RunState.RUNNING}
        assert [run.result for run in stored] == [2, 3, None, None, None, None]
        assert [run.error for run in stored] == [None, None, "boom", "again", None, None]
        assert [run.reason for run in stored] == [None, None, None, None, Reason.CANCELLED, None]
        assert [run.failures for run in stored] == [0, 0, 1, 1, 0, 0]
        assert (stored[1].started_at, stored[1].finished_at) == (bench.later(1), bench.later(2))

    async def test_an_end_without_an_instant_is_now(self, bench: Bench) -> None:
        run = await bench.running()
        bench.clock.advance(9)
        await bench.settle(run)
        done = await bench.get(run)
        assert (done.started_at, done.finished_at, done.result) == (None, bench.now, None)

    async def test_a_failure(self, bench: Bench) -> None:
        run = await bench.running()
        error = "Traceback: 'ü' \\ \" % \n" + "x" * 10_000
        assert await bench.settle(run, Outcome.TIMED_OUT, failed=True, error=error)
        done = await bench.get(run)
        assert (done.state, done.outcome, done.error) == (RunState.FAILED, Outcome.TIMED_OUT, error)
        assert (done.failures, done.reason, done.finished_at) == (1, None, bench.now)

    async def test_a_cancelled_body(self, bench: Bench) -> None:
        run = await bench.running()
        assert await bench.settle(run, Outcome.CANCELLED)
        done = await bench.get(run)
        assert (done.state, done.outcome, done.reason) == (RunState.CANCELLED, Outcome.CANCELLED, Reason.CANCELLED)

    async def test_a_failure_that_is_tried_again(self, bench: Bench) -> None:
        run = await bench.running()
        bench.clock.advance(3)
        assert await bench.fail_and_retry(run, delay=60)
        queued = await bench.get(run)
        assert (queued.state, queued.run_at, queued.attempt) == (RunState.QUEUED, bench.later(60), 1)
        assert (queued.failures, queued.losses) == (1, 0)
        assert (queued.node_id, queued.started_at, queued.finished_at) == (None, None, None)
        (attempt,) = await bench.attempts(run)
        assert (attempt.run_id, attempt.attempt, attempt.node_id) == (run.id, 1, "a")
        assert (attempt.outcome, attempt.error, attempt.finished_at) == (Outcome.FAILED, "boom", bench.now)
        bench.clock.advance(59)
        assert await bench.claim() == []
        bench.clock.advance(1)
        assert [again.attempt for again in await bench.claim()] == [2]

    async def test_a_run_that_is_handed_back_uses_up_nothing(self, bench: Bench) -> None:
        run = await bench.running()
        assert await bench.settle(run, Outcome.HANDED_BACK)
        queued = await bench.get(run)
        assert (queued.state, queued.run_at, queued.attempt) == (RunState.QUEUED, bench.now, 1)
        assert (queued.failures, queued.losses) == (0, 0)
        assert [attempt.outcome for attempt in await bench.attempts(run)] == [Outcome.HANDED_BACK]

    async def test_a_run_that_is_handed_back_keeps_its_place(self, bench: Bench) -> None:
        run = await bench.running()
        due = run.run_at
        bench.clock.advance(30)
        later = await bench.enqueue()
        assert await bench.settle(run, Outcome.HANDED_BACK)
        assert (await bench.get(run)).run_at == due
        (again,) = await bench.claim(limit=1)
        assert (again.id, again.attempt) == (run.id, 2)
        await bench.store.retire_node("a")
        assert (await bench.get(run)).run_at == due, "its node has left"
        await bench.node("b")
        assert [one.id for one in await bench.claim("b")] == [run.id, later.id]

    async def test_a_run_that_is_handed_back_after_the_clock_has_gone_back_is_due(self, bench: Bench) -> None:
        run = await bench.running()
        bench.clock.bend(-3600)
        assert await bench.settle(run, Outcome.HANDED_BACK)
        assert (await bench.get(run)).run_at == bench.now
        await bench.node("b")
        assert [one.id for one in await bench.claim("b")] == [run.id]
        await bench.store.retire_node("b")
        assert (await bench.get(run)).run_at == bench.now

    async def test_attempts_are_kept_in_their_order(self, bench: Bench) -> None:
        run = await bench.running()
        for number in range(1, 12):
            began = bench.later(1)
            bench.clock.advance(2)
            await bench.settle(run, Outcome.HANDED_BACK, started_at=began, error=f"error {number}")
            (run,) = await bench.claim()
        kept = await bench.attempts(run)
        assert [attempt.attempt for attempt in kept] == list(range(1, 12))
        assert [attempt.error for attempt in kept] == [f"error {number}" for number in range(1, 12)]
        assert kept[-1].started_at == bench.later(-1)

    async def test_a_start_that_was_noted_is_kept(self, bench: Bench) -> None:
        ending, trying = await bench.running(), await bench.running()
        began = bench.now
        await bench.store.note_started("a", [(run.id, 1, began) for run in (ending, trying)])
        bench.clock.advance(5)
        await bench.settle(ending)
        await bench.settle(trying, Outcome.HANDED_BACK)
        assert (await bench.get(ending)).started_at == began
        assert [attempt.started_at for attempt in await bench.attempts(trying)] == [began]

    async def test_success_after_failures_leaves_no_error(self, bench: Bench) -> None:
        run = await bench.running()
        await bench.fail_and_retry(run)
        (run,) = await bench.claim()
        await bench.settle(run)
        done = await bench.get(run)
        assert (done.state, done.error, done.failures) == (RunState.SUCCEEDED, None, 1)

    async def test_another_node_is_refused(self, bench: Bench) -> None:
        run = await bench.running("a")
        await bench.node("b")
        for outcome in _OUTCOMES:
            assert await bench.store.settle("b", [bench.report(run, outcome)]) == {}
        assert await bench.get(run) == run
        assert await bench.attempts(run) == []

    async def test_another_attempt_is_refused(self, bench: Bench) -> None:
        run = await bench.running()
        for attempt in (0, 2):
            assert not await bench.settle(replace(run, attempt=attempt))
        assert await bench.get(run) == run

    async def test_the_same_node_under_an_earlier_attempt_is_refused(self, bench: Bench) -> None:
        first = await bench.running()
        await bench.fail_and_retry(first)
        (second,) = await bench.claim()
        for outcome in (Outcome.SUCCEEDED, Outcome.TIMED_OUT, Outcome.CANCELLED, Outcome.HANDED_BACK):
            assert not await bench.settle(first, outcome), outcome
        assert await bench.get(first) == second

    async def test_what_is_not_running_is_refused(self, bench: Bench) -> None:
        await bench.node()
        queued = await bench.enqueue()
        for attempt in (0, 1):
            assert await bench.store.settle("a", [bench.report(replace(queued, attempt=attempt))]) == {}
        gone = replace(queued, id=new_run_id(bench.now), attempt=1)
        assert await bench.store.settle("a", [bench.report(gone)]) == {}
        assert await bench.get(queued) == queued

    async def test_one_lost_lease_does_not_hinder_the_others(self, bench: Bench) -> None:
        lost, kept = await bench.running(), await bench.running()
        reports = [bench.report(replace(lost, attempt=7)), bench.report(kept)]
        assert set(await bench.store.settle("a", reports)) == {kept.id}
        assert (await bench.get(lost)).state is RunState.RUNNING
        assert (await bench.get(kept)).state is RunState.SUCCEEDED

    async def test_many_at_once(self, bench: Bench) -> None:
        await bench.node()
        for _ in range(50):
            await bench.enqueue()
        runs = await bench.claim()
        reports = [bench.report(run, _OUTCOMES[number % 5], error=str(number)) for number, run in enumerate(runs)]
        assert set(await bench.store.settle("a", reports)) == {run.id for run in runs}
        for report in reports:
            run = await bench.store.get_run(report.run_id)
            assert (run.state, run.outcome, run.error) == (report.state, report.outcome, report.error)

    @pytest.mark.parametrize("outcome", _OUTCOMES)
    async def test_the_same_report_is_accepted_again_and_written_once(self, bench: Bench, outcome: Outcome) -> None:
        run = await bench.running()
        assert await bench.settle(run, outcome, failed=True)
        before, attempts = await bench.get(run), await bench.attempts(run)
        bench.clock.advance(5)
        assert await bench.settle(run, outcome, failed=True)
        assert (await bench.get(run), await bench.attempts(run)) == (before, attempts)
        assert before.failures == 1

    async def test_the_same_report_is_accepted_after_the_next_attempt_began(self, bench: Bench) -> None:
        first = await bench.running("a")
        await bench.fail_and_retry(first)
        await bench.node("b")
        (second,) = await bench.claim("b")
        assert await bench.fail_and_retry(first), "it was written, only its answer was lost"
        assert await bench.get(first) == second
        assert len(await bench.attempts(first)) == 1

    async def test_the_same_report_is_accepted_after_a_retry_by_hand(self, bench: Bench) -> None:
        run = await bench.running()
        await bench.settle(run, Outcome.FAILED)
        queued = await bench.store.retry_run(run.id)
        assert await bench.settle(run, Outcome.FAILED)
        assert await bench.get(run) == queued

    async def test_another_report_of_the_same_attempt_is_refused(self, bench: Bench) -> None:
        run = await bench.running()
        await bench.settle(run)
        done = await bench.get(run)
        assert not await bench.settle(run, Outcome.FAILED, failed=True)
        assert await bench.get(run) == done

    async def test_after_a_rescue_the_zombie_is_refused(self, bench: Bench) -> None:
        run = await bench.running("zombie")
        await bench.kill("zombie")
        await self._refused_all(bench, run)
        await bench.node("heir")
        await bench.claim("heir")
        await self._refused_all(bench, run)

    async def test_after_the_last_loss_the_zombie_is_refused(self, bench: Bench) -> None:
        failing = await bench.running("zombie", on_lost="fail")
        spent = await bench.running("zombie", lost_limit=1)
        await bench.kill("zombie")
        assert (await bench.get(failing)).state is (await bench.get(spent)).state is RunState.FAILED
        await self._refused_all(bench, failing)
        await self._refused_all(bench, spent)

    async def test_after_its_retirement_a_node_is_refused(self, bench: Bench) -> None:
        again, failing = await bench.running(), await bench.running(on_lost="fail")
        await bench.store.retire_node("a")
        for run in (again, failing):
            await self._refused_all(bench, run, *(end for end in _OUTCOMES if end is not Outcome.HANDED_BACK))

    async def test_after_it_was_replaced_a_node_is_refused(self, bench: Bench) -> None:
        run = await bench.running("a")
        await bench.node("b", replaces="a")
        await self._refused_all(bench, run)

    async def _refused_all(self, bench: Bench, run: Run, *outcomes: Outcome) -> None:
        before, attempts = await bench.get(run), await bench.attempts(run)
        for outcome in outcomes or _OUTCOMES:
            assert not await bench.settle(run, outcome, failed=True, error="zombie"), outcome
        assert (await bench.get(run), await bench.attempts(run)) == (before, attempts)

    async def test_a_lease_that_ran_out_still_settles_until_the_run_is_taken_over(self, bench: Bench) -> None:
        run = await bench.running()
        bench.clock.advance(3600)
        assert await bench.settle(run)

    async def test_whether_an_attempt_has_ended_its_run_is_told_by_the_row(self, bench: Bench) -> None:
        run = await bench.running()
        asked = ("a", run.id, run.attempt)
        assert not await bench.store.is_settled(*asked)
        await bench.settle(run)
        assert await bench.store.is_settled(*asked)
        assert not await bench.store.is_settled("b", run.id, run.attempt)
        assert not await bench.store.is_settled("a", run.id, run.attempt + 1)
        assert not await bench.store.is_settled("a", new_run_id(bench.now), 1)
        failed = await bench.running()
        await bench.settle(failed, Outcome.FAILED, failed=True)
        assert not await bench.store.is_settled("a", failed.id, failed.attempt)

    async def test_an_impossible_report_is_refused_with_its_whole_batch(self, bench: Bench) -> None:
        good, bad = await bench.running(), await bench.running()
        reports = [bench.report(good), bench.report(bad, state=RunState.RUNNING)]
        with pytest.raises(StoreRejected):
            await bench.store.settle("a", reports)
        assert (await bench.get(good), await bench.get(bad)) == (good, bad)

    async def test_a_delay_counts_from_the_instant_of_the_database(self, bench: Bench) -> None:
        run = await bench.running()
        bench.clock.advance(100)
        late = timedelta(seconds=0.25)
        await bench.settle(run, Outcome.HANDED_BACK, delay=late, finished_at=bench.later(-90))
        assert (await bench.get(run)).run_at == bench.now + late
