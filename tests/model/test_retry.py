"""Retry policies: which errors, after how long, and the same on every node."""

from __future__ import annotations

import statistics
import sys
from datetime import timedelta
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import pytest

from hourbell.errors import InvalidArguments
from hourbell.model.module_name import lasting_name
from hourbell.model.retry import GaveUp, Retry, RetryLater


class Flaky(ConnectionError):
    """A child of a child of OSError, in a module of its own."""


@pytest.mark.parametrize(
    "backoff, waits",
    [("exponential", [2, 4, 8, 16, 20, 20]), ("linear", [2, 4, 6, 8, 10, 12]), ("fixed", [2, 2, 2, 2, 2, 2])],
)
def test_the_wait_grows_up_to_its_cap(backoff: Any, waits: list[float]) -> None:
    retry = Retry(backoff=backoff, first=2, cap=20, jitter=False)
    assert [retry.delay(failures, "run") for failures in range(1, 7)] == waits


def test_a_thousand_failures_wait_no_longer_than_the_cap() -> None:
    for backoff in ("exponential", "linear"):
        assert Retry(backoff=backoff, first=3600, cap=7200, jitter=False).delay(999, "run") == 7200


def test_the_first_wait_may_be_beyond_the_cap() -> None:
    assert Retry(first=60, cap=5, jitter=False).delay(1, "run") == 5


def test_jitter_is_drawn_from_the_whole_wait_and_is_the_same_on_every_node() -> None:
    retry = Retry(first=100, cap=100)
    drawn = [retry.delay(1, f"run-{n}") for n in range(2_000)]
    assert drawn == [Retry(first=100, cap=100).delay(1, f"run-{n}") for n in range(2_000)]
    assert all(0 <= delay <= 100 for delay in drawn)
    # Full jitter: even over the interval, not a little around its end.
    assert statistics.fmean(drawn) == pytest.approx(50, abs=3)
    assert statistics.quantiles(drawn, n=10) == pytest.approx(list(range(10, 100, 10)), abs=5)


def test_each_failure_of_a_run_draws_for_itself() -> None:
    retry = Retry(backoff="fixed", first=100)
    assert len({retry.delay(failures, "run") for failures in range(1, 50)}) == 49


@pytest.mark.parametrize("named", [False, True], ids=["types", "names"])
def test_errors_are_told_apart_by_their_types_and_parents(named: bool) -> None:
    def policy(**kinds: type[BaseException]) -> Retry:
        made = Retry(**kinds)  # type: ignore[arg-type]
        return Retry.from_spec(made.to_spec()) if named else made

    assert policy().wants(Flaky())
    assert policy(on=OSError).wants(Flaky())
    assert not policy(on=OSError).wants(ValueError())
    assert not policy(on=Flaky).wants(ConnectionError()), "a parent is no child"
    assert not policy(never_on=OSError).wants(Flaky())
    assert policy(never_on=Flaky).wants(ConnectionError())
    assert not policy(on=OSError, never_on=Flaky).wants(Flaky()), "what is excluded wins"


@pytest.mark.parametrize("name", ["ConnectionError", "builtins.OSError", f"{__name__}.Flaky"])
def test_a_type_may_be_given_by_its_name(name: str) -> None:
    assert Retry(on=(name,)).wants(Flaky())
    assert not Retry(never_on=(name,)).wants(Flaky())
    assert not Retry(on=(name,)).wants(KeyError())


def test_a_group_is_as_bad_as_its_worst_member() -> None:
    retry = Retry(on=(OSError,), never_on=(FileNotFoundError,))
    nested = ExceptionGroup("b", [ConnectionError()])
    assert retry.wants(ExceptionGroup("a", [TimeoutError(), nested]))
    assert not retry.wants(ExceptionGroup("a", [TimeoutError(), ValueError()]))
    assert not retry.wants(ExceptionGroup("a", [TimeoutError(), ExceptionGroup("b", [FileNotFoundError()])]))
    assert Retry(on=(ExceptionGroup,)).wants(ExceptionGroup("a", [ValueError()]))
    assert not Retry(never_on=(ExceptionGroup,)).wants(ExceptionGroup("a", [OSError()]))


