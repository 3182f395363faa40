"""Which runs a verb has ended besides what it was asked for: it answers each of them, once, as it is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hourbell.model.editing import pausing, updating
from hourbell.model.node import Rescue
from hourbell.model.run_state import Origin, Outcome, Reason, RunState
from hourbell.testing.conformance.bench import TASK, Bench, ids
from hourbell.testing.conformance.overlapping import buffered, by_policy, fires
from hourbell.testing.conformance.suite import Conformance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hourbell.model.run import Run

_THREADS = 4


class EndingConformance(Conformance):
    """What `Rescue.ended`, `Registration.ended`, `FiringReport.displaced` and the argument ``ended`` tell."""

    async def test_a_rescue_answers_the_runs_that_it_failed_or_cancelled(self, bench: Bench) -> None:
        once = await bench.running("a", on_lost="fail")
        again = await bench.running("a")
        often = await bench.running("a", lost_limit=1)
        unwanted = await bench.running("a")
        await bench.store.cancel_run(unwanted.id)
        rescue = await bench.kill("a")
        assert rescue == Rescue(("a",), requeued=1, failed=2, cancelled=1)
        assert list(rescue.ended) == [await bench.get(run) for run in _by_id(once, often, unwanted)]
        assert sorted(run.state for run in rescue.ended) == [RunState.CANCELLED, RunState.FAILED, RunState.FAILED]
        assert (await bench.get(again)).state is RunState.QUEUED

    async def test_a_rescue_tells_of_a_run_once(self, bench: Bench) -> None:
        await bench.running("a", on_lost="fail")
        seen = await bench.renewals()
        assert len((await bench.kill("a")).ended) == 1
        assert (await bench.store.rescue(seen)).ended == ()

    async def test_of_several_rescues_at_once_one_tells(self, bench: Bench) -> None:
        runs = [await bench.running("a", on_lost="fail") for _ in range(5)]
        seen = await bench.renewals()
        bench.clock.advance(3600)
        answers = await bench.in_threads(_THREADS, lambda store, _: store.rescue({"a": seen["a"]}))
        assert sorted(run.id for answer in answers for run in answer.ended) == ids(_by_id(*runs))

    async def test_a_rescue_that_ends_nothing_answers_nothing(self, bench: Bench) -> None:
        await bench.running("a")
        rescue = await bench.kill("a")
        assert (rescue.requeued, rescue.ended) == (1, ())

    async def test_who_takes_a_new_id_hears_what_ended_with_the_old_one(self, bench: Bench) -> None:
        run = await bench.running("old", on_lost="fail")
        await bench.running("old")
        registration = await bench.store.register_node(bench.new_node("new", replaces="old"))
        assert (registration.now, list(registration.ended)) == (bench.now, [await bench.get(run)])
        assert (await bench.store.register_node(bench.new_node("new", replaces="old"))).ended == ()

    async def test_a_node_that_leaves_hears_what_ended_with_it(self, bench: Bench) -> None:
        run = await bench.running("a", on_lost="fail")
        await bench.running("a")
        assert list(await bench.store.retire_node("a")) == [await bench.get(run)]
        assert list(await bench.store.retire_node("a")) == []

    async def test_a_fire_answers_the_runs_that_made_way_for_it(self, bench: Bench) -> None:
        await buffered(bench, "cancel_other")
        (first,) = await fires(bench)
        report = await bench.fire_after(1, by_policy)
        assert list(report.displaced) == [await bench.get(first)]
        assert (report.displaced[0].state, report.displaced[0].reason) == (RunState.SKIPPED, Reason.OVERLAP)

    async def test_a_run_that_was_asked_to_make_way_has_not_ended_yet(self, bench: Bench) -> None:
        await buffered(bench, "cancel_other")
        await fires(bench)
        (running,) = await bench.claim()
        assert (await bench.fire_after(1, by_policy)).displaced == ()
        assert (await bench.get(running)).cancel_requested_at is not None
        assert [run.origin for run in (await bench.fire_after(1, by_policy)).displaced] == [Origin.FIRE], "the buffered"

    async def test_what_waited_for_its_retry_and_made_way_was_cancelled(self, bench: Bench) -> None:
        await buffered(bench, "cancel_other")
        await fires(bench)
        (running,) = await bench.claim()
        await bench.fail_and_retry(running, delay=3600)
        (displaced,) = (await bench.fire_after(1, by_policy)).displaced
        assert (displaced.id, displaced.state, displaced.outcome) == (running.id, RunState.CANCELLED, Outcome.CANCELLED)

    async def test_a_fire_under_other_policies_displaces_nobody(self, bench: Bench) -> None:
        await buffered(bench, "buffer_all")
        await bench.schedule("other")
        await bench.fire_after(1, by_policy)
        assert (await bench.fire_after(1, by_policy)).displaced == ()

    async def test_a_request_tells_of_the_runs_that_made_way_for_it(self, bench: Bench) -> None:
        await buffered(bench, "cancel_other")
        (first,) = await fires(bench)
        wanted = bench.request(TASK, origin=Origin.TRIGGER, schedule_id="s", key="k")
        told: list[Run] = []
        for _ in range(2):
            await bench.store.trigger_schedule("s", lambda _: wanted, ended=told.extend)
        assert told == [await bench.get(first)]

    async def test_a_pause_tells_of_the_fires_that_it_ended(self, bench: Bench) -> None:
        await buffered(bench, "allow")
        fired = await fires(bench, 2)
        by_hand = bench.request(TASK, origin=Origin.TRIGGER, schedule_id="s")
        await bench.store.trigger_schedule("s", lambda _: by_hand)
        told: list[Sequence[Run]] = []
        await bench.store.edit_schedule("s", pausing(None), ended=told.append)
        await bench.store.edit_schedule("s", updating(args={"n": 1}), ended=told.append)
        ended, nothing = told
        assert list(ended) == [await bench.get(run) for run in _by_id(*fired)]
        assert ([run.reason for run in ended], list(nothing)) == ([Reason.PAUSED] * 2, [])

    async def test_a_removal_tells_of_all_that_it_ended(self, bench: Bench) -> None:
        await buffered(bench, "allow")
        await fires(bench)
        wanted = bench.request(TASK, origin=Origin.TRIGGER, schedule_id="s")
        await bench.store.trigger_schedule("s", lambda _: wanted)
        told: list[Run] = []
        await bench.store.remove_schedule("s", ended=told.extend)
        assert told == _by_id(*await bench.runs())
        assert [run.reason for run in told] == [Reason.REMOVED] * 2

    async def test_nobody_is_told_of_what_was_not_written(self, bench: Bench) -> None:
        await buffered(bench, "allow")
        await fires(bench)
        told: list[Sequence[Run]] = []

        def refused(*_: object) -> None:
            raise RuntimeError("no")

        with pytest.raises(RuntimeError, match="no"):
            await bench.store.edit_schedule("s", refused, ended=told.append)
        assert told == []


def _by_id(*runs: Run) -> list[Run]:
    """What the verbs answer is in the order of ids: those of one instant are random."""
    return sorted(runs, key=lambda run: run.id)
