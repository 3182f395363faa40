"""Whoever types what they know from another scheduler is told what it is here."""

from __future__ import annotations

import copy
import pickle
import re
from typing import Any

import pytest

from hourbell import InvalidArguments, Scheduler, Task
from hourbell.model.names_elsewhere import CALLS_ELSEWHERE, POLICIES_ELSEWHERE, VERBS_ELSEWHERE
from hourbell.model.policies import POLICY_NAMES
from hourbell.settings import SETTING_NAMES


def note() -> None: ...


@pytest.mark.parametrize("name", POLICIES_ELSEWHERE)
def test_an_option(name: str) -> None:
    assert name not in POLICY_NAMES | SETTING_NAMES
    for refused in (lambda: Scheduler("memory://", **{name: 1}), lambda: Task(note, policies={name: 1})):
        with pytest.raises(InvalidArguments) as caught:
            refused()
        assert POLICIES_ELSEWHERE[name] in str(caught.value)
        assert "did you mean" not in str(caught.value)


def test_a_setting_of_the_scheduler_is_no_policy_of_a_task() -> None:
    with pytest.raises(InvalidArguments, match=r"a setting of the whole scheduler: Scheduler\(max_runs=…\)"):
        Task(note, policies={"max_runs": 5})


@pytest.mark.parametrize("name", CALLS_ELSEWHERE)
def test_a_call_of_a_task(name: str) -> None:
    assert not hasattr(Task, name)
    with pytest.raises(AttributeError, match=rf"no attribute '{name}'; a run is asked for by .*note\..*enqueue"):
        getattr(Task(note), name)


@pytest.mark.parametrize("name", VERBS_ELSEWHERE)
def test_a_verb_of_the_scheduler(name: str) -> None:
    assert not hasattr(Scheduler, name)
    with pytest.raises(AttributeError, match="; here it is ") as caught:
        getattr(Scheduler("memory://"), name)
    for verb in re.findall(r"scheduler\.(\w+)", str(caught.value)):
        assert hasattr(Scheduler, verb)


def test_what_is_unknown_everywhere_is_told_as_by_any_object() -> None:
    for one in (Task(note), Scheduler("memory://")):
        thing: Any = one
        assert not hasattr(thing, "nonsense")
        with pytest.raises(AttributeError, match=rf"^'{type(one).__name__}' object has no attribute 'nonsense'$"):
            _ = thing.nonsense
    task = Task(note)
    assert copy.copy(task).name == pickle.loads(pickle.dumps(task)).name == task.name
