"""Versions: nodes of several versions of the code say different things of one schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hourbell.testing.conformance.suite import Conformance

if TYPE_CHECKING:
    from hourbell.testing.conformance.bench import Bench


class VersionsConformance(Conformance):
    """Which of them stands, by `ScheduleStore.declare`, and who is told by `NodeStore.upkeep` that it is overruled."""

    async def test_an_old_version_does_not_win_while_the_new_one_lives(self, bench: Bench) -> None:
        old, new = bench.declaration(args={"v": 1}), bench.declaration(args={"v": 2}, digest="2")
        for node in ("old", "new", "old-again"):
            await bench.node(node)
        await bench.store.declare("old", [old])
        (kept,) = await bench.store.declare("new", [new])
        assert list(await bench.store.declare("old-again", [old])) == [kept]
        await bench.store.retire_node("new")
        (schedule,) = await bench.store.declare("old-again", [old])
        assert (schedule.args, schedule.digest) == ({"v": 1}, "1")

    async def test_a_version_whose_nodes_are_dead_does_not_live(self, bench: Bench) -> None:
        old, new = bench.declaration(args={"v": 1}), bench.declaration(args={"v": 2}, digest="2")
        await bench.node("new")
        await bench.store.declare("new", [old])
        await bench.store.declare("new", [new])
        await bench.kill("new")
        await bench.node("old")
        (schedule,) = await bench.store.declare("old", [old])
        assert schedule.digest == "1"

    async def test_a_node_alone_may_go_back_to_what_it_said_before(self, bench: Bench) -> None:
        await bench.node()
        for digest in ("1", "2", "1"):
            (schedule,) = await bench.store.declare("a", [bench.declaration(digest=digest, args={"v": digest})])
            assert (schedule.digest, schedule.args) == (digest, {"v": digest})

    async def test_a_version_is_new_to_one_schedule_and_known_to_another(self, bench: Bench) -> None:
        for node in ("a", "b"):
            await bench.node(node)
        await bench.store.declare("a", [bench.declaration("x", digest="1"), bench.declaration("y", digest="2")])
        (schedule,) = await bench.store.declare("b", [bench.declaration("y", digest="1", args={"new": True})])
        assert schedule.args == {"new": True}

    async def test_a_version_said_before_the_removal_is_new_again(self, bench: Bench) -> None:
        old, new = bench.declaration(args={"v": 1}), bench.declaration(args={"v": 2}, digest="2")
        for node in ("a", "b"):
            await bench.node(node)
        await bench.store.declare("a", [old])
        await bench.store.declare("b", [new])
        await bench.store.remove_schedule("s")
        await bench.store.declare("a", [old])
        (schedule,) = await bench.store.declare("b", [new])
        assert (schedule.digest, schedule.args) == ("2", {"v": 2})

    async def test_a_version_that_has_left_overrules_nobody_for_long(self, bench: Bench) -> None:
        old, new = bench.declaration(digest="old", args={"n": 1}), bench.declaration(digest="new", args={"n": 2})
        for node in ("a", "b", "canary"):
            await bench.node(node)
        for node in ("a", "b"):
            await bench.store.declare(node, [old, bench.declaration("other")])
            assert not (await bench.store.upkeep(node)).overruled
        await bench.store.declare("canary", [new])
        for node in ("a", "canary", "unknown"):
            assert not (await bench.store.upkeep(node)).overruled, "what is stored is declared by a live node"
        await bench.store.retire_node("canary")
        assert (await bench.store.upkeep("a")).overruled
        assert (await bench.store.upkeep("b")).overruled
        (schedule, _) = await bench.store.declare("a", [old, bench.declaration("other")])
        assert (schedule.args, schedule.digest) == ({"n": 1}, "old")
        for node in ("a", "b"):
            assert not (await bench.store.upkeep(node)).overruled

    async def test_what_was_removed_overrules_nobody(self, bench: Bench) -> None:
        await bench.node()
        await bench.store.declare("a", [bench.declaration()])
        await bench.store.remove_schedule("s")
        assert not (await bench.store.upkeep("a")).overruled
        await bench.schedule(digest="by hand")
        assert not (await bench.store.upkeep("a")).overruled, "somebody made another in its place"
