"""What is going to happen: drawn from a seed, each blow at least once, nothing at once with another."""

from __future__ import annotations

from itertools import pairwise

import pytest

from hourbell.prove.course import Blow, Course, Orders, lasts


def drawn(seed: int, kind: str = "postgres", seconds: float = 120) -> Course:
    return Course.drawn(seed=seed, seconds=seconds, nodes=4, kind=kind)


def test_the_same_seed_gives_the_same_course() -> None:
    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


@pytest.mark.parametrize("seed", range(20))
def test_in_two_minutes_each_blow_falls_and_none_while_another_lasts(seed: int) -> None:
    strokes = drawn(seed).strokes
    assert {one.blow for one in strokes} == set(Blow) - {Blow.LOCK_FILE}
    assert sum(one.blow is Blow.KILL_ALL for one in strokes) == 1
    assert all(first.at + lasts(first.blow) < second.at for first, second in pairwise(strokes))
    assert all(one.at + lasts(one.blow) < 120 for one in strokes)


def test_a_file_has_neither_sessions_nor_a_clock_of_its_own() -> None:
    course = drawn(1, "sqlite")
    assert {one.blow for one in course.strokes} == set(Blow) - {Blow.END_SESSIONS, Blow.LOCK_TABLE}
    assert set(course.bends) == {0.0}


def test_orders_come_through_the_environment() -> None:
    orders = Orders(database="sqlite:///a.db", schema="s", folder="/f", bend=-1.5)
    assert Orders.from_json(orders.to_json()) == orders
