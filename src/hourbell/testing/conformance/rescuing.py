"""Rescue and retirement: what a node held goes on without it."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from hourbell.engine.planning import plan_fires
from hourbell.model.node import NodeState, Rescue, Upkeep
from hourbell.model.run_state import Outcome, Reason, RunState
from hourbell.testing.conformance.bench import LEASE, TASK, Bench, ids
from hourbell.testing.conformance.planners import with_grace
from hourbell.testing.conformance.suite import Conformance

_MANY = 1_050
"""Runs of one node: more than a store need hand on at once."""


async def _states(bench: Bench) -> dict[str, NodeState]:
    return {node.id: node.state for node in await bench.store.list_nodes()}


class RescuingConformance(Conformance):
    """`NodeStore.rescue` and `retire_node`, but for races."""

    async def test_the_runs_of_a_dead_node_are_queued_again(self, bench: Bench) -> None:
        run = await bench.running("a", args={"x": 1}, key="k")
        began = bench.now
        await bench.store.note_started("a", [(run.id, 1, began)])
        assert await bench.kill("a") == Rescue(("a",), requeued=1, failed=0)
        lost = await bench.get(run)
        assert (lost.state, lost.run_at, lost.reason) == (RunState.QUEUED, bench.now, None)
        assert (lost.attempt, lost.losses, lost.failures) == (1, 1, 0)
        assert (lost.node_id, lost.started_at, lost.finished_at) == (None, None, None)
        assert (lost.args, lost.key) == ({"x": 1}, "k")
        (attempt,) = await bench.attempts(run)
        assert (attempt.attempt, attempt.node_id, attempt.outcome) == (1, "a", Outcome.LOST)
        assert (attempt.started_at, attempt.finished_at) == (began, bench.now)
        assert (await _states(bench))["a"] is NodeState.DEAD
        await bench.node("b")
        assert [(again.id, again.attempt) for again in await bench.claim("b")] == [(run.id, 2)]

    async def test_a_lease_that_has_not_expired_protects(self, bench: Bench) -> None:
        run = await bench.running("a")
        seen = await bench.renewals()
        bench.clock.advance(LEASE.total_seconds() - 0.000001)
        assert await bench.store.rescue(seen) == Rescue()
        bench.clock.advance(0.000001)
        assert await bench.get(run) == run
        assert "a" in (await bench.store.rescue(seen)).dead

    async def test_a_renewal_after_the_suspicion_saves_the_node(self, bench: Bench) -> None:
        run = await bench.running("a")
        seen = await bench.renewals()
        bench.clock.advance(5)
        assert await bench.store.renew("a", timedelta(seconds=3), 1) is not None
        bench.clock.advance(5)
        assert await bench.store.rescue({"a": seen["a"]}) == Rescue(), "expired, but it was seen to renew"
        assert await bench.get(run) == run
        assert (await _states(bench))["a"] is NodeState.LIVE
        assert (await bench.store.rescue({"a": seen["a"] + 1})).dead == ("a",)

    async def test_nobody_is_suspected(self, bench: Bench) -> None:
        run = await bench.running("a")
        bench.clock.advance(3600)
        assert await bench.store.rescue({}) == Rescue()
        assert await bench.get(run) == run

    async def test_whose_process_is_gone_is_dead_before_its_lease_ends(self, bench: Bench) -> None:
        await bench.node("a", process="boot 1 0 7 99")
        run = await bench.running("a")
        assert await bench.store.rescue({}, {"a": "boot 1 0 7 99"}) == Rescue(("a",), requeued=1, failed=0)
        lost = await bench.get(run)
        assert (lost.state, lost.losses, lost.node_id) == (RunState.QUEUED, 1, None)
        assert [one.outcome for one in await bench.attempts(run)] == [Outcome.LOST]
        assert (await _states(bench))["a"] is NodeState.DEAD
        assert await bench.store.renew("a", LEASE, 0) is None, "what was declared dead does not come back"
        assert not await bench.settle(run), "and reports nothing"
        assert await bench.store.rescue({}, {"a": "boot 1 0 7 99"}) == Rescue(), "it is done once"

    async def test_another_process_under_the_id_is_not_the_one_that_is_gone(self, bench: Bench) -> None:
        await bench.node("a", process="boot 1 0 7 100")
        await bench.node("silent")
        run = await bench.running("a")
        gone = {"a": "boot 1 0 7 99", "silent": "boot 1 0 7 99", "unknown": "boot 1 0 7 99"}
        assert await bench.store.rescue({}, gone) == Rescue()
        assert await bench.get(run) == run
        assert {(await _states(bench))[name] for name in ("a", "silent")} == {NodeState.LIVE}

    async def test_a_node_that_has_left_stays_as_it_left(self, bench: Bench) -> None:
        await bench.node("a", process="boot 1 0 7 99")
        await bench.store.retire_node("a")
        assert await bench.store.rescue({}, {"a": "boot 1 0 7 99"}) == Rescue()
        assert (await _states(bench))["a"] is NodeState.STOPPED

    async def test_two_kinds_of_death_are_one_rescue(self, bench: Bench) -> None:
        late = await bench.running("late")
        await bench.node("gone", lease=LEASE * 9, process="boot 1 0 7 99")
        other = await bench.running("gone")
        seen = await bench.renewals()
        bench.clock.advance(LEASE.total_seconds() + 1)
        rescue = await bench.store.rescue({"late": seen["late"]}, {"gone": "boot 1 0 7 99"})
        assert (rescue.dead, rescue.requeued) == (("gone", "late"), 2)
        assert {(await bench.get(run)).state for run in (late, other)} == {RunState.QUEUED}

    async def test_suspects_that_are_not_live_are_passed_over(self, bench: Bench) -> None:
        await bench.node("stopped")
        seen = await bench.renewals()
        await bench.store.retire_node("stopped")
        bench.clock.advance(3600)
        assert await bench.store.rescue({"stopped": seen["stopped"], "unknown": 0}) == Rescue()
        assert (await _states(bench))["stopped"] is NodeState.STOPPED

    async def test_a_rescue_is_done_once(self, bench: Bench) -> None:
        run = await bench.running("a")
        seen = await bench.renewals()
        await bench.kill("a")
        assert await bench.store.rescue(seen) == Rescue()
        assert (await bench.get(run)).losses == 1
        assert len(await bench.attempts(run)) == 1

    async def test_live_nodes_keep_their_runs(self, bench: Bench) -> None:
        await bench.running("dying")
        await bench.node("living", lease=timedelta(hours=1))
        await bench.enqueue()
        kept = await bench.running("living")
        await bench.kill("dying")
        assert await bench.get(kept) == kept

    async def test_several_nodes_at_once(self, bench: Bench) -> None:
        runs = [await bench.running(node, on_lost=lost) for node in "abc" for lost in ("retry", "fail")]
        assert await bench.kill("c", "a") == Rescue(("a", "c"), requeued=2, failed=2)
        assert [(await bench.get(run)).state for run in runs[2:4]] == [RunState.RUNNING] * 2
        assert await bench.kill("b") == Rescue(("b",), requeued=1, failed=1)

    async def test_what_may_start_only_once_fails(self, bench: Bench) -> None:
        run = await bench.running("a", on_lost="fail")
        assert await bench.kill("a") == Rescue(("a",), requeued=0, failed=1)
        lost = await bench.get(run)
        assert (lost.state, lost.reason, lost.outcome) == (RunState.FAILED, Reason.LOST, Outcome.LOST)
        assert (lost.error, lost.losses, lost.finished_at) == ("lost with its node", 1, bench.now)
        assert (lost.attempt, lost.node_id) == (1, "a")

    async def test_a_run_that_was_lost_too_often_fails(self, bench: Bench) -> None:
        run = await bench.enqueue(lost_limit=3)
        for number in range(3):
            await bench.node(f"n{number}")
            (run,) = await bench.claim(f"n{number}")
            assert (run.losses, run.attempt) == (number, number + 1)
            await bench.kill(f"n{number}")
        lost = await bench.get(run)
        assert (lost.state, lost.reason, lost.outcome) == (RunState.FAILED, Reason.LOST, Outcome.LOST)
        assert (lost.error, lost.losses) == ("lost with its node 3 times", 3)
        assert [attempt.attempt for attempt in await bench.attempts(run)][:2] == [1, 2]

    async def test_five_losses_are_the_default_limit_and_each_is_an_attempt(self, bench: Bench) -> None:
        run = await bench.running("node-1")
        for number in range(1, 6):
            rescue = await bench.kill(f"node-{number}")
            assert (rescue.requeued, rescue.failed) == ((1, 0) if number < 5 else (0, 1))
            if number < 5:
                await bench.node(f"node-{number + 1}")
                assert ids(await bench.claim(f"node-{number + 1}")) == [run.id]
        lost = await bench.get(run)
        assert (lost.state, lost.reason, lost.outcome) == (RunState.FAILED, Reason.LOST, Outcome.LOST)
        assert (lost.error, lost.losses, lost.failures) == ("lost with its node 5 times", 5, 0)
        assert [attempt.outcome for attempt in await bench.attempts(run)] == [Outcome.LOST] * 4
        again = await bench.store.retry_run(run.id)
        assert (again.state, again.losses) == (RunState.QUEUED, 0), "by hand it has all its losses before it again"

    async def test_losses_are_not_failures(self, bench: Bench) -> None:
        run = await bench.running("a")
        await bench.fail_and_retry(run)
        await bench.claim("a")
        await bench.kill("a")
        lost = await bench.get(run)
        assert (lost.failures, lost.losses, lost.state) == (1, 1, RunState.QUEUED)

    async def test_queued_runs_are_nobodys(self, bench: Bench) -> None:
        run = await bench.running("a")
        await bench.fail_and_retry(run, delay=3600)
        waiting = await bench.get(run)
        assert await bench.kill("a") == Rescue(("a",))
        assert await bench.get(run) == waiting

    async def test_final_runs_stay_as_they_are(self, bench: Bench) -> None:
        run = await bench.running("a")
        await bench.settle(run)
        done = await bench.get(run)
        assert await bench.kill("a") == Rescue(("a",))
        assert await bench.get(run) == done

    async def test_a_rescued_run_is_not_missed(self, bench: Bench) -> None:
        await bench.node("a")
        await bench.schedule()
        await bench.fire_after(1, with_grace(timedelta(seconds=1)))
        (run,) = await bench.claim("a")
        await bench.kill("a")
        await bench.node("b")
        assert [again.id for again in await bench.claim("b")] == [run.id]

    async def test_a_dead_node_acts_no_more(self, bench: Bench) -> None:
        await bench.node("a")
        await bench.kill("a")
        await bench.enqueue()
        assert await bench.store.renew("a", LEASE, 0) is None
        assert await bench.store.claim("a", "c", limit=1, tasks={TASK: 1}, queues=None, suspects=1) is None
        assert await bench.store.held("a") == []

    async def test_a_clock_that_came_back_expires_nobody(self, bench: Bench) -> None:
        run = await bench.running("a")
        bench.clock.bend(3600)
        seen = await bench.renewals()
        bench.clock.bend(-3600)
        assert await bench.store.rescue({"a": seen["a"]}) == Rescue()
        assert await bench.get(run) == run
        assert await bench.store.renew("a", LEASE, 1) is not None

    async def test_a_node_that_leaves_hands_back(self, bench: Bench) -> None:
        run = await bench.running("a")
        kept = await bench.running("b")
        bench.clock.advance(3)
        await bench.store.retire_node("a")
        back = await bench.get(run)
        assert (back.state, back.run_at, back.attempt) == (RunState.QUEUED, run.run_at, 1)
        assert (back.losses, back.failures, back.node_id, back.started_at) == (0, 0, None, None)
        assert [attempt.outcome for attempt in await bench.attempts(run)] == [Outcome.HANDED_BACK]
        assert await bench.get(kept) == kept
        assert await _states(bench) == {"a": NodeState.STOPPED, "b": NodeState.LIVE}
        assert [again.attempt for again in await bench.claim("b")] == [2]

    async def test_a_node_that_leaves_fails_what_may_start_only_once(self, bench: Bench) -> None:
        run = await bench.running("a", on_lost="fail")
        await bench.store.retire_node("a")
        left = await bench.get(run)
        assert (left.state, left.reason, left.losses) == (RunState.FAILED, Reason.LOST, 0)
        assert left.error

    async def test_leaving_twice_is_leaving_once(self, bench: Bench) -> None:
        run = await bench.running("a")
        await bench.store.retire_node("a")
        await bench.node("b")
        (again,) = await bench.claim("b")
        await bench.store.retire_node("a")
        await bench.store.retire_node("unknown")
        assert await bench.get(run) == again
        assert await _states(bench) == {"a": NodeState.STOPPED, "b": NodeState.LIVE}

    async def test_a_dead_node_that_leaves_stays_dead(self, bench: Bench) -> None:
        await bench.node("a")
        await bench.kill("a")
        await bench.store.retire_node("a")
        assert (await _states(bench))["a"] is NodeState.DEAD

    async def test_upkeep_tells_what_a_rescue_would_hand_on(self, bench: Bench) -> None:
        await bench.node("a")
        assert await bench.store.upkeep("a") == Upkeep()
        await bench.running("b")
        assert await bench.store.upkeep("a") == Upkeep(), "its node lives"
        await bench.kill("b")
        assert not (await bench.store.upkeep("a")).lost, "the rescue has handed it on"

    async def test_upkeep_tells_what_waits_for_its_turn(self, bench: Bench) -> None:
        await bench.node("a")
        await bench.schedule(policies={"overlap": "buffer_one"})
        by_policy = partial(plan_fires, lease=LEASE)
        await bench.fire_after(1, by_policy)
        assert not (await bench.store.upkeep("a")).waiting, "it may start"
        await bench.fire_after(1, by_policy)
        assert (await bench.store.upkeep("a")).waiting

    async def test_however_much_a_node_held_it_is_handed_on_to_the_last(self, bench: Bench) -> None:
        for how in ("rescued", "left", "registered again"):
            await bench.node(how)
            fails = ["fail" if number % 100 == 0 else "retry" for number in range(_MANY)]
            await bench.store.enqueue([bench.request(queue=how, on_lost=on_lost) for on_lost in fails])
            held = await bench.claim(how, limit=_MANY, tasks={TASK: _MANY}, queues=[how])
            assert len(held) == _MANY
            if how == "rescued":
                rescue = await bench.kill(how)
                ended = rescue.ended
                assert (rescue.requeued, rescue.failed) == (fails.count("retry"), fails.count("fail"))
                assert not rescue.is_cut_short
            elif how == "left":
                ended = tuple(await bench.store.retire_node(how))
            else:
                ended = (await bench.store.register_node(bench.new_node("again", replaces=how))).ended
            assert [run.id for run in ended] == sorted(run.id for run in held if run.on_lost == "fail"), how
            assert await bench.store.held(how) == []
            assert not (await bench.store.upkeep(how)).lost
