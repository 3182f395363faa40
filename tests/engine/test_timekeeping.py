"""The clock follows the database, is never ahead of it, and is not set back by a slow answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hourbell.clock import Clock
from hourbell.engine.timekeeping import Timekeeper

T0 = datetime(2030, 1, 1, tzinfo=UTC)


class Hands(Clock):
    """A clock whose elapsed time the test moves, and which follows what it observes."""

    def __init__(self, ahead: float = 0.0) -> None:
        self.passed = 0.0
        self._anchor = (T0 + timedelta(seconds=ahead), 0.0)

    def now(self) -> datetime:
        return self._anchor[0] + timedelta(seconds=self.passed - self._anchor[1])

    def host_now(self) -> datetime:
        return self.now()

    def override(self) -> datetime | None:
        return None

    def elapsed(self) -> float:
        return self.passed

    def observe(self, database_now: datetime) -> None:
        self._anchor = (database_now, self.passed)


def answer(keeper: Timekeeper, hands: Hands, named: float, took: float) -> float:
    """The database answers with an instant; how far the clock is from the truth after it, when it named it at once."""
    asked = keeper.ask()
    hands.passed += took
    keeper.heard(T0 + timedelta(seconds=named), asked)
    return (hands.now() - T0).total_seconds()


def test_the_first_answer_is_believed_over_the_hosts_clock() -> None:
    hands = Hands(ahead=3_600)
    assert answer(Timekeeper(hands), hands, named=0.0, took=0.01) == 0.0


def test_a_slow_answer_does_not_set_it_back() -> None:
    hands = Hands()
    keeper = Timekeeper(hands)
    answer(keeper, hands, named=0.0, took=0.001)
    # Named at its beginning, half a second before it arrived: the truth is 0.501 by now.
    assert 0.499 <= answer(keeper, hands, named=0.001, took=0.5) <= 0.501


def test_a_clock_that_is_behind_is_put_forward() -> None:
    hands = Hands()
    keeper = Timekeeper(hands)
    answer(keeper, hands, named=0.0, took=0.001)
    assert answer(keeper, hands, named=7.0, took=0.001) == 7.0


def test_a_clock_that_is_ahead_is_put_back() -> None:
    hands = Hands()
    keeper = Timekeeper(hands)
    answer(keeper, hands, named=0.0, took=0.001)
    assert answer(keeper, hands, named=-60.0, took=0.5) == -60.0