def test_it_survives_being_stored() -> None:
    retry = Retry(attempts=7, backoff="linear", first=0.5, cap=9, jitter=False, on=(OSError, "a.B"), never_on=[Flaky])  # type: ignore[arg-type]
    again = Retry.from_spec(retry.to_spec())
    assert again.to_spec() == retry.to_spec()
    assert (again.on, again.never_on) == (("builtins.OSError", "a.B"), (f"{__name__}.Flaky",))


@pytest.mark.parametrize(
    "wrong, told",
    [
        ({"attempts": 0}, "attempts"),
        ({"attempts": True}, "attempts"),
        ({"attempts": 2.0}, "attempts"),
        ({"backoff": "quadratic"}, "backoff"),
        ({"first": -1}, "first"),
        ({"first": float("nan")}, "first"),
        ({"cap": float("inf")}, "cap"),
        ({"on": (OSError(),)}, "on"),
        ({"on": (int,)}, "on"),
        ({"on": ("",)}, "on"),
        ({"never_on": 5}, "never_on"),
    ],
    ids=str,
)
def test_what_has_no_meaning_is_refused_by_name(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidArguments, match=rf"Retry\({told}="):
        Retry(**wrong)


@pytest.mark.parametrize("spec", [{"atempts": 3}, {"on": "OSError"}, {"on": [5]}, {"attempts": 0}], ids=str)
def test_a_stored_policy_that_has_no_meaning_is_refused(spec: dict[str, Any]) -> None:
    with pytest.raises(InvalidArguments):
        Retry.from_spec(spec)


def test_what_a_body_raises_says_what_it_asks() -> None:
    later, over = Retry.later(30), Retry.give_up("no such account")
    assert isinstance(later, RetryLater)
    assert str(later) == "asked to be tried again in 30 s"
    assert isinstance(over, GaveUp)
    assert str(over) == "no such account"


@pytest.mark.parametrize("name, other", [("__main__", "__mp_main__"), ("__mp_main__", "__main__")])
def test_a_type_of_a_script_is_called_after_its_file_wherever_it_is_raised(
    monkeypatch: pytest.MonkeyPatch, name: str, other: str
) -> None:
    raised = {module: type("Flaky", (OSError,), {"__module__": module}) for module in (name, other, "nightly")}
    for module in (name, other):
        script = ModuleType(module)
        script.__file__ = "/srv/jobs/nightly.py"
        monkeypatch.setitem(sys.modules, module, script)
    retry = Retry(on=(raised[name],))
    assert retry.to_spec()["on"] == ["nightly.Flaky"]
    stored = Retry.from_spec(retry.to_spec())
    assert all(stored.wants(kind("boom")) for kind in raised.values())
    assert Retry(on=(f"{name}.Flaky",)).wants(raised[other]("boom"))
    assert not stored.wants(OSError("boom"))


def test_a_module_that_was_started_by_its_name_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    script = ModuleType("__main__")
    script.__spec__ = ModuleSpec("jobs.nightly", None)
    monkeypatch.setitem(sys.modules, "__main__", script)
    assert lasting_name("__main__") == "jobs.nightly"
    assert lasting_name("jobs.daily") == "jobs.daily"
    script.__spec__ = None
    assert lasting_name("__main__") == "__main__", "typed into an interpreter: there is no file"


def test_what_a_body_asks_to_wait_is_seconds_or_a_timedelta() -> None:
    assert Retry.later(timedelta(minutes=2)).seconds == 120
    assert Retry.later(1).seconds == 1
    for nonsense in (float("nan"), "30", None, True):
        with pytest.raises(InvalidArguments, match=r"Retry\.later\(.*give seconds"):
            Retry.later(nonsense)  # type: ignore[arg-type]
