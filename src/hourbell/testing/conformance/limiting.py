"""Limits: how many runs of a task run at once over all nodes, whoever claims and however runs end."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from hourbell.model.ids import new_claim_id
from hourbell.model.limit import Limit
from hourbell.model.run import RunFilter
from hourbell.model.run_state import Outcome, RunState
from hourbell.testing.conformance.bench import TASK, Bench, ids
from hourbell.testing.conformance.planners import with_grace
from hourbell.testing.conformance.suite import Conformance

if TYPE_CHECKING:
    from hourbell.model.run import Run
    from hourbell.store.protocol import Store

_THREADS = 4
_GRACE = timedelta(seconds=30)


def one_task(most: int, task: str = TASK) -> Limit:
    """A limit on one task without aliases."""
    return Limit((task,), most)


class LimitingConformance(Conformance):
    """`RunStore.claim` under limits."""

    async def test_a_claim_takes_no_more_than_the_limit(self, bench: Bench) -> None:
        await bench.node()
        for _ in range(5):
            await bench.enqueue()
        assert len(await bench.claim(limits=[one_task(3)])) == 3
        assert await bench.claim(limits=[one_task(3)]) == []

    async def test_the_limit_is_one_for_all_nodes(self, bench: Bench) -> None:
        for node in ("a", "b"):
            await bench.node(node)
        for _ in range(5):
            await bench.enqueue()
        assert len(await bench.claim("a", limit=2, limits=[one_task(3)])) == 2
        assert len(await bench.claim("b", limits=[one_task(3)])) == 1
        assert await bench.claim("a", limits=[one_task(3)]) == []

    async def test_the_room_of_the_node_holds_as_well(self, bench: Bench) -> None:
        await bench.node()
        for _ in range(5):
            await bench.enqueue()
        assert len(await bench.claim(tasks={TASK: 2}, limits=[one_task(3)])) == 2
        assert len(await bench.claim(limit=0, limits=[one_task(3)])) == 0
        assert len(await bench.claim(limits=[one_task(3)])) == 1

    async def test_the_limit_is_one_for_all_queues(self, bench: Bench) -> None:
        await bench.node()
        for queue in ("x", "y", "z"):
            await bench.enqueue(queue=queue)
        assert len(await bench.claim(queues=["x"], limits=[one_task(2)])) == 1
        assert len(await bench.claim(limits=[one_task(2)])) == 1
        assert await bench.claim(limits=[one_task(2)]) == []

    async def test_each_task_has_a_limit_of_its_own(self, bench: Bench) -> None:
        await bench.node()
        for _ in range(5):
            for task in ("one", "two", "free"):
                await bench.enqueue(task)
        limits = [one_task(1, "one"), one_task(2, "two")]
        runs = await bench.claim(tasks=("one", "two", "free"), limits=limits)
        assert Counter(run.task for run in runs) == {"one": 1, "two": 2, "free": 5}
        assert await bench.claim(tasks=("one", "two", "free"), limits=limits) == []

    async def test_a_task_at_its_limit_does_not_hide_another(self, bench: Bench) -> None:
        await bench.node()
        for _ in range(5):
            await bench.enqueue("full", priority=-10)
        other = await bench.enqueue("other")
        limits = [one_task(1, "full")]
        await bench.claim(tasks=("full", "other"), limit=1, limits=limits)
        assert ids(await bench.claim(tasks=("full", "other"), limit=1, limits=limits)) == [other.id]

    async def test_priority_counts_within_a_limit(self, bench: Bench) -> None:
        await bench.node()
        late = await bench.enqueue(queue="x", priority=5)
        first = await bench.enqueue(queue="y", priority=-5)
        then = await bench.enqueue(queue="x", priority=0)
        found = []
        for _ in range(3):
            (run,) = await bench.claim(limits=[one_task(1)])
            found.append(run.id)
            await bench.settle(run)
        assert found == [first.id, then.id, late.id]

    async def test_priority_counts_between_limited_tasks_and_others(self, bench: Bench) -> None:
        await bench.node()
        for priority in (3, 1):
            await bench.enqueue("limited", priority=priority)
        for priority in (2, 4):
            await bench.enqueue("free", priority=priority)
        both, limits = ("limited", "free"), [one_task(1, "limited")]
        runs = await bench.claim(tasks=both, limit=2, limits=limits)
        assert [(run.task, run.priority) for run in runs] == [("limited", 1), ("free", 2)]
        await bench.settle(runs[0])
        assert [run.priority for run in await bench.claim(tasks=both, limits=limits)] == [3, 4]

    async def test_a_task_and_its_aliases_share_one_limit(self, bench: Bench) -> None:
        await bench.node()
        for task in ("new", "old", "older", "old", "new"):
            await bench.enqueue(task)
        names = ("new", "old", "older")
        assert len(await bench.claim(tasks=("old",), limit=1, limits=[one_task(2, "old")])) == 1
        assert len(await bench.claim(tasks=names, limits=[Limit(names, 2)])) == 1
        assert await bench.claim(tasks=names, limits=[Limit(names, 2)]) == []

    async def test_every_way_in_which_a_run_ends_makes_room(self, bench: Bench) -> None:
        await bench.node()
        for _ in range(8):
            await bench.enqueue()
        for outcome in (Outcome.SUCCEEDED, Outcome.FAILED, Outcome.TIMED_OUT, Outcome.CANCELLED, Outcome.HANDED_BACK):
            (run,) = await bench.claim(limits=[one_task(1)])
            assert await bench.claim(limits=[one_task(1)]) == []
            await bench.settle(run, outcome)
        (run,) = await bench.claim(limits=[one_task(1)])
        await bench.fail_and_retry(run, delay=60)
        assert len(await bench.claim(limits=[one_task(1)])) == 1

    async def test_a_report_that_is_refused_makes_no_room(self, bench: Bench) -> None:
        await bench.node("a")
        await bench.node("b")
        await bench.enqueue()
        await bench.enqueue()
        (run,) = await bench.claim("a", limits=[one_task(1)])
        assert await bench.store.settle("b", [bench.report(run)]) == {}
        assert await bench.claim("b", limits=[one_task(1)]) == []

    async def test_a_rescue_makes_room_and_not_before(self, bench: Bench) -> None:
        await bench.node("victim")
        for _ in range(3):
            await bench.enqueue()
        assert len(await bench.claim("victim", limits=[one_task(2)])) == 2
        seen = await bench.renewals()
        bench.clock.advance(16)
        await bench.node("survivor")
        assert await bench.claim("survivor", limits=[one_task(2)]) == [], "whether its bodies run is not known yet"
        await bench.store.rescue({"victim": seen["victim"]})
        assert len(await bench.claim("survivor", limits=[one_task(2)])) == 2

    async def test_a_node_that_stops_makes_room(self, bench: Bench) -> None:
        await bench.node("a")
        await bench.node("b")
        for _ in range(2):
            await bench.enqueue()
        await bench.claim("a", limits=[one_task(1)])
        await bench.store.retire_node("a")
        assert len(await bench.claim("b", limits=[one_task(1)])) == 1

    async def test_a_node_that_takes_a_new_id_makes_room(self, bench: Bench) -> None:
        await bench.node("a")
        for _ in range(2):
            await bench.enqueue()
        await bench.claim("a", limits=[one_task(1)])
        await bench.node("b", replaces="a")
        assert len(await bench.claim("b", limits=[one_task(1)])) == 1

    async def test_queued_runs_do_not_count(self, bench: Bench) -> None:
        await bench.node()
        run = await bench.enqueue()
        await bench.store.cancel_run(run.id)
        await bench.store.retry_run(run.id)
        await bench.enqueue(delay=timedelta(seconds=9))
        assert ids(await bench.claim(limits=[one_task(1)])) == [run.id]

    async def test_more_may_run_than_a_limit_that_was_lowered(self, bench: Bench) -> None:
        await bench.node()
        for _ in range(6):
            await bench.enqueue()
        running = await bench.claim(limits=[one_task(4)])
        for run in running[:3]:
            assert await bench.claim(limits=[one_task(2)]) == []
            await bench.settle(run)
        assert len(await bench.claim(limits=[one_task(2)])) == 1
        assert await bench.claim(limits=[one_task(2)]) == []

    async def test_a_limit_that_was_raised_gives_more(self, bench: Bench) -> None:
        await bench.node()
        for _ in range(6):
            await bench.enqueue()
        assert len(await bench.claim(limits=[one_task(1)])) == 1
        assert len(await bench.claim(limits=[one_task(4)])) == 3

    async def test_the_least_limit_that_a_live_node_states_counts(self, bench: Bench) -> None:
        await bench.node("old", tasks={TASK: 3})
        for _ in range(9):
            await bench.enqueue()
        assert len(await bench.claim("old", limit=2, limits=[one_task(3)])) == 2
        await bench.node("new", tasks={TASK: 1, "other": 7})
        await bench.node("unlimited", tasks={TASK: None})
        assert await bench.claim("old", limits=[one_task(3)]) == [], "the new version lowered it"
        assert await bench.claim("new", limits=[one_task(1)]) == []
        await bench.store.retire_node("new")
        assert len(await bench.claim("old", limits=[one_task(3)])) == 1
        await bench.node("raised", tasks={TASK: 5})
        assert await bench.claim("raised", limits=[one_task(5)]) == [], "the old version still states less"
        await bench.kill("old")
        await bench.node("last", tasks={TASK: 5})
        assert len(await bench.claim("last", limits=[one_task(5)])) == 5

    async def test_what_a_node_states_is_stated_once(self, bench: Bench) -> None:
        await bench.node("a", tasks={TASK: 2}, queues=("x",))
        await bench.node("a", tasks={TASK: 1})
        for _ in range(3):
            await bench.enqueue()
        assert len(await bench.claim("a", limits=[one_task(2)])) == 2

    async def test_runs_without_a_limit_are_not_counted(self, bench: Bench) -> None:
        """A limit that a new version introduces begins with the runs that are claimed under it."""
        await bench.node()
        for _ in range(4):
            await bench.enqueue()
        assert len(await bench.claim(limit=2)) == 2
        assert len(await bench.claim(limits=[one_task(1)])) == 1
        assert len(await bench.claim()) == 1

    async def test_a_node_that_is_not_live_is_given_nothing_under_a_limit(self, bench: Bench) -> None:
        run = await bench.enqueue()
        await bench.node("stopped")
        await bench.store.retire_node("stopped")
        for node in ("unknown", "stopped"):
            answer = await bench.store.claim(
                node, "c", limit=5, tasks={TASK: 5}, queues=None, suspects=5, limits=[one_task(5)]
            )
            assert answer is None, node
        assert await bench.get(run) == run

    async def test_missed_runs_use_up_no_room(self, bench: Bench) -> None:
        await bench.node()
        await bench.schedule()
        await bench.fire_after(3, with_grace(_GRACE))
        bench.clock.advance(3600)
        due = await bench.enqueue()
        found: list[str] = []
        for _ in range(4):
            found += ids(await bench.claim(limits=[one_task(1)]))
        assert found == [due.id]
        assert len(await bench.runs(state=RunState.SKIPPED)) == 3

    async def test_lost_runs_stand_under_the_limit_too(self, bench: Bench) -> None:
        for _ in range(3):
            await bench.enqueue()
        for number in range(3):
            await bench.node(f"victim-{number}")
            assert len(await bench.claim(f"victim-{number}", limits=[one_task(2)])) == 2
            await bench.kill(f"victim-{number}")
        await bench.node("survivor")
        assert len(await bench.claim("survivor", suspects=1, limits=[one_task(2)])) == 2
        assert await bench.claim("survivor", suspects=1, limits=[one_task(2)]) == []

    async def test_two_nodes_that_claim_at_once_stay_below_the_limit(self, bench: Bench) -> None:
        for node in ("a", "b"):
            await bench.node(node)
        other = await bench.twin()
        for _ in range(60):
            await bench.enqueue()
        ended: list[Run] = []
        while len(ended) < 60:
            taken = await asyncio.gather(
                *(_taken(handle, node, 3) for handle, node in ((bench.store, "a"), (other, "b")))
            )
            runs = [run for part in taken for run in part]
            assert len(runs) <= 3
            for run in runs:
                assert await bench.settle(run)
            ended += runs
        assert len(set(ids(ended))) == 60

    async def test_threads_that_claim_at_once_stay_below_the_limit(self, bench: Bench) -> None:
        await bench.store.enqueue([bench.request() for _ in range(120)])
        for number in range(_THREADS):
            await bench.node(str(number))
        running: list[int] = []

        async def work(store: Store, number: int) -> list[str]:
            done: list[str] = []
            while await _listed(store, RunState.QUEUED, 1):
                runs = await _taken(store, str(number), 3)
                running.append(await _listed(store, RunState.RUNNING, 50))
                accepted = await store.settle(str(number), [bench.report(run) for run in runs])
                assert set(accepted) == set(ids(runs))
                done += ids(runs)
            return done

        done = [run_id for part in await bench.in_threads(_THREADS, work) for run_id in part]
        assert len(done) == len(set(done)) == 120
        assert max(running) <= 3

    async def test_a_claim_under_a_limit_is_read_back(self, bench: Bench) -> None:
        await bench.node()
        await bench.enqueue()
        (run,) = await bench.claim(claim_id="c", limits=[one_task(1)])
        assert await bench.store.claimed("a", "c") == [run]


async def _taken(store: Store, node_id: str, most: int) -> list[Run]:
    claim = await store.claim(
        node_id, new_claim_id(), limit=2, tasks={TASK: 2}, queues=None, suspects=9, limits=[one_task(most)]
    )
    assert claim is not None
    return list(claim.runs)


async def _listed(store: Store, state: RunState, most: int) -> int:
    """How many runs are in this state, in one look."""
    return len((await store.list_runs(RunFilter(state=state, limit=most))).items)
