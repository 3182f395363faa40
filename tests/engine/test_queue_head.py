"""From where a claim looks, and when it looks at everything."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

from hourbell.engine.past import FIRST_SPAN, PAINLESS, Past, Stretch
from hourbell.engine.queue_head import Look, QueueHead
from hourbell.engine.whole_look import LATE, LONG, RARELY, SELDOM, STANDSTILL
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
        self.head, self.now, self.whole, self.past = QueueHead(1.0, in_parts=True), 0.0, list[float](), list[Stretch]()
        self._slow, self._took = slow, took

    def claim(
        self, *due: float, full: bool = False, slots: int = 9, left_urgent: bool = False, even: bool = True
    ) -> tuple[datetime | None, bool]:
        """Where it began, and whether another is to follow at once."""
        look = self.head.look(self.now, slots, even=even)
        stretch = look.stretch
        is_past = stretch.until is not None
        asked, self.now = self.now, self.now + (self._slow if stretch == Stretch() else self._took)
        if stretch == Stretch():
            self.whole.append(asked)
        if is_past:
            self.past.append(stretch)
        claim = Claim(BEGIN + timedelta(seconds=self.now), tuple(runs(*due)))
        return stretch.since, self.head.claimed(look, claim, self.now, full=full, left_urgent=left_urgent)


def test_while_there_is_more_each_claim_begins_where_the_last_ended() -> None:
    claims = Claims()
    assert claims.claim(1, 2, 3, full=True) == (None, False)
    assert claims.claim(3, 4, full=True) == (BEGIN + timedelta(seconds=3), False)
    assert claims.claim(5, full=True) == (BEGIN + timedelta(seconds=4), False)


def test_what_may_not_wait_is_looked_for_where_it_was_left_although_looks_at_everything_become_slow() -> None:
    claims = Claims()
    assert claims.claim(1, 2, left_urgent=True) == (None, False)
    claims._slow = 0.1
    assert claims.claim(3, 4, left_urgent=True)[0] is None
    claims.now += 0.3
    assert claims.claim(5, 6, left_urgent=True)[0] is None, "what the first two left is before the end of either"
    assert claims.claim(7)[0] is None
    assert claims.claim()[0] is not None


def test_a_claim_that_brings_less_is_followed_by_one_of_everything() -> None:
    claims = Claims()
    claims.claim(1, 2, full=True)
    assert claims.claim(3) == (BEGIN + timedelta(seconds=2), True)
    assert claims.claim() == (None, False), "it has looked at everything"
    assert claims.claim() == (None, False), "a quick look spares nothing"


def test_however_much_there_is_everything_is_looked_at_again_and_again_but_not_all_the_time() -> None:
    for took, apart in ((0.001, 1.0), (0.1, RARELY * 0.1), (LONG, RARELY * LONG)):
        claims = Claims(slow=took, took=apart / 500)
        while claims.now < 3.5 * (apart + took):
            claims.claim(claims.now, full=True)
        gaps = [later - sooner for sooner, later in itertools.pairwise(claims.whole)]
        assert len(gaps) >= 2
        assert all(apart <= gap <= apart + took + apart / 50 for gap in gaps), (apart, gaps)


def test_where_a_look_at_everything_is_slow_a_claim_that_found_the_end_is_not_followed_by_one() -> None:
    claims = Claims(slow=0.2)
    assert claims.claim(1) == (None, False)
    assert claims.claim(2) == (BEGIN + timedelta(seconds=0.2) - LATE, False)
    assert claims.claim() == (BEGIN + timedelta(seconds=0.201) - LATE, False)
    claims.now = 0.19 + RARELY * 0.2
    since, follows = claims.claim()
    assert since is not None
    assert not follows
    claims.now += 0.01
    assert claims.claim() == (None, False)


def test_what_a_question_found_before_that_place_is_claimed_at_once() -> None:
    claims = Claims(slow=0.2)
    claims.claim(1)
    assert claims.claim()[0] is not None
    claims.head.doubted()
    assert claims.claim()[0] is None


def test_while_there_is_more_a_question_that_finds_it_changes_nothing() -> None:
    claims = Claims(slow=0.2)
    claims.claim(1, full=True)
    claims.head.doubted()
    assert claims.claim(2, full=True)[0] is not None


def test_what_was_left_behind_knowingly_is_looked_for_from_the_front() -> None:
    claims = Claims(slow=0.2)
    claims.claim(1)
    assert claims.claim(even=False)[0] is None
    assert claims.claim()[0] is None


def test_what_may_not_wait_is_looked_for_where_the_last_claim_with_slots_ended() -> None:
    claims = Claims(slow=0.2)
    claims.claim(1, full=True)
    assert claims.claim(2, full=True, slots=0)[0] == BEGIN + timedelta(seconds=1)
    assert claims.claim(3, slots=0)[0] == BEGIN + timedelta(seconds=2)
    with_slots = claims.head.look(claims.now, 3).stretch.since
    assert with_slots == BEGIN + timedelta(seconds=1)
    assert claims.claim(4, slots=3)[0] == with_slots
    assert claims.claim(slots=3)[0] == BEGIN + timedelta(seconds=claims.now - 0.001) - LATE, "nothing was left"


def test_more_than_may_start_at_once_may_have_been_left_behind() -> None:
    claims = Claims(slow=0.2)
    claims.claim(1, full=True)
    claims.claim(2, 3, slots=2, left_urgent=True)
    assert claims.claim(slots=2)[0] == BEGIN + timedelta(seconds=1)
    assert claims.claim(slots=2)[0] == BEGIN + timedelta(seconds=claims.now - 0.001) - LATE


LONG_AGO = 2.0
"""Seconds that a look at everything takes here, where it is long."""


def gone_through(claims: Claims) -> list[Stretch]:
    """What a node looks at until the past is over, when nothing is due: each claim when it is said to come."""
    begun = len(claims.past)
    for _ in range(1000):
        rest = claims.head.rest(claims.now)
        if rest is None or rest > 20:
            break
        claims.now += rest
        claims.claim()
    return claims.past[begun:]


def test_where_a_look_at_everything_is_long_the_past_is_looked_through_in_parts_without_a_gap() -> None:
    claims = Claims(slow=LONG_AGO, took=0.05)
    claims.claim(1)
    assert claims.head.rest(claims.now) == RARELY * LONG_AGO
    claims.now += RARELY * LONG_AGO
    parts = gone_through(claims)
    assert parts[0].until == BEGIN + timedelta(seconds=LONG_AGO) - LATE, "from where the claims begin"
    assert all(later.until == sooner.since for sooner, later in itertools.pairwise(parts))
    assert parts[-1].since is None, "to the first"
    assert len(claims.whole) == 1


def test_parts_get_longer_while_they_are_quick_and_shorter_when_they_are_not() -> None:
    spans = []
    for took in (PAINLESS / 2, PAINLESS, 2 * PAINLESS):
        past = Past(BEGIN, 0.0)
        for _ in range(3):
            past.looked(0.0, took, left=False)
        since, until = past.stretch()
        assert since is not None
        assert until is not None
        spans.append(until - since)
    assert spans[:2] == [64 * FIRST_SPAN, FIRST_SPAN]
    assert spans[2] < FIRST_SPAN / 10


def test_however_long_each_part_takes_the_past_comes_to_an_end() -> None:
    past, parts = Past(BEGIN, 0.0), 0
    while not past.is_over:
        past.looked(0.0, 10 * PAINLESS, left=False)
        parts += 1
    assert parts < 500


def test_what_is_due_now_has_its_turn_between_two_parts_of_the_past() -> None:
    claims = Claims(slow=LONG_AGO)
    claims.claim(1)
    claims.now += RARELY * LONG_AGO
    assert claims.claim()[1], "another claim follows"
    since, follows = claims.claim()
    assert since == BEGIN + timedelta(seconds=LONG_AGO) - LATE
    assert not follows
    assert len(claims.past) == 1


def test_slow_parts_take_a_twentieth_of_the_time() -> None:
    past = Past(BEGIN, 0.0)
    past.looked(0.0, 0.05, left=False)
    assert past.due_in(0.05) == RARELY * 0.05


def proven_long() -> Claims:
    """Claims of a queue that is long for certain: everything was looked at twice."""
    claims = Claims(slow=LONG_AGO)
    claims.claim(1)
    claims.now += RARELY * LONG_AGO
    claims.claim(1, full=True)
    claims.claim()
    assert len(claims.whole) == 2
    claims.past.clear()
    claims.now += RARELY * LONG_AGO
    return claims


def test_a_part_that_holds_more_than_was_taken_is_looked_at_again_and_what_is_due_now_in_between() -> None:
    claims = proven_long()
    claims.claim(1, 2, full=True)
    assert claims.claim(9, full=True)[0] is not None, "it may be more urgent than all that is left there"
    claims.claim(left_urgent=True)
    claims.claim()
    claims.claim()
    assert len(claims.past) == 3
    assert claims.past[0] == claims.past[1] == claims.past[2]


def test_a_part_is_as_long_as_its_last_look() -> None:
    claims = proven_long()
    for _ in range(2 * 500):
        assert claims.head.rest(claims.now) == 0.0
        claims.claim(1, full=True)
    assert len(claims.past) == 500
    gone_through(claims)
    assert claims.head.rest(claims.now) is None, "it is short, however often it was looked at"


def test_what_was_slow_once_keeps_nobody_from_the_order_of_what_is_queued() -> None:
    """The loop was blocked, or the database away, while everything was looked at; and much is queued."""
    for lost in (False, True):
        claims = Claims(slow=LONG_AGO)
        if lost:
            claims.head.failed(claims.head.look(0.0, 9), 5.0, BEGIN)
            claims.now = 5.0
        else:
            claims.claim(1, full=True)
            claims.now += RARELY * LONG_AGO
        claims._slow = 0.001
        claims.claim(1, full=True)
        assert len(claims.past) == 1
        assert claims.claim(1, full=True)[0] is None, "everything, once more"
        assert claims.head.rest(claims.now) is None
        claims.now += 1.1
        assert claims.claim(1, full=True)[0] is None
        assert len(claims.past) == 1


def test_what_is_slow_each_time_is_seldom_tried() -> None:
    claims = proven_long()
    while claims.now < 2.5 * SELDOM:
        claims.now += claims.head.rest(claims.now) or 1.0
        claims.claim(1, full=True)
    assert 3 <= len(claims.whole) <= 5


def test_when_the_clock_goes_back_everything_is_looked_at() -> None:
    claims = Claims(slow=0.2)
    claims.claim(1)
    look = Look(Stretch(BEGIN), claims.now, 9, even=True)
    claims.head.claimed(look, Claim(BEGIN - timedelta(seconds=60), ()), claims.now, full=False, left_urgent=False)
    assert claims.claim() == (None, False)


def test_when_the_clock_goes_back_a_long_past_is_looked_through() -> None:
    claims = Claims(slow=LONG_AGO)
    claims.claim(1)
    look = Look(Stretch(BEGIN), claims.now, 9, even=True)
    claims.head.claimed(look, Claim(BEGIN - timedelta(seconds=60), ()), claims.now, full=False, left_urgent=False)
    assert claims.head.rest(claims.now) == 0.0
    claims.claim()
    assert claims.past[0].until == BEGIN - timedelta(seconds=60) - LATE


def test_once_the_past_is_short_again_it_is_looked_at_as_a_whole() -> None:
    claims = Claims(slow=LONG_AGO)
    claims.claim(1)
    claims.now += RARELY * LONG_AGO
    parts = gone_through(claims)
    assert len(parts) < 25, "it reaches back in a few steps"
    assert claims.head.rest(claims.now) is None
    claims.now += 20
    assert claims.claim()[0] is None


def test_a_look_at_everything_that_has_no_answer_is_not_tried_again_as_such() -> None:
    claims = Claims()
    look = claims.head.look(0.0, 9)
    assert look.stretch == Stretch()
    claims.head.failed(look, 5.0, BEGIN)
    claims.now = 5.0
    assert claims.head.rest(claims.now) == 0.0
    claims.claim(1)
    assert claims.past == [Stretch(BEGIN - LATE - FIRST_SPAN, BEGIN - LATE)]
    assert claims.claim(2)[0] == BEGIN - LATE
    assert gone_through(claims)[-1].since is None


def test_a_failure_at_once_says_nothing_of_the_past() -> None:
    claims = Claims()
    claims.head.failed(claims.head.look(0.0, 9), 0.1, BEGIN)
    assert claims.head.rest(0.1) is None
    assert claims.claim()[0] is None


def test_a_part_that_has_no_answer_is_tried_again_as_a_shorter_one() -> None:
    claims = Claims(slow=LONG_AGO)
    claims.claim(1)
    claims.now += RARELY * LONG_AGO
    look = claims.head.look(claims.now, 9)
    stretch = look.stretch
    claims.head.failed(look, claims.now + 5, BEGIN)
    claims.now += 5
    assert claims.head.rest(claims.now) == RARELY * 5
    assert claims.claim()[0] == stretch.until, "what is due now is claimed meanwhile"
    claims.now += RARELY * 5
    claims.claim()
    (again,) = claims.past
    assert again.until == stretch.until
    assert again.since is not None
    assert stretch.since is not None
    assert again.since > stretch.since


def test_claims_without_slots_leave_the_past_alone() -> None:
    claims = Claims(slow=LONG_AGO)
    claims.claim(1)
    claims.now += RARELY * LONG_AGO
    assert claims.claim(slots=0)[0] is not None
    assert not claims.past
    assert claims.head.rest(claims.now) == 1.0, "nobody is woken for it all the time"
    claims.claim()
    assert len(claims.past) == 1


def test_where_the_past_is_long_a_claim_that_leaves_older_runs_behind_begins_where_it_did() -> None:
    claims = Claims(slow=LONG_AGO, took=0.1)
    claims.claim(1)
    place = BEGIN + timedelta(seconds=LONG_AGO) - LATE
    assert claims.claim(2, even=False)[0] == place
    assert claims.claim(3, even=False)[0] == place
    claims._took = LONG + 0.01
    assert claims.claim(4, even=False)[0] == place
    assert claims.claim(even=False)[0] == BEGIN + timedelta(seconds=claims.now - claims._took) - LATE, (
        "too slow to stay"
    )


def test_what_a_question_found_in_a_long_past_is_looked_for_in_parts() -> None:
    claims = Claims(slow=LONG_AGO)
    claims.claim(1)
    assert claims.claim()[0] is not None
    assert not claims.past
    claims.head.doubted()
    claims.claim()
    assert len(claims.past) == 1


def test_where_nothing_is_left_out_there_are_no_parts() -> None:
    claims = Claims(slow=LONG_AGO)
    claims.head = QueueHead(1.0, in_parts=False)
    claims.claim(1)
    claims.head.failed(Look(Stretch(), claims.now, 9, even=True), claims.now + 5, BEGIN)
    assert claims.head.rest(claims.now) is None
    claims.now += RARELY * LONG_AGO
    assert claims.claim()[0] is None


def test_a_machine_that_was_suspended_in_the_middle_of_a_look_looks_again() -> None:
    """An hour says nothing of the queue. What was fired meanwhile, or is caught up now, is due before the present."""
    claims = Claims(slow=3600.0)
    assert claims.claim() == (None, False)
    look = claims.head.look(claims.now, 9)
    assert look.stretch == Stretch(), "the whole queue, at once"
    assert claims.head.rest(claims.now) is None, "and not in parts"
    claims.head.failed(look, claims.now + 3600.0, BEGIN)
    assert claims.head.look(claims.now + 3600.0, 9).stretch == Stretch()


def test_a_past_of_many_parts_rests_as_long_as_all_of_them_took() -> None:
    claims = Claims(slow=LONG_AGO, took=STANDSTILL / 4)
    claims.claim()
    claims.now += RARELY * LONG_AGO
    while claims.head.rest(claims.now) is not None and len(claims.past) < 500:
        claims.claim()
        if claims.past and claims.past[-1].since is None:
            break
        claims.now += claims.head.rest(claims.now) or 0.0
    assert claims.past[-1].since is None, "the past was gone through"
    assert claims.head.rest(claims.now) == SELDOM
