"""Leases: a node registers, renews, and once it is late it is gone."""

from __future__ import annotations

from datetime import timedelta

from hourbell.model.node import NewNode, NodeState, Sibling
from hourbell.model.plan import Question
from hourbell.model.run_state import Outcome, RunState
from hourbell.testing.conformance.bench import LEASE, TASK, Bench, ids
from hourbell.testing.conformance.suite import Conformance
from hourbell.triggers import Every


class LeasingConformance(Conformance):
    """`NodeStore.register_node`, `renew` and `list_nodes`."""

    async def test_a_node_registers(self, bench: Bench) -> None:
        new = NewNode(id="a", host="host ü", pid=4711, lease=LEASE, version="1.2.3")
        assert (await bench.store.register_node(new)).now == bench.now
        (node,) = await bench.store.list_nodes()
        assert (node.id, node.host, node.pid, node.version) == ("a", "host ü", 4711, "1.2.3")
        assert (node.state, node.started_at, node.running) == (NodeState.LIVE, bench.now, 0)
        assert node.lease_until == bench.now + LEASE

    async def test_a_node_says_which_process_it_is(self, bench: Bench) -> None:
        await bench.node("a", process="boot 1 0 7 99")
        await bench.node("b")
        assert {node.id: node.process for node in await bench.store.list_nodes()} == {"a": "boot 1 0 7 99", "b": None}
        renewal = await bench.store.renew("b", LEASE, 0)
        assert renewal is not None
        assert [(one.id, one.process) for one in renewal.siblings] == [("a", "boot 1 0 7 99")]

    async def test_registering_again_changes_nothing(self, bench: Bench) -> None:
        await bench.node("a")
        before = await bench.store.list_nodes()
        bench.clock.advance(1)
        again = NewNode(id="a", host="other", pid=2, lease=timedelta(hours=1), version="9")
        assert (await bench.store.register_node(again)).now == bench.now
        assert await bench.store.list_nodes() == before

    async def test_a_renewal_takes_a_question_along(self, bench: Bench) -> None:
        for node in ("a", "b", "c"):
            await bench.node(node)
        await bench.store.renew("b", LEASE, 0)
        bench.clock.advance(1)
        mine = await bench.running("a")
        await bench.store.cancel_run(mine.id)
        await bench.enqueue(queue="other")
        await bench.schedule(trigger=Every(seconds=10, start=bench.later(10)))
        question = Question((TASK,), None)
        renewal = await bench.store.renew("a", LEASE, 7, 0.5, question=question)
        assert renewal is not None
        (stored,) = [one for one in await bench.store.list_nodes() if one.id == "a"]
        assert (stored.lease_until, stored.running, stored.clock_offset) == (bench.now + LEASE, 7, 0.5)
        assert sorted((one.id, one.renewals) for one in renewal.siblings) == [("b", 1), ("c", 0)]
        assert renewal.work == await bench.store.next_work("a", Question((TASK,), None))
        assert renewal.work is not None
        assert (renewal.work.run_due, renewal.work.next_fire_at) == (True, bench.later(10))
        assert [one.run_id for one in renewal.work.cancelling] == [mine.id]
        elsewhere = await bench.store.renew("a", LEASE, 7, question=Question((TASK,), ("default",)))
        assert elsewhere is not None
        assert elsewhere.work is not None
        assert not elsewhere.work.run_due
        assert await bench.renewals("c") == {"a": 2, "b": 1}

    async def test_no_question_renews_what_is_lost(self, bench: Bench) -> None:
        await bench.node("a")
        await bench.node("stopped")
        await bench.store.retire_node("stopped")
        question = Question((TASK,), None)
        assert await bench.store.renew("stopped", LEASE, 0, question=question) is None, "it has left"
        bench.clock.advance(LEASE.total_seconds())
        for node in ("a", "stopped", "unknown"):
            assert await bench.store.renew(node, LEASE, 0, question=question) is None, node

    async def test_a_dead_node_does_not_live_again(self, bench: Bench) -> None:
        await bench.node("a")
        await bench.kill("a")
        await bench.node("a")
        assert await bench.store.renew("a", LEASE, 0) is None
        assert [node.state for node in await bench.store.list_nodes() if node.id == "a"] == [NodeState.DEAD]

    async def test_a_renewal_extends_the_lease(self, bench: Bench) -> None:
        await bench.node("a")
        bench.clock.advance(10)
        renewal = await bench.store.renew("a", timedelta(seconds=30), 7)
        assert renewal is not None
        assert renewal.now == bench.now
        (node,) = await bench.store.list_nodes()
        assert (node.lease_until, node.running, node.state) == (bench.later(30), 7, NodeState.LIVE)
        bench.clock.advance(29)
        assert await bench.store.renew("a", LEASE, 0) is not None

    async def test_a_node_that_has_ended_runs_nothing(self, bench: Bench) -> None:
        for node_id in ("dies", "stops"):
            await bench.node(node_id)
            assert await bench.store.renew(node_id, LEASE, 7) is not None
        await bench.store.retire_node("stops")
        await bench.kill("dies")
        ended = {node.id: (node.state, node.running) for node in await bench.store.list_nodes()}
        assert ended["dies"] == (NodeState.DEAD, 0)
        assert ended["stops"] == (NodeState.STOPPED, 0)

    async def test_an_expired_lease_is_not_renewed(self, bench: Bench) -> None:
        await bench.node("a")
        bench.clock.advance(LEASE.total_seconds())
        before = await bench.store.list_nodes()
        assert await bench.store.renew("a", LEASE, 0) is None, "it ended at this instant"
        assert await bench.store.list_nodes() == before
        bench.clock.advance(3600)
        assert await bench.store.renew("a", LEASE, 0) is None

    async def test_a_lease_is_renewed_until_its_last_moment(self, bench: Bench) -> None:
        await bench.node("a")
        bench.clock.advance(LEASE.total_seconds() - 0.000001)
        assert await bench.store.renew("a", LEASE, 0) is not None

    async def test_who_is_not_live_is_not_renewed(self, bench: Bench) -> None:
        await bench.node("stopped")
        await bench.store.retire_node("stopped")
        await bench.node("replaced")
        await bench.node("b", replaces="replaced")
        for node in ("unknown", "stopped", "replaced"):
            assert await bench.store.renew(node, LEASE, 0) is None, node

    async def test_a_renewal_shows_the_other_live_nodes(self, bench: Bench) -> None:
        for node in ("a", "b", "c", "stopped"):
            await bench.node(node)
        await bench.store.retire_node("stopped")
        await bench.store.renew("b", LEASE, 0)
        bench.clock.advance(5)
        await bench.store.renew("b", LEASE, 0)
        renewal = await bench.store.renew("a", LEASE, 0)
        assert renewal is not None
        found = sorted(renewal.siblings, key=lambda sibling: sibling.id)
        assert [sibling.id for sibling in found] == ["b", "c"]
        assert found[0] == Sibling("b", found[1].renewals + 2, bench.now + LEASE)
        assert found[1].lease_until == bench.later(-5) + LEASE

    async def test_a_sibling_whose_lease_ran_out_is_still_shown(self, bench: Bench) -> None:
        await bench.node("late", lease=timedelta(seconds=3))
        await bench.node("a")
        bench.clock.advance(5)
        renewal = await bench.store.renew("a", LEASE, 0)
        assert renewal is not None
        assert [(one.id, one.lease_until) for one in renewal.siblings] == [("late", bench.later(-2))]

    async def test_each_renewal_has_its_own_number(self, bench: Bench) -> None:
        await bench.node("a")
        await bench.node("b")
        numbers = []
        for _ in range(4):
            numbers.append((await bench.renewals("a"))["b"])
            await bench.store.renew("b", LEASE, 0)
        assert numbers == sorted(set(numbers))

    async def test_a_clock_that_goes_back_ends_no_lease(self, bench: Bench) -> None:
        await bench.node("a")
        bench.clock.bend(-3600)
        assert await bench.store.renew("a", LEASE, 0) is not None
        (node,) = await bench.store.list_nodes()
        assert node.lease_until == bench.now + LEASE

    async def test_a_node_that_replaces_itself_gives_its_runs_on(self, bench: Bench) -> None:
        run = await bench.running("old")
        untouched = await bench.running("other")
        await bench.node("new", replaces="old")
        lost = await bench.get(run)
        assert (lost.state, lost.run_at, lost.losses, lost.attempt) == (RunState.QUEUED, bench.now, 1, 1)
        assert [attempt.outcome for attempt in await bench.attempts(run)] == [Outcome.LOST]
        assert await bench.get(untouched) == untouched
        states = {node.id: node.state for node in await bench.store.list_nodes()}
        assert (states["old"], states["new"]) == (NodeState.DEAD, NodeState.LIVE)

    async def test_replacing_is_counted_once(self, bench: Bench) -> None:
        run = await bench.running("old")
        await bench.node("new", replaces="old")
        (again,) = await bench.claim("new")
        await bench.node("new", replaces="old")
        assert await bench.get(run) == again

    async def test_replacing_fails_what_may_start_only_once(self, bench: Bench) -> None:
        run = await bench.running("old", on_lost="fail")
        await bench.node("new", replaces="old")
        assert (await bench.get(run)).state is RunState.FAILED

    async def test_replacing_one_that_is_not_there(self, bench: Bench) -> None:
        await bench.node("new", replaces="pruned")
        assert ids(await bench.store.list_nodes()) == ["new"]

    async def test_nodes_are_listed_live_ones_first_then_the_newest(self, bench: Bench) -> None:
        for node in ("first", "second", "third", "fourth"):
            await bench.node(node)
            bench.clock.advance(1)
        await bench.store.retire_node("fourth")
        await bench.store.retire_node("first")
        assert ids(await bench.store.list_nodes()) == ["third", "second", "fourth", "first"]
