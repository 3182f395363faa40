"""How long a node may count on its lease, without asking anybody."""

from __future__ import annotations

import os

import pytest

from hourbell.clock import ManualClock
from hourbell.engine.trust import Trust


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def trust(clock: ManualClock, lease: float = 15.0) -> Trust:
    return Trust("a", clock, lease, clock.elapsed())


@pytest.mark.parametrize("lease, span", [(15.0, 13.5), (3.0, 2.7), (60.0, 54.0)])
def test_it_ends_a_margin_before_the_lease(clock: ManualClock, lease: float, span: float) -> None:
    one = trust(clock, lease)
    assert one.left() == pytest.approx(span)
    clock.advance(span - 0.01)
    assert one.holds()
    clock.advance(0.02)
    assert not one.holds()
    assert one.left() == 0


def test_a_renewal_counts_from_when_it_was_asked(clock: ManualClock) -> None:
    one = trust(clock)
    clock.advance(5)
    asked = clock.elapsed()
    clock.advance(4)  # the answer took so long
    assert one.renewed(asked)
    assert one.left() == pytest.approx(13.5 - 4)


def test_what_has_ended_never_comes_back(clock: ManualClock) -> None:
    one = trust(clock)
    clock.advance(14)
    assert not one.renewed(clock.elapsed() - 1)
    assert not one.holds()
    clock.bend(-3_600)
    assert not one.holds()


def test_ending_it_is_for_good(clock: ManualClock) -> None:
    one = trust(clock)
    one.end()
    assert not one.renewed(clock.elapsed())
    assert not one.holds()


def test_a_jumping_wall_clock_does_not_touch_it(clock: ManualClock) -> None:
    one = trust(clock)
    clock.bend(1_000_000)
    assert one.holds()


def test_a_forked_child_is_not_the_node(clock: ManualClock) -> None:
    one = trust(clock)
    assert one.is_ours()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, b"ours" if one.is_ours() else b"not ours")
        os._exit(0)
    os.waitpid(child, 0)
    answer = os.read(read, 20)
    os.close(read)
    os.close(write)
    assert answer == b"not ours"
