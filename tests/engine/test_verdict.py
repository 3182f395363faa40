"""What a body's end means for its run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hourbell.engine import verdict
from hourbell.errors import ResultRejected
from hourbell.executors.protocol import Ending, How
from hourbell.model.policies import Policies
from hourbell.model.retry import Retry
from hourbell.model.run import Run, Settlement
from hourbell.model.run_state import Outcome, RunState

T0 = datetime(2030, 1, 1, tzinfo=UTC)
T1 = T0 + timedelta(seconds=1)
BEGUN, ENDED = T0.timestamp(), T1.timestamp()


def run(**fields: Any) -> Run:
    known: dict[str, Any] = {"id": "r", "task": "ring", "state": RunState.RUNNING, "origin": "fire", "created_at": T0}
    return Run(**{**known, "attempt": 3, **fields})


def failed(error: BaseException, retry: Retry | None = None, failures: int = 0) -> Settlement:
    return verdict.failed(run(failures=failures), Policies(retry=retry), Ending(How.RAISED, error=error), BEGUN, ENDED)


def test_a_value_is_a_success() -> None:
    settlement = verdict.succeeded(run(), "7", BEGUN, ENDED)
    assert (settlement.run_id, settlement.attempt) == ("r", 3)
    assert (settlement.state, settlement.outcome, settlement.result) == (RunState.SUCCEEDED, Outcome.SUCCEEDED, "7")
    assert (settlement.started_at, settlement.finished_at, settlement.failed) == (T0, T1, False)


def test_without_a_retry_policy_the_first_failure_is_the_last() -> None:
    settlement = failed(ValueError("no"))
    assert (settlement.state, settlement.outcome, settlement.failed) == (RunState.FAILED, Outcome.FAILED, True)
    assert settlement.error is not None
    assert settlement.error.splitlines()[0] == "ValueError: no"


@pytest.mark.parametrize("failures, state", [(0, RunState.QUEUED), (1, RunState.QUEUED), (2, RunState.FAILED)])
def test_attempts_count_every_try(failures: int, state: RunState) -> None:
    settlement = failed(ValueError(), Retry(attempts=3, first=2, jitter=False), failures)
    assert settlement.state is state
    assert settlement.failed
    if state is RunState.QUEUED:
        assert settlement.delay == timedelta(seconds=2 * 2**failures)


def test_what_is_not_worth_another_try_is_failed() -> None:
    assert failed(ValueError(), Retry(on=(OSError,))).state is RunState.FAILED
    assert failed(ConnectionError(), Retry(on=(OSError,))).state is RunState.QUEUED
    assert failed(ConnectionError(), Retry(never_on=(OSError,))).state is RunState.FAILED


@pytest.mark.parametrize("seconds", [1e12, 1e300, float("inf")])
def test_no_body_asks_for_more_time_than_the_calendar_has(seconds: float) -> None:
    assert failed(Retry.later(seconds)).delay == timedelta(seconds=verdict.LONGEST_WAIT)


def test_a_wait_without_meaning_is_none() -> None:
    settlement = failed(Retry.later(-5.0))
    assert (settlement.state, settlement.delay) == (RunState.QUEUED, timedelta(0))


def test_a_body_may_ask_to_be_tried_again_whatever_its_policy() -> None:
    later = failed(Retry.later(30))
    assert (later.state, later.delay, later.failed) == (RunState.QUEUED, timedelta(seconds=30), True)
    assert failed(Retry.later(30), Retry(attempts=3, on=(OSError,)), 1).state is RunState.QUEUED
    assert failed(Retry.later(30), Retry(attempts=3), 2).state is RunState.FAILED
    assert failed(Retry.later(-5)).delay == timedelta(0)


def test_who_gives_up_is_not_tried_again() -> None:
    for retry in (None, Retry(attempts=9), Retry(attempts=9, on=(Exception,))):
        settlement = failed(Retry.give_up("no such account"), retry)
        assert (settlement.state, settlement.outcome, settlement.failed) == (RunState.FAILED, Outcome.FAILED, True)
        assert settlement.error is not None
        assert settlement.error.splitlines()[0] == "gave up: no such account"


def test_what_a_body_asks_is_heard_out_of_a_group_too() -> None:
    asked = ExceptionGroup("a", [ValueError(), ExceptionGroup("b", [Retry.later(5), Retry.later(30)])])
    assert failed(asked).delay == timedelta(seconds=30)
    assert failed(ExceptionGroup("a", [Retry.later(5), Retry.give_up("no")]), Retry()).state is RunState.FAILED


def test_a_result_that_cannot_be_kept_is_the_failure_of_its_run() -> None:
    settlement = verdict.unkept(run(), ResultRejected("it takes too much"), BEGUN, ENDED)
    assert (settlement.state, settlement.outcome, settlement.failed) == (RunState.FAILED, Outcome.FAILED, True)
    assert settlement.error == "the body returned, but its result cannot be kept: it takes too much"
    assert (settlement.started_at, settlement.finished_at, settlement.result) == (T0, T1, None)
    assert "KeyError: 'mine'" in (verdict.unkept(run(), KeyError("mine"), BEGUN, ENDED).error or "")


def test_a_timeout_is_a_failure_that_may_be_tried_again() -> None:
    ending = Ending(How.TIMED_OUT, error=TimeoutError())
    settlement = verdict.failed(run(), Policies(timeout=2.5), ending, BEGUN, ENDED)
    assert (settlement.state, settlement.outcome) == (RunState.FAILED, Outcome.TIMED_OUT)
    assert settlement.error == "timed out after 2.5 s"
    again = verdict.failed(run(), Policies(timeout=1, retry=Retry(on=(TimeoutError,))), ending, BEGUN, ENDED)
    assert (again.state, again.outcome) == (RunState.QUEUED, Outcome.TIMED_OUT)


def test_arguments_that_do_not_fit_are_not_tried_again() -> None:
    settlement = verdict.refused(run(), ValueError("times: not a number"), ENDED)
    assert (settlement.state, settlement.started_at) == (RunState.FAILED, None)


def test_handing_back_counts_nothing() -> None:
    settlement = verdict.handed_back(run())
    assert (settlement.state, settlement.outcome) == (RunState.QUEUED, Outcome.HANDED_BACK)
    assert (settlement.failed, settlement.delay) == (False, timedelta(0))


@pytest.mark.parametrize(
    "on_lost, began, state",
    [
        ("retry", BEGUN, RunState.QUEUED),
        ("retry", None, RunState.QUEUED),
        ("fail", BEGUN, RunState.FAILED),
        ("fail", None, RunState.QUEUED),
    ],
)
def test_a_body_that_starts_at_most_once_is_not_handed_back_once_it_began(
    on_lost: str, began: datetime | None, state: RunState
) -> None:
    settlement = verdict.interrupted(run(on_lost=on_lost), began, ENDED)
    assert settlement.state is state
    assert not settlement.failed


def test_an_exception_that_cannot_even_be_printed_is_told_by_its_name() -> None:
    class Rude(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no")

    assert "Rude" in (failed(Rude()).error or "")
