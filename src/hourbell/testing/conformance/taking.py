"""Taking: what a node fires and could start at once is recorded as claimed by it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from hourbell.model.node import NodeState
from hourbell.model.offer import Offer
from hourbell.model.plan import UNDISTURBED
from hourbell.model.run_state import Origin, Outcome, Reason, RunState
from hourbell.model.schedule import ScheduleState
from hourbell.testing.conformance.bench import TASK, Bench
from hourbell.testing.conformance.planners import every_fire, latest_fire, noting, with_grace
from hourbell.testing.conformance.suite import Conformance
from hourbell.triggers import At, Every

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from hourbell.model.plan import FireFacts, FirePlan, FiringReport, Planner
    from hourbell.model.schedule import Schedule


async def take(
    bench: Bench,
    room: int = 10,
    plan: Planner = every_fire,
    *,
    tasks: Collection[str] = (TASK,),
    queues: Sequence[str] | None = None,
    claim_id: str = "c1",
) -> FiringReport:
    """Record what is due, with an offer of node a."""
    return await bench.store.fire_due(100, plan, (), Offer("a", claim_id, [(list(tasks), room)], queues))


class TakingConformance(Conformance):
    """`ScheduleStore.fire_due` with an offer."""

    async def test_a_run_is_taken_as_it_is_recorded(self, bench: Bench) -> None:
        await bench.node("a")
        await bench.schedule(args={"to": "x"}, policies={"overlap": "buffer_one", "priority": 3})
        bench.clock.advance(1)
        report = await take(bench)
        (run,) = await bench.runs()
        assert (report.taken, report.fired, report.locked) == ((run,), (), 1), "told as it is stored"
        assert (run.state, run.node_id, run.attempt, run.origin) == (RunState.RUNNING, "a", 1, Origin.FIRE)
        assert (run.fire_at, run.run_at, run.started_at, run.args) == (bench.now, bench.now, None, {"to": "x"})
        assert (run.policies, run.priority) == ({"overlap": "buffer_one", "priority": 3}, 3)
        assert await bench.claim("a") == [], "there is nothing left to claim"
        assert [(held.run_id, held.attempt) for held in await bench.store.held("a")] == [(run.id, 1)]
        assert list(await bench.store.claimed("a", "c1")) == [run], "when the answer is lost, this tells"

    async def test_what_was_taken_is_settled_like_any_other(self, bench: Bench) -> None:
        await bench.node("a")
        await bench.schedule()
        bench.clock.advance(1)
        (run,) = (await take(bench)).taken
        assert await bench.settle(run)
        stored = await bench.store.get_run(run.id)
        assert (stored.state, stored.outcome, stored.attempt) == (RunState.SUCCEEDED, Outcome.SUCCEEDED, 1)

    async def test_no_more_is_taken_than_there_are_places_for(self, bench: Bench) -> None:
        await bench.node("a")
        for number in range(5):
            await bench.schedule(str(number))
        bench.clock.advance(1)
        report = await take(bench, 3)
        assert (len(report.taken), len(report.fired)) == (3, 2)
        left = {fired.run_id for fired in report.fired}
        assert {run.id for run in await bench.claim("a")} == left
        assert {run.id for run in report.taken}.isdisjoint(left)

    async def test_groups_of_tasks_have_places_of_their_own_and_share_the_whole(self, bench: Bench) -> None:
        await bench.node("a")
        for number in range(4):
            await bench.schedule(f"t{number}", trigger=At(bench.later(2)))
            await bench.schedule(f"u{number}", trigger=At(bench.later(1)), task="other")
        bench.clock.advance(2)
        offer = Offer("a", "c1", [([TASK], 4), (["other"], 1)], None, 3)
        report = await bench.store.fire_due(100, every_fire, (), offer)
        assert [run.task for run in report.taken] == ["other", TASK, TASK]
        assert len(report.fired) == 5

    async def test_the_earliest_are_taken(self, bench: Bench) -> None:
        await bench.node("a")
        for seconds in (3, 1, 2):
            await bench.schedule(str(seconds), trigger=At(bench.later(seconds)))
        bench.clock.advance(3)
        report = await take(bench, 2)
        assert [run.schedule_id for run in report.taken] == ["1", "2"]
        assert [fired.schedule_id for fired in report.fired] == ["3"]
        states = [(await bench.store.get_schedule(str(number))).state for number in (1, 2, 3)]
        assert states == [ScheduleState.FINISHED] * 3

    async def test_a_node_that_is_not_live_takes_nothing_and_fires(self, bench: Bench) -> None:
        await bench.schedule()
        bench.clock.advance(1)
        report = await take(bench)
        assert (len(report.fired), report.taken) == (1, ()), "there is no such node"
        await bench.node("a")
        await bench.store.retire_node("a")
        bench.clock.advance(1)
        report = await take(bench)
        assert report.taken == ()
        (node,) = await bench.store.list_nodes()
        assert node.state is NodeState.STOPPED

    async def test_only_what_the_node_knows_and_serves_is_taken(self, bench: Bench) -> None:
        await bench.node("a")
        await bench.schedule("stranger", task="another")
        await bench.schedule("elsewhere", policies={"queue": "slow"})
        await bench.schedule("mine", policies={"queue": "fast"})
        bench.clock.advance(1)
        report = await take(bench, queues=["fast"])
        assert [run.schedule_id for run in report.taken] == ["mine"]
        assert {fired.schedule_id for fired in report.fired} == {"stranger", "elsewhere"}

    async def test_what_starts_at_most_once_or_later_is_left_to_a_claim(self, bench: Bench) -> None:
        await bench.node("a")
        await bench.schedule("once", policies={"on_lost": "fail"})
        bench.clock.advance(1)
        report = await take(bench)
        assert (report.taken, [fired.schedule_id for fired in report.fired]) == ((), ["once"])
        await bench.store.remove_schedule("once")
        await bench.schedule("jittered")
        bench.clock.advance(1)
        later = bench.later(5)

        def put_off(schedule: Schedule, facts: FireFacts, now: datetime) -> FirePlan:
            plan = every_fire(schedule, facts, now)
            return replace(plan, runs=tuple(replace(run, run_at=later) for run in plan.runs))

        report = await take(bench, plan=put_off)
        assert (report.taken, [fired.run_at for fired in report.fired]) == ((), [later])

    async def test_what_is_past_its_grace_is_left_to_the_claim_that_tells_of_it(self, bench: Bench) -> None:
        await bench.node("a")
        grace = timedelta(seconds=5)
        for name, seconds in (("late", 1), ("just in time", 1.000001)):
            await bench.schedule(name, trigger=At(bench.later(seconds)))
        bench.clock.advance(6.000001)
        report = await take(bench, plan=with_grace(grace))
        assert [run.schedule_id for run in report.taken] == ["just in time"]
        assert [fired.schedule_id for fired in report.fired] == ["late"]
        claim = await bench.store.claim("a", "c2", limit=9, tasks={TASK: 9}, queues=None, suspects=5)
        assert claim is not None
        assert [(run.schedule_id, run.reason) for run in claim.missed] == [("late", Reason.MISSED)]

    async def test_a_fire_that_is_recorded_already_is_not_taken(self, bench: Bench) -> None:
        await bench.node("a")
        grid = Every(seconds=10, start=bench.now)
        await bench.schedule(trigger=grid, policies={"overlap": "allow"})
        bench.clock.advance(10)
        (first,) = (await take(bench)).taken
        await bench.store.remove_schedule("s")
        bench.clock.bend(-5)
        await bench.schedule(trigger=grid, policies={"overlap": "allow"})
        bench.clock.advance(5)
        report = await take(bench, claim_id="c2")
        assert (report.locked, report.taken, report.fired) == (1, (), ())
        assert [held.run_id for held in await bench.store.held("a")] == [first.id]
        stored = await bench.store.get_schedule("s")
        assert stored.next_fire_at == bench.later(10), "the cursor moves on all the same"

    async def test_what_a_dead_node_took_is_handed_on(self, bench: Bench) -> None:
        await bench.node("a")
        await bench.schedule()
        bench.clock.advance(1)
        (run,) = (await take(bench)).taken
        assert (await bench.kill("a")).requeued == 1
        stored = await bench.store.get_run(run.id)
        assert (stored.state, stored.losses, stored.node_id) == (RunState.QUEUED, 1, None)
        await bench.node("b")
        assert [(one.id, one.attempt) for one in await bench.claim("b")] == [(run.id, 2)]

    async def test_what_was_taken_counts_as_unfinished(self, bench: Bench) -> None:
        facts: dict[str, FireFacts] = {}
        await bench.node("a")
        await bench.schedule()
        bench.clock.advance(1)
        (run,) = (await take(bench)).taken
        bench.clock.advance(1)
        await take(bench, plan=noting(facts), claim_id="c2")
        assert (facts["s"].others.total, facts["s"].others.newest) == (1, run.id)

    async def test_what_the_planner_says_of_one_holds_for_all_that_are_alike(self, bench: Bench) -> None:
        await bench.node("a")
        for number in range(6):
            await bench.schedule(f"s{number}", args={"number": number})
        await bench.schedule("other", args={"number": 6}, policies={"priority": 1})
        await bench.enqueue(schedule_id="s2")
        facts: dict[str, FireFacts] = {}
        bench.clock.advance(1)
        report = await take(bench, 4, shared(noting(facts)))
        assert (report.locked, len(report.taken), len(report.fired)) == (7, 4, 3)
        assert facts["s2"].others.total == 1, "who is disturbed is planned by itself"
        stored = {run.id: run for run in await bench.runs() if run.origin == Origin.FIRE}
        assert [stored[run.id] for run in report.taken] == list(report.taken), "told as they are stored"
        assert {stored[fired.run_id].state for fired in report.fired} == {RunState.QUEUED}
        of = {run.schedule_id: run for run in stored.values()}
        assert {name: run.args for name, run in of.items()} == {
            **{f"s{number}": {"number": number} for number in range(6)},
            "other": {"number": 6},
        }
        assert {name: run.priority for name, run in of.items()} == {**dict.fromkeys(of, 0), "other": 1}
        cursors = {(await bench.store.get_schedule(f"s{number}")).next_fire_at for number in range(6)}
        assert cursors == {bench.later(1)}

    async def test_a_shared_plan_of_several_rows_is_written_for_each(self, bench: Bench) -> None:
        await bench.node("a")
        for number in range(3):
            await bench.schedule(f"s{number}", policies={"overlap": "allow"})
        bench.clock.advance(3)
        report = await take(bench, plan=shared(latest_fire))
        assert sorted((name, skip.covers_count) for name, skip in report.skipped) == [("s0", 2), ("s1", 2), ("s2", 2)]
        runs = await bench.runs()
        assert sorted((run.schedule_id, run.state.value, run.covers_count) for run in runs if run.covers_count) == [
            ("s0", "skipped", 2),
            ("s1", "skipped", 2),
            ("s2", "skipped", 2),
        ]
        assert sorted(run.schedule_id or "" for run in runs if run.state is not RunState.SKIPPED) == ["s0", "s1", "s2"]


def shared(plan: Planner) -> Planner:
    """As this planner, which says that its plan holds for all that are alike where nothing is unfinished."""

    def decide(schedule: Schedule, facts: FireFacts, now: datetime) -> FirePlan | None:
        decided = plan(schedule, facts, now)
        return replace(decided, shared=True) if decided is not None and facts == UNDISTURBED else decided

    return decide
