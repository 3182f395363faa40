"""Guards: of many who ask one takes it, and nobody writes under a fence that is not the last."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from hourbell.model.guard import Guard, GuardEnd, GuardHold, GuardKind, GuardState, GuardWish
from hourbell.model.period import Period
from hourbell.model.retention import Retention
from hourbell.testing.conformance.suite import Conformance

if TYPE_CHECKING:
    from hourbell.store.protocol import Store
    from hourbell.testing.conformance.bench import Bench

_LEASE = timedelta(seconds=15)
_DAY = timedelta(days=1)
_NEVER = Retention(timedelta(days=1000))


def _wish(owner: str = "a", name: str = "work", **fields: Any) -> GuardWish:
    wish = GuardWish(
        kind=GuardKind.ONCE,
        name=name,
        owner=owner,
        period=Period(),
        zone=ZoneInfo("UTC"),
        lease=_LEASE,
        keep=_DAY,
    )
    return replace(wish, **fields)


def _hold(guard: Guard) -> GuardHold:
    return GuardHold(kind=guard.kind, name=guard.name, period=guard.period, owner=guard.owner, fence=guard.fence)


def _end(guard: Guard, state: GuardState = GuardState.DONE, **fields: Any) -> GuardEnd:
    return replace(GuardEnd(hold=_hold(guard), state=state, keep=None), **fields)


class GuardsConformance(Conformance):
    """`GuardStore`."""

    async def test_the_first_takes_it_and_the_others_see_who_has_it(self, bench: Bench) -> None:
        taken = await bench.store.take_guard(_wish("a"))
        assert taken.is_held_by("a")
        assert (taken.state, taken.taken_at, taken.lease_until) == (GuardState.HELD, bench.now, bench.now + _LEASE)
        seen = await bench.store.take_guard(_wish("b"))
        assert seen == taken
        assert await bench.store.look_at_guard(GuardKind.ONCE, "work", taken.period) == taken
        other = await bench.store.take_guard(_wish("b", "other work"))
        assert other.is_held_by("b")

    async def test_of_many_who_ask_at_once_one_takes_it(self, bench: Bench) -> None:
        async def ask(store: Store, number: int) -> list[Guard]:
            return [await store.take_guard(_wish(f"owner {number}", f"work {n}")) for n in range(10)]

        answers = await bench.in_threads(6, ask)
        for n in range(10):
            told = [answer[n] for answer in answers]
            assert len({(guard.owner, guard.fence) for guard in told}) == 1, "two holders at once"
            assert [guard.is_held_by(f"owner {number}") for number, guard in enumerate(told)].count(True) == 1

    async def test_asking_again_as_the_same_owner_is_the_same_taking(self, bench: Bench) -> None:
        taken = await bench.store.take_guard(_wish("a"))
        bench.clock.advance(5)
        again = await bench.store.take_guard(_wish("a"))
        assert (again.fence, again.owner) == (taken.fence, "a")
        assert again.lease_until == bench.now + _LEASE

    async def test_what_is_done_is_not_taken_again(self, bench: Bench) -> None:
        taken = await bench.store.take_guard(_wish("a"))
        assert await bench.store.end_guard(_end(taken, result='{"rows":3}'))
        bench.clock.advance(10_000_000)
        seen = await bench.store.take_guard(_wish("b"))
        assert (seen.state, seen.owner, seen.result, seen.expires_at) == (GuardState.DONE, "a", '{"rows":3}', None)
        assert await bench.store.look_at_guard(GuardKind.ONCE, "work", taken.period) == seen
        assert (await bench.store.take_guard(_wish("a"))).state is GuardState.DONE, "not even by who has done it"

    async def test_what_is_done_for_a_time_is_taken_after_it(self, bench: Bench) -> None:
        taken = await bench.store.take_guard(_wish("a"))
        await bench.store.end_guard(_end(taken, keep=timedelta(seconds=60), result="1"))
        bench.clock.advance(59)
        assert (await bench.store.take_guard(_wish("b"))).state is GuardState.DONE
        bench.clock.advance(1)
        assert await bench.store.look_at_guard(GuardKind.ONCE, "work", taken.period) is None
        again = await bench.store.take_guard(_wish("b"))
        assert again.is_held_by("b")
        assert (again.fence, again.result, again.ended_at) == (taken.fence + 1, None, None)

    @pytest.mark.parametrize("state", [GuardState.FAILED, GuardState.FREE])
    async def test_what_failed_or_was_set_free_is_taken_at_once(self, bench: Bench, state: GuardState) -> None:
        taken = await bench.store.take_guard(_wish("a"))
        assert await bench.store.end_guard(_end(taken, state, keep=_DAY, error="ValueError: no"))
        assert await bench.store.look_at_guard(GuardKind.ONCE, "work", taken.period) is None
        again = await bench.store.take_guard(_wish("b"))
        assert (again.is_held_by("b"), again.fence, again.error) == (True, taken.fence + 1, None)

    async def test_who_comes_after_the_lease_takes_over_and_the_other_writes_nothing(self, bench: Bench) -> None:
        first = await bench.store.take_guard(_wish("a"))
        bench.clock.advance(14)
        assert not (await bench.store.take_guard(_wish("b"))).is_held_by("b")
        bench.clock.advance(1)
        assert await bench.store.look_at_guard(GuardKind.ONCE, "work", first.period) is None
        second = await bench.store.take_guard(_wish("b"))
        assert (second.is_held_by("b"), second.fence) == (True, first.fence + 1)
        assert await bench.store.renew_guards([_hold(first)], _LEASE) in (set(), [])
        assert not await bench.store.end_guard(_end(first, result="1"))
        forged = replace(_end(first), hold=replace(_hold(first), fence=second.fence))
        assert not await bench.store.end_guard(forged), "the owner counts as well"
        stale = replace(_end(second), hold=replace(_hold(second), fence=first.fence))
        assert not await bench.store.end_guard(stale), "the fence counts as well"
        assert await bench.store.look_at_guard(GuardKind.ONCE, "work", first.period) == second

    async def test_who_is_late_but_alone_still_ends_it(self, bench: Bench) -> None:
        taken = await bench.store.take_guard(_wish("a"))
        bench.clock.advance(100)
        assert await bench.store.end_guard(_end(taken))
        assert (await bench.store.take_guard(_wish("b"))).state is GuardState.DONE

    async def test_an_end_may_be_written_again(self, bench: Bench) -> None:
        taken = await bench.store.take_guard(_wish("a"))
        for _ in range(2):
            assert await bench.store.end_guard(_end(taken, result="1"))
        assert not await bench.store.end_guard(_end(taken, GuardState.FAILED))

    async def test_a_renewal_moves_the_end_of_the_lease(self, bench: Bench) -> None:
        held = [await bench.store.take_guard(_wish("a", f"work {n}")) for n in range(3)]
        await bench.store.end_guard(_end(held[2]))
        bench.clock.advance(10)
        renewed = await bench.store.renew_guards([_hold(one) for one in held], _LEASE)
        assert set(renewed) == {"a"}
        bench.clock.advance(10)
        for one in held[:2]:
            seen = await bench.store.look_at_guard(one.kind, one.name, one.period)
            assert seen is not None
            assert seen.lease_until == bench.later(5)
        bench.clock.advance(5)
        assert not await bench.store.renew_guards([_hold(held[0])], _LEASE), "an expired lease is never renewed"
        assert not await bench.store.renew_guards([], _LEASE)

    async def test_each_period_is_a_guard_of_its_own(self, bench: Bench) -> None:
        berlin, day = ZoneInfo("Europe/Berlin"), Period("day")
        late = datetime(2030, 5, 1, 22, 30, tzinfo=UTC)
        fired = await bench.store.take_guard(_wish("a", period=day, zone=berlin, instant=late))
        assert fired.period == "day 2030-05-02"
        await bench.store.end_guard(_end(fired))
        in_utc = await bench.store.take_guard(_wish("b", period=day, instant=late))
        assert (in_utc.period, in_utc.is_held_by("b")) == ("day 2030-05-01", True)
        named = await bench.store.take_guard(_wish("c", period=day, label="day 2030-05-02"))
        assert named.state is GuardState.DONE

    async def test_without_an_instant_the_period_is_that_of_the_database(self, bench: Bench) -> None:
        bench.clock.advance(to=datetime(2030, 3, 9, 23, 59, tzinfo=UTC))
        taken = await bench.store.take_guard(_wish("a", period=Period("day")))
        bench.clock.advance(60)
        next_day = await bench.store.take_guard(_wish("b", period=Period("day")))
        assert (taken.period, next_day.period) == ("day 2030-03-09", "day 2030-03-10")
        assert next_day.is_held_by("b")

    async def test_a_lock_and_work_of_one_name_are_two_things(self, bench: Bench) -> None:
        work = await bench.store.take_guard(_wish("a"))
        lock = await bench.store.take_guard(_wish("b", kind=GuardKind.LOCK))
        assert (work.is_held_by("a"), lock.is_held_by("b")) == (True, True)

    async def test_what_has_expired_is_forgotten_and_its_fence_is_not(self, bench: Bench) -> None:
        left = await bench.store.take_guard(_wish("a", "left"))
        kept = await bench.store.take_guard(_wish("a", "kept"))
        await bench.store.take_guard(_wish("a", "vanished"))
        await bench.store.end_guard(_end(left, GuardState.FREE, keep=_DAY))
        await bench.store.end_guard(_end(kept))
        bench.clock.advance(86_390)
        held = await bench.store.take_guard(_wish("b", "held", keep=timedelta(seconds=1)))
        bench.clock.advance(10)
        await bench.store.prune(_NEVER, 100)
        for name, state in (("kept", GuardState.DONE), ("held", GuardState.HELD)):
            seen = await bench.store.look_at_guard(GuardKind.ONCE, name, held.period)
            assert seen is not None
            assert seen.state is state
        # A row that is still there would go on from its last fence.
        for name in ("left", "vanished"):
            anew = await bench.store.take_guard(_wish("b", name))
            assert anew.fence > left.fence + 1, "it was not forgotten, or begins anew below an earlier fence"

    async def test_a_fence_never_falls_however_fast_it_was_taken(self, bench: Bench) -> None:
        fence = 0
        for n in range(20):
            taken = await bench.store.take_guard(_wish(f"owner {n}"))
            assert taken.fence > fence
            fence = taken.fence
            await bench.store.end_guard(_end(taken, GuardState.FREE, keep=timedelta(0)))
            await bench.store.prune(_NEVER, 100)
        bench.clock.advance(10)
        await bench.store.prune(_NEVER, 100)
        assert (await bench.store.take_guard(_wish("last"))).fence > fence
