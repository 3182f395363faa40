"""Runs one by one: get, list, cancel and retry."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from hourbell.errors import Conflict, NotFound
from hourbell.model.editing import pausing
from hourbell.model.ids import new_run_id
from hourbell.model.run import RunFilter
from hourbell.model.run_state import Outcome, Reason, RunState
from hourbell.testing.conformance.bench import TASK, Bench, ids
from hourbell.testing.conformance.planners import no_fire, with_grace
from hourbell.testing.conformance.suite import Conformance


class RunsConformance(Conformance):
    """`RunStore.get_run`, `list_runs`, `cancel_run` and `retry_run`."""

    async def test_no_such_run(self, bench: Bench) -> None:
        for run_id in (new_run_id(bench.now), "no-such-run", "", "it's none", "ü"):
            for verb in (bench.store.get_run, bench.store.cancel_run, bench.store.retry_run):
                with pytest.raises(NotFound):
                    await verb(run_id)
            assert list(await bench.store.list_attempts(run_id)) == []

    async def test_runs_are_listed_newest_first(self, bench: Bench) -> None:
        runs = []
        for _ in range(5):
            runs.append(await bench.enqueue())
            bench.clock.advance(1)
        page = await bench.store.list_runs(RunFilter())
        assert (page.items, page.next_cursor) == (tuple(reversed(runs)), None)

    async def test_a_list_of_runs_goes_on_where_it_ended(self, bench: Bench) -> None:
        runs = []
        for _ in range(5):
            runs.append(await bench.enqueue())
            bench.clock.advance(1)
        found: list[str] = []
        cursor: str | None = None
        for size in (2, 2, 1):
            page = await bench.store.list_runs(RunFilter(limit=2, cursor=cursor))
            assert len(page.items) == size
            found += ids(page.items)
            cursor = page.next_cursor
        assert found == ids(reversed(runs))
        assert cursor is None

    async def test_a_full_page_of_runs_is_the_last(self, bench: Bench) -> None:
        for _ in range(2):
            await bench.enqueue()
        page = await bench.store.list_runs(RunFilter(limit=2))
        assert (len(page.items), page.next_cursor) == (2, None)

    async def test_a_list_may_be_narrowed(self, bench: Bench) -> None:
        await bench.schedule()
        await bench.fire_after(1)
        (fired,) = await bench.runs()
        one = await bench.enqueue("one", tracking_id="t")
        two = await bench.enqueue("two", tracking_id="t")
        await bench.store.cancel_run(two.id)
        assert ids(await bench.runs(schedule_id="s")) == [fired.id]
        assert ids(await bench.runs(task="one")) == [one.id]
        assert ids(await bench.runs(state=RunState.CANCELLED)) == [two.id]
        assert set(ids(await bench.runs(tracking_id="t"))) == {one.id, two.id}
        assert ids(await bench.runs(tracking_id="t", state=RunState.QUEUED)) == [one.id]
        assert await bench.runs(task=TASK, tracking_id="t") == []

    async def test_the_history_of_a_schedule_or_a_request_is_part_of_all(self, bench: Bench) -> None:
        """However a store finds them: the same runs in the same order as among all others, page by page."""
        await bench.schedule("s")
        await bench.schedule("other")
        ends = (Outcome.SUCCEEDED, Outcome.FAILED)
        for number in range(6):
            for schedule_id in ("s", "other"):
                run = await bench.running("a", schedule_id=schedule_id, tracking_id=f"t{number % 2}")
                if number % 3 < len(ends):
                    await bench.settle(run, ends[number % 3], finished_at=bench.now)
            waiting = await bench.enqueue(schedule_id="s", tracking_id="t0")
            if number % 2:
                await bench.store.cancel_run(waiting.id)
            bench.clock.advance(1)
        everything = (await bench.store.list_runs(RunFilter(limit=100))).items
        for state in (None, *RunState):
            for of, by in (("s", None), ("other", None), ("none", None), (None, "t0"), ("s", "t1")):
                wanted = [
                    run.id
                    for run in everything
                    if state in (None, run.state) and of in (None, run.schedule_id) and by in (None, run.tracking_id)
                ]
                found: list[str] = []
                cursor: str | None = None
                while cursor is not None or not found:
                    asked = RunFilter(state=state, schedule_id=of, tracking_id=by, limit=2, cursor=cursor)
                    page = await bench.store.list_runs(asked)
                    found += ids(page.items)
                    cursor = page.next_cursor
                    if not page.items:
                        break
                assert found == wanted, (state, of, by)

    async def test_failed_runs_are_found_by_what_they_say_and_when_they_ended(self, bench: Bench) -> None:
        first, second, third = sorted([await bench.running() for _ in range(3)], key=lambda run: run.id)
        texts = ["ConnectionError: 100%_done", "ValueError: it's Ü", "connectionerror: 100xxdone"]
        ends = []
        for run, text in zip((third, second, first), texts, strict=True):
            bench.clock.advance(60)
            ends.append(bench.now)
            await bench.settle(run, Outcome.FAILED, failed=True, error=text)
        await bench.settle(await bench.running())
        await bench.enqueue()

        async def found(**wanted: Any) -> list[str]:
            page = await bench.store.list_runs(RunFilter(state=RunState.FAILED, **wanted))
            everywhere = await bench.store.list_runs(RunFilter(**wanted))
            assert ids(page.items) == [run.id for run in everywhere.items if run.state is RunState.FAILED]
            return ids(page.items)

        assert await found() == ids([third, second, first]), "newest first, by when they were made"
        assert await found(error="ConnectionError") == [third.id]
        assert await found(error="100%_done") == [third.id], "no wildcards"
        assert await found(error="it's Ü") == [second.id]
        assert await found(error="nothing of this") == []
        assert await found(since=ends[1]) == ids([second, first])
        assert await found(since=ends[0], until=ends[1]) == [third.id]
        assert await found(until=ends[2]) == ids([third, second])
        assert await bench.runs(state=RunState.FAILED, task="other") == []
        page = await bench.store.list_runs(RunFilter(state=RunState.FAILED, limit=2))
        assert (ids(page.items), page.next_cursor) == (ids([third, second]), second.id)
        rest = await bench.store.list_runs(RunFilter(state=RunState.FAILED, limit=2, cursor=page.next_cursor))
        assert (ids(rest.items), rest.next_cursor) == ([first.id], None)

    async def test_runs_are_found_by_their_reason(self, bench: Bench) -> None:
        lost = await bench.running("a", on_lost="fail")
        await bench.kill("a")
        failed = await bench.running("b")
        await bench.settle(failed, Outcome.FAILED, failed=True, error="lost the game")
        assert ids(await bench.runs(reason=Reason.LOST)) == [lost.id]
        assert ids(await bench.runs(state=RunState.FAILED, reason=Reason.LOST)) == [lost.id]

    async def test_a_queued_run_is_cancelled(self, bench: Bench) -> None:
        run = await bench.enqueue(delay=timedelta(hours=1))
        bench.clock.advance(5)
        cancelled = await bench.store.cancel_run(run.id)
        assert (cancelled.state, cancelled.reason) == (RunState.CANCELLED, Reason.CANCELLED)
        assert (cancelled.finished_at, cancelled.attempt, cancelled.node_id) == (bench.now, 0, None)
        assert await bench.get(run) == cancelled
        await bench.node()
        bench.clock.advance(7200)
        assert await bench.claim() == []

    async def test_a_run_that_waits_for_its_retry_is_cancelled(self, bench: Bench) -> None:
        run = await bench.running()
        await bench.fail_and_retry(run, delay=60)
        assert (await bench.store.cancel_run(run.id)).state is RunState.CANCELLED
        assert not await bench.settle(run), "and its node cannot end it again"

    async def test_what_has_ended_is_not_cancelled(self, bench: Bench) -> None:
        done = await bench.running()
        await bench.settle(done)
        cancelled = await bench.enqueue()
        await bench.store.cancel_run(cancelled.id)
        for run in (done, cancelled):
            before = await bench.get(run)
            with pytest.raises(Conflict):
                await bench.store.cancel_run(run.id)
            assert await bench.get(run) == before

    async def test_a_failed_run_is_tried_again_from_the_start(self, bench: Bench) -> None:
        run = await bench.running(lost_limit=5)
        await bench.kill("a")
        await bench.node("b")
        (run,) = await bench.claim("b")
        await bench.fail_and_retry(run)
        (run,) = await bench.claim("b")
        began = bench.now
        bench.clock.advance(2)
        await bench.settle(run, Outcome.TIMED_OUT, failed=True, error="slow", started_at=began)
        bench.clock.advance(60)
        again = await bench.store.retry_run(run.id)
        assert (again.state, again.run_at, again.attempt) == (RunState.QUEUED, bench.now, 3)
        assert (again.failures, again.losses) == (0, 0)
        assert (again.error, again.result, again.outcome, again.reason) == (None, None, None, None)
        assert (again.node_id, again.started_at, again.finished_at) == (None, None, None)
        assert await bench.get(run) == again
        kept = await bench.attempts(run)
        assert [attempt.outcome for attempt in kept] == [Outcome.LOST, Outcome.FAILED, Outcome.TIMED_OUT]
        assert (kept[2].attempt, kept[2].node_id, kept[2].error) == (3, "b", "slow")
        assert (kept[2].started_at, kept[2].finished_at) == (began, bench.later(-60))
        assert [one.attempt for one in await bench.claim("b")] == [4]

    async def test_a_run_is_tried_again_with_other_arguments(self, bench: Bench) -> None:
        run = await bench.running(args={"to": "nobdoy", "n": 1})
        await bench.settle(run, Outcome.FAILED, failed=True, error="no such address")
        args = {"to": "nobody"}
        again = await bench.store.retry_run(run.id, args)
        args["to"] = "changed"
        assert (again.args, again.state) == ({"to": "nobody"}, RunState.QUEUED)
        assert [one.args for one in await bench.claim()] == [{"to": "nobody"}]
        await bench.settle(await bench.get(run))
        assert (await bench.store.retry_run(run.id)).args == {"to": "nobody"}
        (run,) = await bench.claim()
        await bench.settle(run)
        assert (await bench.store.retry_run(run.id, {})).args == {}

    async def test_many_are_tried_again_and_the_others_passed_over(self, bench: Bench) -> None:
        await bench.schedule()
        await bench.fire_after(1)
        await bench.node()
        (fired,) = await bench.claim()
        await bench.settle(fired, Outcome.FAILED, failed=True, error="no")
        failed, done = await bench.running(), await bench.running()
        await bench.settle(failed, Outcome.FAILED, failed=True, error="no")
        await bench.settle(done)
        await bench.schedule("other")
        await bench.fire_after(1, no_fire(Reason.OVERLAP))
        skips = await bench.runs(state=RunState.SKIPPED)
        assert skips
        running, queued, gone = await bench.running(), await bench.enqueue(), new_run_id(bench.now)
        asked = [run.id for run in (queued, done, failed, fired, running, *skips)]
        retried = await bench.store.retry_runs([*asked, gone, "no-such-run", ""])
        assert ids(retried) == sorted(ids([fired, failed, done]))
        assert {run.state for run in retried} == {RunState.QUEUED}
        for before in (running, queued, *skips):
            assert (await bench.get(before)).state is before.state
        assert [attempt.error for attempt in await bench.attempts(failed)] == ["no"]
        assert list(await bench.store.retry_runs(asked)) == [], "they are queued already"
        assert list(await bench.store.retry_runs([])) == []

    async def test_a_success_may_be_repeated(self, bench: Bench) -> None:
        run = await bench.running()
        await bench.settle(run, result='{"n": 1}')
        again = await bench.store.retry_run(run.id)
        assert (again.state, again.result) == (RunState.QUEUED, None)
        assert [attempt.outcome for attempt in await bench.attempts(run)] == [Outcome.SUCCEEDED]

    async def test_a_cancelled_run_may_be_retried(self, bench: Bench) -> None:
        run = await bench.enqueue(delay=timedelta(hours=1))
        await bench.store.cancel_run(run.id)
        again = await bench.store.retry_run(run.id)
        assert (again.state, again.run_at, again.reason, again.attempt) == (RunState.QUEUED, bench.now, None, 0)
        assert await bench.attempts(run) == [], "there was no attempt"

    async def test_an_attempt_is_kept_once(self, bench: Bench) -> None:
        run = await bench.running()
        await bench.fail_and_retry(run, delay=60)
        await bench.store.cancel_run(run.id)
        await bench.store.retry_run(run.id)
        assert [attempt.attempt for attempt in await bench.attempts(run)] == [1]

    async def test_a_lost_run_may_be_retried(self, bench: Bench) -> None:
        run = await bench.running("a", on_lost="fail")
        await bench.kill("a")
        again = await bench.store.retry_run(run.id)
        assert (again.state, again.losses, again.error, again.reason) == (RunState.QUEUED, 0, None, None)
        assert [attempt.outcome for attempt in await bench.attempts(run)] == [Outcome.LOST]

    async def test_a_missed_run_may_be_retried_however_late(self, bench: Bench) -> None:
        await bench.node()
        await bench.schedule()
        await bench.fire_after(1, with_grace(timedelta(seconds=1)))
        bench.clock.advance(60)
        await bench.claim()
        (missed,) = await bench.runs(state=RunState.SKIPPED)
        again = await bench.store.retry_run(missed.id)
        assert (again.state, again.reason) == (RunState.QUEUED, None)
        assert ids(await bench.claim()) == [missed.id]

    async def test_a_fire_that_a_pause_ended_may_be_retried(self, bench: Bench) -> None:
        await bench.schedule()
        await bench.fire_after(1)
        await bench.store.edit_schedule("s", pausing(None))
        (run,) = await bench.runs()
        again = await bench.store.retry_run(run.id)
        assert (again.state, again.fire_at) == (RunState.QUEUED, run.fire_at)

    async def test_due_times_that_did_not_run_are_not_retried(self, bench: Bench) -> None:
        await bench.schedule()
        await bench.fire_after(1, no_fire(Reason.OVERLAP))
        (skip,) = await bench.runs()
        with pytest.raises(Conflict):
            await bench.store.retry_run(skip.id)
        assert await bench.get(skip) == skip

    async def test_what_has_not_ended_is_not_retried(self, bench: Bench) -> None:
        for run in (await bench.running(), await bench.enqueue()):
            with pytest.raises(Conflict):
                await bench.store.retry_run(run.id)
            assert await bench.get(run) == run
