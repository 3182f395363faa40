"""Keeping a lease, losing it, and taking over from those that lost theirs."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from engine.bench import Bench
from hourbell.clock import ManualClock
from hourbell.engine import leasing
from hourbell.engine.leasing import Leasing
from hourbell.engine.neighbours import Neighbours
from hourbell.engine.registering import Registering
from hourbell.engine.rescuing import Rescuing
from hourbell.engine.trust import Trust
from hourbell.engine.witness import Witness
from hourbell.errors import StoreMisconfigured, StoreRejected, StoreUnavailable
from hourbell.events import NodeLost, RunCancelled, RunEvent, RunFailed
from hourbell.model.node import NodeState, Rescue
from hourbell.model.plan import NextWork, Question
from hourbell.model.run_state import Reason, RunState


class Hands:
    def __init__(self) -> None:
        self.woken = 0

    def take_now(self) -> None:
        self.woken += 1

    def room(self) -> int:
        return 1


class Asker:
    """A watch that wants to know when it is told to."""

    def __init__(self) -> None:
        self.wants = False
        self.said: list[Any] = []

    def question(self, asked: float, within: float) -> Question | None:
        assert within == 5
        return Question(("ring",), None) if self.wants else None

    def answered(self, work: NextWork, asked: float) -> None:
        self.said.append(work)

    def unanswered(self) -> None:
        self.said.append(None)


class Member:
    """One node's leasing and rescuing, stepped by hand."""

    def __init__(self, bench: Bench, trust: Trust) -> None:
        self.bench = bench
        self.trust = trust
        self.witness = Witness(bench.settings.lease)
        self.lost: list[str] = []
        self.hands = Hands()
        self.asker = Asker()
        self.renewed = 0
        parts = bench.parts()
        self.neighbours = Neighbours(bench.processes, parts.settings.poll)
        self.leasing = Leasing(
            bench.store,
            parts,
            trust,
            self.witness,
            self.neighbours,
            self.asker,
            running=lambda: 3,
            renewed=self._renewed,
            lost=self.lost.append,
        )
        self.rescuing = Rescuing(
            bench.store, parts, trust.node_id, self.witness, self.neighbours, self.hands, spent=lambda statements: None
        )

    @classmethod
    async def join(cls, bench: Bench) -> Member:
        return cls(bench, await bench.trust())

    def _renewed(self) -> None:
        self.renewed += 1


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def bench(clock: ManualClock) -> Bench:
    return Bench(clock, lease=15.0)


async def test_it_renews_every_third_of_the_lease(bench: Bench, clock: ManualClock) -> None:
    one = await Member.join(bench)
    for _ in range(10):
        delay = await one.leasing.step()
        assert delay is not None
        assert 4.5 <= delay <= 5.0
        clock.advance(delay)
    (node,) = await bench.store.list_nodes()
    assert (node.state, node.running) == (NodeState.LIVE, 3)
    assert one.trust.holds()
    assert (one.lost, one.renewed) == ([], 10)


