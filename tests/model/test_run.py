"""A run as it was read: what is at its default is not set, and its arguments are read when somebody asks for them."""

from __future__ import annotations

import copy
import pickle
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from hourbell.model.run import Run, Settlement
from hourbell.model.run_state import Outcome, RunState

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def read(args: str) -> Run:
    found: dict[str, Any] = {"id": "r", "task": "ring", "state": RunState.RUNNING, "origin": "fire", "created_at": NOW}
    return Run.of_fields(found, args)


MADE = Run(id="r", task="ring", state=RunState.RUNNING, origin="fire", created_at=NOW, args={"to": ["x"]})


def test_a_run_that_was_read_is_like_one_that_was_made() -> None:
    run = read('{"to": ["x"]}')
    assert (run.stored_args, MADE.stored_args) == ('{"to": ["x"]}', None)
    assert run == MADE
    assert (repr(read('{"to": ["x"]}')), asdict(read('{"to": ["x"]}'))) == (repr(MADE), asdict(MADE))
    assert (run.reason, run.queue, run.lost_limit, run.progress) == (None, "default", 5, None)


def test_its_arguments_come_with_it_wherever_it_goes() -> None:
    for run in (
        replace(read('{"to": ["x"]}')),
        copy.copy(read('{"to": ["x"]}')),
        copy.deepcopy(read('{"to": ["x"]}')),
        pickle.loads(pickle.dumps(read('{"to": ["x"]}'))),
    ):
        assert run == MADE
    assert replace(read('{"to": ["x"]}'), args={}).args == {}
    assert replace(read('{"to": ["x"]}'), args={}).stored_args is None, "what was stored is not what it has now"


def test_they_are_read_once() -> None:
    run = read('{"to": ["x"]}')
    assert run.args is run.args


def test_nonsense_for_arguments_is_kept_under_a_name_that_nothing_understands() -> None:
    assert read("[1]").args == {"": [1]}
    assert read("{").args == {"": "{"}


def test_it_has_nothing_else() -> None:
    with pytest.raises(AttributeError, match="has no 'argz'"):
        read("{}").argz  # type: ignore[attr-defined]  # noqa: B018
    assert not hasattr(MADE, "unread_args")


def test_a_success_is_the_settlement_that_says_so() -> None:
    told = Settlement.success("r", 2, "7", 1.5, 1893456000.000001)
    assert told == Settlement(
        run_id="r",
        attempt=2,
        state=RunState.SUCCEEDED,
        outcome=Outcome.SUCCEEDED,
        result="7",
        started=1.5,
        finished=1893456000.000001,
    )
    assert (told.failed, told.delay.total_seconds(), told.error) == (False, 0, None)
    assert told.finished_at == datetime(2030, 1, 1, 0, 0, 0, 1, tzinfo=UTC)
    assert replace(told, started=None).started_at is None
