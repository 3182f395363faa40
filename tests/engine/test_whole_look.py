"""When a look at everything comes again."""

from __future__ import annotations

from hourbell.engine.whole_look import QUICK, RARELY, SELDOM, STANDSTILL, WholeLook


def test_what_is_quick_comes_at_once_and_what_is_slow_for_a_twentieth_of_the_time() -> None:
    rests = []
    for took in (QUICK, 0.1, STANDSTILL - 1, STANDSTILL):
        look = WholeLook()
        assert look.is_due(0.0)
        look.done(0.0, took)
        rests.append(look.due_in(took))
        assert look.is_due(took + rests[-1])
    assert rests == [0.0, RARELY * 0.1, SELDOM, 0.0], "the last was no look: the machine stood still"


def test_from_the_second_failure_in_a_row_on_it_counts_as_slow() -> None:
    look = WholeLook()
    look.failed(0.0, 5.0)
    assert look.is_due(5.0), "the database may just have been away"
    look.failed(5.0, 10.0)
    assert look.due_in(10.0) == RARELY * 5
    look.done(110.0, 110.0)
    look.failed(110.0, 115.0)
    assert look.is_due(115.0)
