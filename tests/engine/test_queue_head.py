"""From where a claim looks, and when it looks at everything."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

from hourbell.engine.queue_head import QueueHead
from hourbell.engine.whole_look import LATE, RARELY, SELDOM
from hourbell.model.ids import new_run_id
from hourbell.model.run import Claim, Run
from hourbell.model.run_state import RunState

BEGIN = datetime(2030, 1, 1, tzinfo=UTC)


def runs(*seconds: float) -> list[Run]:
    """Runs that were due at these seconds."""
    return [
        Run(
            id=new_run_id(BEGIN),
            task="t",
            state=RunState.RUNNING,
            origin="enqueue",
            created_at=BEGIN,
            run_at=BEGIN + timedelta(seconds=at),
        )
        for at in seconds
    ]


class Claims:
    """One kind's claims one after the other, each of which takes ``took`` seconds, a whole one ``slow``."""

    def __init__(self, slow: float = 0.001, took: float = 0.001) -> None:
        self.head, self.now, self.whole = QueueHead(1.0), 0.0, list[float]()
        self._slow, self._took = slow, took

    def claim(
        self, *due: float, full: bool = False, slots: int = 9, left_urgent: bool = False
    ) -> tuple[datetime | None, bool]:
        """Where it began, and whether a whole one is to follow at once."""
        since = self.head.since(self.now, slots)
        asked, self.now = self.now, self.now + (self._slow if since is None else self._took)
        if since is None:
            self.whole.append(asked)
        claim = Claim(BEGIN + timedelta(seconds=self.now), tuple(runs(*due)))
        return since, self.head.claimed(claim, since, asked, self.now, slots=slots, full=full, left_urgent=left_urgent)


def test_while_there_is_more_each_claim_begins_where_the_last_ended() -> None:
    claims = Claims()
    assert claims.claim(1, 2, 3, full=True) == (None, False)
    assert claims.claim(3, 4, full=True) == (BEGIN + timedelta(seconds=3), False)
    assert claims.claim(5, full=True) == (BEGIN + timedelta(seconds=4), False)


def test_a_claim_that_brings_less_is_followed_by_one_of_everything() -> None:
    claims = Claims()
    claims.claim(1, 2, full=True)
    assert claims.claim(3) == (BEGIN + timedelta(seconds=2), True)
    assert claims.claim() == (None, False), "it has looked at everything"
    assert claims.claim() == (None, False), "a quick look spares nothing"


def test_however_much_there_is_everything_is_looked_at_again_and_again_but_not_all_the_time() -> None:
    for took, apart in ((0.001, 1.0), (0.1, RARELY * 0.1), (40.0, SELDOM)):
        claims = Claims(slow=took, took=apart / 500)
        while claims.now < 3.5 * (apart + took):
            claims.claim(claims.now, full=True)
        gaps = [later - sooner for sooner, later in itertools.pairwise(claims.whole)]
        assert len(gaps) >= 2
        assert all(apart <= gap <= apart + took + apart / 50 for gap in gaps), (apart, gaps)


def test_where_a_look_at_everything_is_slow_a_claim_that_found_the_end_is_not_followed_by_one() -> None:
    claims = Claims(slow=0.5)
    assert claims.claim(1) == (None, False)
    assert claims.claim(2) == (BEGIN + timedelta(seconds=0.5) - LATE, False)
    assert claims.claim() == (BEGIN + timedelta(seconds=0.501) - LATE, False)
    claims.now = 0.49 + RARELY * 0.5
    since, follows = claims.claim()
    assert since is not None
    assert not follows
    claims.now += 0.01
    assert claims.claim() == (None, False)


def test_what_a_question_found_before_that_place_is_claimed_at_once() -> None:
    claims = Claims(slow=0.5)
    claims.claim(1)
    assert claims.claim()[0] is not None
    claims.head.doubted()
    assert claims.claim()[0] is None


def test_while_there_is_more_a_question_that_finds_it_changes_nothing() -> None:
    claims = Claims(slow=0.5)
    claims.claim(1, full=True)
    claims.head.doubted()
    assert claims.claim(2, full=True)[0] is not None


def test_what_was_left_behind_knowingly_is_looked_for_from_the_front() -> None:
    claims = Claims(slow=0.5)
    claims.claim(1)
    claims.head.forget()
    assert claims.claim()[0] is None


def test_what_may_not_wait_is_looked_for_where_the_last_claim_with_slots_ended() -> None:
    claims = Claims(slow=0.5)
    claims.claim(1, full=True)
    assert claims.claim(2, full=True, slots=0)[0] == BEGIN + timedelta(seconds=1)
    assert claims.claim(3, slots=0)[0] == BEGIN + timedelta(seconds=2)
    with_slots = claims.head.since(claims.now, 3)
    assert with_slots == BEGIN + timedelta(seconds=1)
    assert claims.claim(4, slots=3)[0] == with_slots
    assert claims.claim(slots=3)[0] == BEGIN + timedelta(seconds=claims.now - 0.001) - LATE, "nothing was left"


def test_more_than_may_start_at_once_may_have_been_left_behind() -> None:
    claims = Claims(slow=0.5)
    claims.claim(1, full=True)
    claims.claim(2, 3, slots=2, left_urgent=True)
    assert claims.claim(slots=2)[0] == BEGIN + timedelta(seconds=1)
    assert claims.claim(slots=2)[0] == BEGIN + timedelta(seconds=claims.now - 0.001) - LATE
