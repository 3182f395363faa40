"""Every statement of a guard's verbs, broken before and after: one holder at a time, and no end is lost or doubled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from hourbell.model.guard import Guard, GuardEnd, GuardHold, GuardKind, GuardState, GuardWish
from hourbell.model.period import Period
from store.conftest import Pair
from store.test_crash_points import strike
from support.faults import Point

LEASE = timedelta(seconds=15)
STEPS: Mapping[str, Mapping[str, Sequence[str]]] = {
    "postgres": {
        "take": ("guards.take",),
        "take today": ("clock.read", "guards.take"),
        "take in vain": ("guards.take", "guards.look"),
        "renew": ("guards.renew",),
        "end": ("guards.end",),
    },
    "sqlite": {
        "take": ("guards.take", "commit"),
        "take today": ("clock.read", "guards.take", "commit"),
        "take in vain": ("guards.take", "guards.look", "commit"),
        "renew": ("guards.renew", "commit"),
        "end": ("guards.end", "commit"),
    },
}


def points(verb: str) -> list[object]:
    return [
        pytest.param(kind, Point(step, moment), id=f"{kind}-{Point(step, moment)}")
        for kind, verbs in STEPS.items()
        for step in verbs[verb]
        for moment in ("before", "after")
    ]


def wish(owner: str, period: Period | None = None) -> GuardWish:
    return GuardWish(
        kind=GuardKind.ONCE,
        name="work",
        owner=owner,
        period=period or Period(),
        zone=ZoneInfo("UTC"),
        lease=LEASE,
        keep=timedelta(days=1),
    )


def hold(guard: Guard) -> GuardHold:
    return GuardHold(kind=guard.kind, name=guard.name, period=guard.period, owner=guard.owner, fence=guard.fence)


def done(guard: Guard) -> GuardEnd:
    return GuardEnd(hold=hold(guard), state=GuardState.DONE, keep=None, result="1")


lives_or_not = pytest.mark.parametrize("lives", [True, False], ids=["answer-lost", "died"])


@pytest.mark.parametrize("pair", ["sqlite", "postgres"], indirect=True)
async def test_the_steps_listed_here_are_all_steps(pair: Pair) -> None:
    async def seen(verb: str, go: object) -> None:
        pair.faults.seen.clear()
        await go  # type: ignore[misc]
        assert pair.faults.seen == list(STEPS[pair.kind][verb])

    await seen("take", pair.struck.take_guard(wish("a")))
    await seen("take today", pair.struck.take_guard(wish("a", Period("day"))))
    await seen("take in vain", pair.struck.take_guard(wish("b")))
    guard = await pair.other.take_guard(wish("a"))
    await seen("renew", pair.struck.renew_guards([hold(guard)], LEASE))
    await seen("end", pair.struck.end_guard(done(guard)))


@lives_or_not
@pytest.mark.parametrize("period", [Period(), Period("day")], ids=["ever", "day"])
@pytest.mark.parametrize("pair, point", points("take"), indirect=["pair"])
async def test_a_taking_is_repeated_or_taken_over(pair: Pair, point: Point, period: Period, lives: bool) -> None:
    await strike(pair, point, lambda: pair.struck.take_guard(wish("a", period)))
    other = await pair.other.take_guard(wish("b", period))
    if lives:
        again = await pair.struck.take_guard(wish("a", period))
        assert again.fence == other.fence
        assert again.is_held_by("a") != other.is_held_by("b"), "two holders, or none"
        return
    if not other.is_held_by("b"):
        pair.clock.advance(15)
        fence = other.fence
        other = await pair.other.take_guard(wish("b", period))
        assert other.fence == fence + 1
    assert other.is_held_by("b")
    assert await pair.other.end_guard(done(other))


@pytest.mark.parametrize("pair, point", points("take in vain"), indirect=["pair"])
async def test_asking_in_vain_changes_nothing(pair: Pair, point: Point) -> None:
    guard = await pair.other.take_guard(wish("a"))
    await strike(pair, point, lambda: pair.struck.take_guard(wish("b")))
    assert await pair.struck.take_guard(wish("b")) == guard


@pytest.mark.parametrize("pair, point", points("renew"), indirect=["pair"])
async def test_a_renewal_may_be_repeated(pair: Pair, point: Point) -> None:
    guard = await pair.other.take_guard(wish("a"))
    pair.clock.advance(10)
    await strike(pair, point, lambda: pair.struck.renew_guards([hold(guard)], LEASE))
    pair.clock.advance(2)
    assert set(await pair.struck.renew_guards([hold(guard)], LEASE)) == {"a"}
    seen = await pair.other.look_at_guard(guard.kind, guard.name, guard.period)
    assert seen is not None
    assert seen.lease_until == pair.clock.now() + LEASE


@lives_or_not
@pytest.mark.parametrize("pair, point", points("end"), indirect=["pair"])
async def test_an_end_is_written_once(pair: Pair, point: Point, lives: bool) -> None:
    guard = await pair.other.take_guard(wish("a"))
    await strike(pair, point, lambda: pair.struck.end_guard(done(guard)))
    if lives:
        for _ in range(2):
            assert await pair.struck.end_guard(done(guard))
    pair.clock.advance(15)
    then = await pair.other.take_guard(wish("b"))
    if then.is_held_by("b"):
        assert not lives
        assert then.fence == guard.fence + 1
        assert not await pair.struck.end_guard(done(guard)), "an end was written under an old fence"
    else:
        assert (then.state, then.result, then.fence) == (GuardState.DONE, "1", guard.fence)
