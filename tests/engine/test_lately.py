"""How much a node gets done in a moment, told from what has just ended."""

from __future__ import annotations

import pytest

from hourbell.engine.lately import FARTHEST, MOMENT, SAMPLE, Lately


def ended(lately: Lately, count: int, *, began: float, now: float, task: str = "ring") -> None:
    for _ in range(count):
        lately.ended(task, began, now)


def test_what_ended_within_the_last_moment_counts_once_and_not_for_longer() -> None:
    lately = Lately()
    ended(lately, 3, began=10.0, now=10.001)
    assert lately.count(10.001) == 3
    ended(lately, 2, began=10.02, now=10.021)
    assert lately.count(10.021) == 5
    assert lately.count(10.021) == 5
    assert lately.count(10.06) == 2
    assert lately.count(11.0) == 0


def test_what_ended_long_ago_is_not_counted_however_long_nobody_looked() -> None:
    lately = Lately()
    for second in range(100):
        ended(lately, 3, began=float(second), now=second + 0.001)
    assert lately.count(99.002) == 3
    assert lately.in_a_moment(99.002) == (3, ())
    for second in range(100, 200):
        ended(lately, 3, began=float(second), now=second + 0.001)
    assert len(lately._groups) <= 2, "what nobody asks for is forgotten"


def test_what_ends_in_a_row_is_counted_while_it_is_a_moment_old() -> None:
    lately = Lately()
    for step in range(100):
        ended(lately, 1, began=10 + step / 1000, now=10.0005 + step / 1000)
    assert MOMENT * 1000 - 1 <= lately.count(10.0995) <= MOMENT * 1000 + 5


def test_long_bodies_say_nothing() -> None:
    lately = Lately()
    ended(lately, 100, began=10.0, now=10.0 + MOMENT)
    assert lately.in_a_moment(10.0 + MOMENT) == (0, ())


def test_the_pace_is_that_of_all_that_ended_since_the_first_of_them_began() -> None:
    lately = Lately()
    ended(lately, 30, began=10.0, now=10.005)
    assert lately.in_a_moment(10.005) == (300, {"ring"})
    ended(lately, 10, began=10.008, now=10.01)
    assert lately.in_a_moment(10.01)[0] == 200
    # They wait for something, all at once: the next ones will take as long.
    waiting = Lately()
    for number in range(100):
        waiting.ended("ring", 10.0 + number / 1e6, 10.025 + number / 1e6)
    assert waiting.in_a_moment(10.025)[0] == 200


def test_a_node_that_has_been_at_it_for_longer_than_a_moment_is_known_by_what_it_did() -> None:
    lately = Lately()
    for step in range(100):
        ended(lately, 1, began=10.0 + step / 1000, now=10.0005 + step / 1000)
        lately.count(10.0005 + step / 1000)
    known = lately.count(10.0995)
    assert lately.in_a_moment(10.0995)[0] == pytest.approx(known, abs=2)


def test_a_few_short_bodies_are_no_reason_to_expect_many() -> None:
    lately = Lately()
    ended(lately, SAMPLE - 1, began=10.0, now=10.001)
    assert lately.in_a_moment(10.001) == (SAMPLE - 1, ())
    ended(lately, 1, began=10.0, now=10.001)
    assert lately.in_a_moment(10.001)[0] > SAMPLE


def test_nobody_looks_farther_ahead_than_so_many_times_what_was_seen() -> None:
    lately = Lately()
    ended(lately, SAMPLE, began=10.0, now=10.0)
    assert lately.in_a_moment(10.0)[0] == SAMPLE * FARTHEST


def test_only_the_tasks_that_were_seen_are_known_to_be_short() -> None:
    lately = Lately()
    ended(lately, 20, began=10.0, now=10.001)
    ended(lately, 20, began=10.0, now=10.001, task="toll")
    ended(lately, 20, began=9.0, now=10.001, task="long")
    assert lately.in_a_moment(10.001)[1] == {"ring", "toll"}
    ended(lately, 50, began=10.055, now=10.056, task="chime")
    assert lately.in_a_moment(10.056)[1] == {"chime"}