async def test_trust_counts_from_when_a_renewal_was_asked_for(
    bench: Bench, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = await Member.join(bench)
    renew = bench.store.renew

    async def slowly(*asked: Any, **besides: Any) -> Any:
        answer = await renew(*asked, **besides)
        clock.advance(4)  # the database's lease runs since it was renewed, however late that is heard
        return answer

    monkeypatch.setattr(bench.store, "renew", slowly, raising=False)
    await one.leasing.step()
    assert one.trust.left() == pytest.approx(13.5 - 4)


async def test_when_trust_runs_out_the_lease_is_lost_and_not_renewed(bench: Bench, clock: ManualClock) -> None:
    one = await Member.join(bench)
    await one.leasing.step()
    clock.advance(13.6)
    renewals = bench.faults.asked["renew"]
    assert await one.leasing.step() is None
    assert bench.faults.asked["renew"] == renewals
    assert len(one.lost) == 1


async def test_trust_counts_from_when_the_renewal_was_sent(
    bench: Bench, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = await Member.join(bench)
    renew = bench.store._store.renew

    async def slow(*args: Any, **fields: Any) -> Any:
        renewal = await renew(*args, **fields)
        clock.advance(3)
        return renewal

    monkeypatch.setattr(bench.store._store, "renew", slow)
    for wants in (False, True):
        one.asker.wants = wants
        await one.leasing.step()
        assert one.trust.left() == pytest.approx(10.5)


async def test_it_is_noticed_although_a_renewal_hangs(bench: Bench, clock: ManualClock) -> None:
    one = await Member.join(bench)
    left = await one.leasing.watch_trust()
    assert left == pytest.approx(13.5)
    clock.advance(13.5)
    assert await one.leasing.watch_trust() is None
    assert len(one.lost) == 1


async def test_a_node_that_the_database_calls_dead_stops_renewing(bench: Bench) -> None:
    one = await Member.join(bench)
    await bench.store.retire_node(one.trust.node_id)
    assert await one.leasing.step() is None
    assert len(one.lost) == 1


async def test_a_dead_nodes_runs_are_handed_on_as_soon_as_both_witnesses_say_so(
    bench: Bench, clock: ManualClock
) -> None:
    one, other = await Member.join(bench), await Member.join(bench)
    run = await bench.enqueue("ring")
    await bench.store.claim(one.trust.node_id, "c", limit=1, tasks={"ring": 1}, queues=None, suspects=1)
    heard: list[NodeLost] = []
    bench.events.on(NodeLost, heard.append)
    await one.leasing.step()  # the last sign of life
    died = clock.now()
    renew_at = rescue_at = clock.elapsed()
    while True:
        if clock.elapsed() >= renew_at:
            renew_at = clock.elapsed() + (await other.leasing.step() or 0)
            rescue_at = clock.elapsed()
        if clock.elapsed() >= rescue_at:
            rescue_at = clock.elapsed() + await other.rescuing.step()
        if (await bench.run(run.id)).state is RunState.QUEUED:
            break
        assert (clock.now() - died).total_seconds() < 16
        clock.advance(max(0.001, min(renew_at, rescue_at) - clock.elapsed()))
    assert 15 <= (clock.now() - died).total_seconds() < 15.2
    assert (await bench.run(run.id)).losses == 1
    assert other.hands.woken == 1
    assert [(event.node_id, event.found_by) for event in heard] == [(one.trust.node_id, other.trust.node_id)]


async def test_the_end_of_a_dead_nodes_runs_is_told_once_by_who_took_over(bench: Bench, clock: ManualClock) -> None:
    one, other, third = [await Member.join(bench) for _ in range(3)]
    lost = await bench.enqueue("ring", on_lost="fail")
    unwanted = await bench.enqueue("ring")
    await bench.store.claim(one.trust.node_id, "c", limit=2, tasks={"ring": 2}, queues=None, suspects=2)
    await bench.store.cancel_run(unwanted.id)
    heard: list[RunEvent] = []
    bench.events.on(RunEvent, heard.append)
    for _ in range(6):
        for member in (other, third):
            await member.leasing.step()
            await member.rescuing.step()
        clock.advance(5)
    failed, cancelled = sorted(heard, key=lambda event: event.run.id != lost.id)
    assert (type(failed), failed.run) == (RunFailed, await bench.run(lost.id))
    assert (type(cancelled), cancelled.run) == (RunCancelled, await bench.run(unwanted.id))
    assert failed.node_id == cancelled.node_id != one.trust.node_id
    assert (failed.run.error, failed.run.reason) == ("lost with its node", Reason.LOST)


async def test_who_registers_again_tells_what_ended_with_its_old_id(bench: Bench, clock: ManualClock) -> None:
    registering = Registering(bench.store, bench.parts())
    before = await registering.attempt()
    lost = await bench.enqueue("ring", on_lost="fail")
    await bench.store.claim(before.node_id, "c", limit=1, tasks={"ring": 1}, queues=None, suspects=1)
    heard: list[RunFailed] = []
    bench.events.on(RunFailed, heard.append)
    clock.advance(20)
    after = await registering.attempt()
    assert [(event.run.id, event.node_id) for event in heard] == [(lost.id, after.node_id)]


async def test_a_jump_of_the_databases_clock_kills_nobody(bench: Bench, clock: ManualClock) -> None:
    one, other = await Member.join(bench), await Member.join(bench)
    for member in (one, other):
        await member.leasing.step()
    clock.bend(3_600)
    await other.rescuing.step()
    states = {node.id: node.state for node in await bench.store.list_nodes()}
    assert set(states.values()) == {NodeState.LIVE}


async def test_who_could_not_renew_rescues_nobody_for_half_a_lease(bench: Bench, clock: ManualClock) -> None:
    one, other = await Member.join(bench), await Member.join(bench)
    await other.leasing.step()
    clock.advance(10)
    bench.faults.before("renew")
    with pytest.raises(StoreUnavailable):
        await other.leasing.step()
    clock.advance(2)
    assert await other.leasing.step() is not None
    clock.advance(4)  # the other node's lease ended a second ago
    await other.rescuing.step()
    assert {node.state for node in await bench.store.list_nodes()} == {NodeState.LIVE}
    await other.leasing.step()
    clock.advance(4)
    await other.rescuing.step()
    states = {node.id: node.state for node in await bench.store.list_nodes()}
    assert states[one.trust.node_id] is NodeState.DEAD


async def test_a_sweep_hands_on_what_nobody_holds_any_more(bench: Bench, clock: ManualClock) -> None:
    one, other = await Member.join(bench), await Member.join(bench)
    run = await bench.enqueue("ring")
    await bench.store.claim(one.trust.node_id, "c", limit=1, tasks={"ring": 1}, queues=None, suspects=1)
    tables = bench.store._store._tables
    with tables.transaction():
        tables.nodes.drop(one.trust.node_id)
    clock.advance(await other.rescuing.step())
    await other.rescuing.step()
    assert bench.faults.asked["rescue"] == 0, "nobody is suspect, and nobody has said that there is something"
    other.rescuing.sweep()
    bench.faults.before("rescue")
    with pytest.raises(StoreUnavailable):
        await other.rescuing.step()
    await other.rescuing.step()
    assert (await bench.run(run.id)).state is RunState.QUEUED
    assert other.hands.woken == 1
    rescues = bench.faults.asked["rescue"]
    for _ in range(5):
        await other.rescuing.step()
    assert bench.faults.asked["rescue"] == rescues


async def test_a_rescue_that_was_cut_short_goes_on_at_once(bench: Bench) -> None:
    member = await Member.join(bench)
    answers = [Rescue(requeued=1_000, is_cut_short=True)] * 2 + [Rescue(requeued=3)]

    async def rescue(*_: object) -> Rescue:
        return answers.pop(0)

    bench.store.rescue = rescue
    member.rescuing.sweep()
    assert [await member.rescuing.step() <= 0.5 for _ in range(2)] == [True, True]
    await member.rescuing.step()
    assert answers == []
    assert await member.rescuing.step() > 0.5, "nothing is left"


async def test_a_new_life_has_a_new_id_and_what_the_old_one_held_is_queued(bench: Bench, clock: ManualClock) -> None:
    bench.schedule("ring")
    registering = Registering(bench.store, bench.parts())
    first = await registering.attempt()
    run = await bench.enqueue("ring")
    await bench.store.claim(first.node_id, "c", limit=1, tasks={"ring": 1}, queues=None, suspects=1)
    clock.advance(20)
    second = await registering.attempt()
    assert second.node_id != first.node_id
    assert (await bench.run(run.id)).state is RunState.QUEUED
    states = {node.id: node.state for node in await bench.store.list_nodes()}
    assert states == {first.node_id: NodeState.DEAD, second.node_id: NodeState.LIVE}


@pytest.mark.parametrize("verb", ["register_node", "declare"])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_registering_may_be_repeated_after_a_lost_answer(
    bench: Bench, clock: ManualClock, verb: str, when: str
) -> None:
    bench.schedule("ring")
    registering = Registering(bench.store, bench.parts())
    getattr(bench.faults, when)(verb)
    with pytest.raises(StoreUnavailable):
        await registering.attempt()
    clock.advance(2)
    trust = await registering.attempt()
    assert trust.left() == pytest.approx(11.5)  # counted from the first try
    live = [node for node in await bench.store.list_nodes() if node.state is NodeState.LIVE]
    assert [node.id for node in live] == [trust.node_id]


async def test_a_lease_that_is_half_over_before_it_is_known_is_not_used(bench: Bench, clock: ManualClock) -> None:
    registering = Registering(bench.store, bench.parts())
    bench.faults.after("register_node")
    with pytest.raises(StoreUnavailable):
        await registering.attempt()
    clock.advance(6)
    trust = await registering.attempt()
    assert trust.left() == pytest.approx(13.5)
    assert len(await bench.store.list_nodes()) == 2


async def test_a_registration_that_took_too_long_is_none(bench: Bench, clock: ManualClock) -> None:
    registering = Registering(bench.store, bench.parts())
    told: Any = bench.declared

    def slow() -> tuple[Any, ...]:
        clock.advance(14)
        return tuple(told)

    registering._parts = replace(registering._parts, declarations=slow)
    with pytest.raises(StoreUnavailable, match="took longer"):
        await registering.attempt()


async def test_the_renewal_takes_along_what_is_to_be_asked(bench: Bench, clock: ManualClock) -> None:
    one = await Member.join(bench)
    await bench.enqueue("ring")
    await one.leasing.step()
    assert one.asker.said == []
    one.asker.wants = True
    clock.advance(4)
    await one.leasing.step()
    (work,) = one.asker.said
    assert (work.run_due, work.now) == (True, clock.now())
    assert one.trust.left() == pytest.approx(13.5)
    assert (bench.faults.asked["renew"], bench.faults.asked["next_work"]) == (2, 0)


@pytest.mark.parametrize("trouble", [None, StoreRejected("no"), StoreMisconfigured("no right to read")])
async def test_the_lease_waits_for_no_question(
    bench: Bench, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, trouble: Exception | None
) -> None:
    """The tables that it reads may be locked, slow, or not to be read: the renewal goes alone, at once."""
    monkeypatch.setattr(leasing, "PATIENCE", 0.001)
    one = await Member.join(bench)
    one.asker.wants = True
    renew, asked = bench.store._store.renew, []

    async def stuck(*args: Any, question: Question | None = None) -> Any:
        asked.append(question)
        if question is None:
            return await renew(*args)
        if trouble is not None:
            raise trouble
        return await asyncio.Event().wait()

    monkeypatch.setattr(bench.store._store, "renew", stuck)
    clock.advance(4)
    assert await one.leasing.step() is not None
    assert (len(asked), asked[1], one.asker.said, one.lost) == (2, None, [None], [])
    assert one.trust.left() == pytest.approx(13.5)
    begun = clock.elapsed()
    while clock.elapsed() + 4 < begun + leasing.ALONE:
        clock.advance(4)
        await one.leasing.step()
    assert not any(asked[2:]), "it is tried again only after a while"
    clock.advance(5)
    await one.leasing.step()
    assert asked[-2:] == [asked[0], None]


async def test_a_question_without_an_answer_is_given_back_when_the_database_is_away(bench: Bench) -> None:
    one = await Member.join(bench)
    one.asker.wants = True
    bench.faults.before("renew")
    with pytest.raises(StoreUnavailable):
        await one.leasing.step()
    assert one.asker.said == [None]
    assert one.witness.suspects(bench.clock.now(), 0) == {}
    assert await one.leasing.step() is not None
    assert one.asker.said == [None], "the next goes alone"
