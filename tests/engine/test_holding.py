"""What a process holds under one lease, and what the node's thread may take away from it."""

from __future__ import annotations

from typing import Any

from hourbell.clock import ManualClock
from hourbell.engine.holding import Execution, Holdings
from hourbell.executors.choice import Kind
from hourbell.model.policies import Policies
from hourbell.model.run import ROOM_FOR_SUSPECTS, Run
from hourbell.model.run_state import RunState


def claimed_run(**fields: Any) -> Run:
    now = ManualClock().now()
    known = {"id": "r", "task": "ring", "state": RunState.RUNNING, "origin": "enqueue", "created_at": now, "attempt": 1}
    return Run(**{**known, **fields})


def test_a_suspect_that_was_taken_away_is_no_hindrance_to_the_next() -> None:
    holdings = Holdings()
    holdings.add(Kind.ASYNC, [claimed_run(losses=3)])
    assert holdings.room_for_suspects() == ROOM_FOR_SUSPECTS - 1
    assert [run.id for run in holdings.forfeit()[0]] == ["r"]
    assert holdings.room_for_suspects() == ROOM_FOR_SUSPECTS


def test_a_run_on_its_last_chance_leaves_no_room_for_suspects() -> None:
    holdings = Holdings()
    holdings.add(Kind.ASYNC, [claimed_run(losses=3), claimed_run(id="last", losses=4)])
    assert holdings.room_for_suspects() == 0


def test_what_was_taken_away_is_looked_for_once_more() -> None:
    holdings = Holdings()
    holdings.add(Kind.ASYNC, [claimed_run()])
    holdings.uncompared = False  # compared with the store already
    holdings.forfeit()
    assert holdings.uncompared


def test_an_attempt_that_was_taken_away_does_not_begin_in_place_of_the_next() -> None:
    holdings = Holdings()
    attempts = [Execution(claimed_run(attempt=number), None, Kind.ASYNC, Policies(), None) for number in (1, 2)]  # type: ignore[arg-type]
    holdings.beginning.add(attempts[0])
    holdings.forfeit()
    holdings.beginning.add(attempts[1])
    assert [holdings.may_begin(one) for one in (*attempts, *attempts)] == [False, True, False, False]
