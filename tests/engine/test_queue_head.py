"""From where a claim looks, and when it looks at everything."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

from hourbell.engine.queue_head import RARELY, SELDOM, QueueHead
from hourbell.executors.choice import Kind
from hourbell.model.ids import new_run_id
from hourbell.model.run import Run
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


def test_while_there_is_more_each_claim_begins_where_the_last_ended() -> None:
    head = QueueHead(1.0)
    assert head.since(Kind.ASYNC, 0.0) is None
    assert not head.claimed(Kind.ASYNC, runs(1, 2, 3), None, 0.0, 0.01, full=True)
    assert head.since(Kind.ASYNC, 0.02) == BEGIN + timedelta(seconds=3)
    assert not head.claimed(Kind.ASYNC, runs(3, 4), BEGIN + timedelta(seconds=3), 0.02, 0.03, full=True)
    assert head.since(Kind.ASYNC, 0.04) == BEGIN + timedelta(seconds=4)
    assert head.since(Kind.THREAD, 0.04) is None, "it has claimed nothing"


def test_a_claim_that_brings_less_is_followed_by_one_of_everything() -> None:
    head = QueueHead(1.0)
    head.claimed(Kind.ASYNC, runs(1, 2), None, 0.0, 0.01, full=True)
    since = head.since(Kind.ASYNC, 0.02)
    assert head.claimed(Kind.ASYNC, runs(3), since, 0.02, 0.03, full=False)
    assert head.since(Kind.ASYNC, 0.04) is None
    assert not head.claimed(Kind.ASYNC, [], None, 0.04, 0.05, full=False), "it has looked at everything"


def test_however_much_there_is_everything_is_looked_at_again_and_again_but_not_all_the_time() -> None:
    for took, apart in ((0.001, 1.0), (0.1, RARELY * 0.1), (4.0, SELDOM)):
        head, now, whole = QueueHead(1.0), 0.0, []
        while now < 40:
            since = head.since(Kind.ASYNC, now)
            answered = now + (took if since is None else 0.001)
            if since is None:
                whole.append(answered)
            head.claimed(Kind.ASYNC, runs(now), since, now, answered, full=True)
            now = answered
        gaps = [later - sooner for sooner, later in itertools.pairwise(whole)]
        assert gaps
        assert all(apart <= gap <= apart + took + 0.01 for gap in gaps), (apart, gaps)
