"""The visible policies of a task or schedule, their defaults, and how they are inherited."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any, Literal

from hourbell.errors import InvalidArguments
from hourbell.model.names_elsewhere import POLICIES_ELSEWHERE
from hourbell.model.retry import Retry
from hourbell.settings import SETTING_NAMES

CatchUp = Literal["latest", "all", "skip"]
Overlap = Literal["skip", "buffer_one", "buffer_all", "cancel_other", "allow"]
OnLost = Literal["retry", "fail"]
Executor = Literal["auto", "async", "thread", "process"]

_CHOICES: Mapping[str, tuple[str, ...]] = {
    "catch_up": ("latest", "all", "skip"),
    "overlap": ("skip", "buffer_one", "buffer_all", "cancel_other", "allow"),
    "on_lost": ("retry", "fail"),
    "executor": ("auto", "async", "thread", "process"),
}
_WHOLE: Mapping[str, tuple[int, int]] = {
    "catch_up_limit": (1, 10_000),
    "max_running": (1, 1_000_000),
    "lost_limit": (1, 1_000),
    "priority": (-1_000, 1_000),
    "concurrency": (1, 1_000_000),
}
_SECONDS: tuple[str, ...] = ("grace", "timeout", "timeout_grace", "jitter")
_DURATIONS: tuple[str, ...] = ("grace", "jitter")
_MOST_CALENDARS = 20


@dataclass(frozen=True, slots=True)
class Policies:
    """Every policy with its value. The defaults here are the product's defaults.

    ``catch_up``  fires missed while every node or the database was away: one run for the gap (``latest``), each of
    them up to ``catch_up_limit`` (``all``), or none (``skip``).
    ``grace``  how late a fire may still start; None: however late.
    ``jitter``  by how much a fire's start may be put off, so that not everything starts at once; None: not at all. The
    delay is the same on every node and every time it is asked for; the fire itself is recorded as it is.
    ``blackout``  names of stored calendars: what becomes due in one of them is recorded as skipped.
    ``overlap``  a fire while ``max_running`` runs of the schedule are unfinished: ``skip`` it, let it wait for its turn
    (``buffer_one``: one at most, ``buffer_all``), ``cancel_other`` runs to take their place, or ``allow`` it.
    ``retry``  None, or a `Retry`.
    ``timeout``  seconds a body may take; None: no limit. Then it is asked to end, and ``timeout_grace`` seconds later
    its place is free whatever it does: an async body or a thread that goes on is reported as stuck, a process is
    killed. The same grace is given to a body whose run is cancelled.
    ``on_lost``  when the node died with the body running: ``retry`` (at least once, at most ``lost_limit`` losses) or
    ``fail`` (at most once).
    ``concurrency``  of a task: how many of its runs may run at once, over all nodes; None: no limit.
    ``queue`` and ``priority``  which nodes may claim the run, and which run goes first (lower first).
    ``executor``  where the body runs; ``auto``: async functions on the loop, others in a thread. ``process``: in
    a process that can be killed, and that takes nothing along when it dies.
    """

    catch_up: CatchUp = "latest"
    catch_up_limit: int = 100
    grace: timedelta | None = None
    jitter: timedelta | None = None
    blackout: tuple[str, ...] = ()
    overlap: Overlap = "skip"
    max_running: int = 1
    retry: Retry | None = None
    timeout: float | None = None
    timeout_grace: float = 5.0
    on_lost: OnLost = "retry"
    lost_limit: int = 5
    concurrency: int | None = None
    queue: str = "default"
    priority: int = 0
    executor: Executor = "auto"

    @classmethod
    def layered(cls, *layers: Mapping[str, Any]) -> Policies:
        """Resolve inheritance: each layer (scheduler, task, schedule) is a JSON mapping; later ones win by name.

        Raises InvalidArguments for what this version cannot read.
        """
        merged: dict[str, Any] = {}
        for layer in layers:
            merged.update(layer)
        strange = merged.keys() - POLICY_NAMES
        if strange:
            raise InvalidArguments(f"this version does not know the policy {min(strange)!r}; another one stored it")
        merged = checked_policies(merged)  # what is stored may be nonsense, too
        if isinstance(merged.get("retry"), Mapping):
            merged["retry"] = Retry.from_spec(merged["retry"])
        for name in _DURATIONS:
            if merged.get(name) is not None:
                merged[name] = timedelta(seconds=merged[name])
        merged["blackout"] = tuple(merged.get("blackout") or ())
        return cls(**merged)

    def to_spec(self) -> dict[str, Any]:
        """All policies as JSON: durations in seconds, retry as its own mapping or null."""
        spec: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        spec["retry"] = self.retry.to_spec() if self.retry else None
        for name in _DURATIONS:
            spec[name] = spec[name].total_seconds() if spec[name] is not None else None
        spec["blackout"] = list(self.blackout)
        return spec


POLICY_NAMES = frozenset(f.name for f in fields(Policies))
OF_TASKS = frozenset({"concurrency", "executor"})
"""Policies of the task as a whole: no schedule and no request can have its own."""


def without_tasks_own(layer: Mapping[str, Any]) -> dict[str, Any]:
    """What a schedule inherits, or a run carries: the rest is asked of the task when the run is claimed."""
    return {name: value for name, value in layer.items() if name not in OF_TASKS}


def refuse_tasks_own(given: Mapping[str, Any]) -> None:
    """Raises InvalidArguments when a schedule is given what only a task can have."""
    for name in sorted(OF_TASKS & given.keys()):
        raise InvalidArguments(
            f"{name} belongs to the task, over all its schedules: give it to @scheduler.task({name}=…)", at=name
        )


def checked_policies(given: Mapping[str, Any]) -> dict[str, Any]:
    """Turn policies as a user writes them into JSON, refusing what has no meaning.

    Durations may be seconds or ``timedelta``, ``retry`` a `Retry`, a number of attempts, its JSON form or None. Only
    what was given is in the answer, so that everything else stays inherited. Raises InvalidArguments.
    """
    spec: dict[str, Any] = {}
    for name, value in given.items():
        if name not in POLICY_NAMES:
            raise _unknown(name)
        try:
            spec[name] = _checked(name, value)
        except InvalidArguments as error:
            raise InvalidArguments(str(error), at=name) from None
    return spec


def checked_names(given: Iterable[str]) -> frozenset[str]:
    """Names of policies. Raises InvalidArguments when one is none."""
    names = frozenset([given] if isinstance(given, str) else given)
    for name in names - POLICY_NAMES:
        raise _unknown(name)
    return names


def _unknown(name: object) -> InvalidArguments:
    shown = str(name)[:60]
    advice = POLICIES_ELSEWHERE.get(shown)
    if advice is None and shown in SETTING_NAMES:
        advice = f"it is a setting of the whole scheduler: Scheduler({shown}=…)"
    if advice is None and (near := difflib.get_close_matches(shown, POLICY_NAMES, n=1)):
        advice = f"did you mean {near[0]!r}?"
    known = f"the policies are {', '.join(sorted(POLICY_NAMES))}"
    return InvalidArguments(
        f"there is no policy {shown!r}; {known if advice is None else f'{advice} ({known})'}", at=shown
    )


def _checked(name: str, value: Any) -> Any:
    if name in _CHOICES:
        if value not in _CHOICES[name]:
            raise InvalidArguments(f"{name}={value!r}: choose one of {', '.join(map(repr, _CHOICES[name]))}")
        return value
    if name == "concurrency" and value is None:
        return None
    if name in _WHOLE:
        low, high = _WHOLE[name]
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise InvalidArguments(f"{name}={value!r}: give a whole number from {low} to {high}")
        return value
    if name in _SECONDS:
        return _checked_seconds(name, value)
    if name == "retry":
        return _checked_retry(value)
    if name == "blackout":
        return _checked_blackout(value)
    return checked_name(name, value)


def checked_name(what: str, value: Any) -> str:
    """A name: 1 to 100 printable characters. Raises InvalidArguments."""
    if not isinstance(value, str) or not 0 < len(value) <= 100 or not value.isprintable():
        raise InvalidArguments(f"{what}={str(value)[:60]!r}: give a name of 1 to 100 printable characters")
    return value


def _checked_blackout(value: Any) -> list[str]:
    """One name or several; None and nothing at all mean none, also where a task or scheduler names some."""
    names = [] if value is None else [value] if isinstance(value, str) else value
    if not isinstance(names, Sequence) or len(names) > _MOST_CALENDARS:
        raise InvalidArguments(f"blackout: give the names of stored calendars, at most {_MOST_CALENDARS}, or None")
    return list(dict.fromkeys(checked_name("blackout", name) for name in names))


def _checked_seconds(name: str, value: Any) -> float | None:
    if value is None and name != "timeout_grace":
        return None
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    least = 0.001 if name == "timeout" else 0
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not least <= seconds <= 366 * 86400:
        bounds = f"from {least} seconds to a year" if least else "of at most a year"
        raise InvalidArguments(f"{name}={value!r}: give seconds or a timedelta, {bounds}, or None")
    return float(seconds)


def _checked_retry(value: Any) -> dict[str, Any] | None:
    if value is None:
        return None
    if isinstance(value, Retry):
        return value.to_spec()
    if isinstance(value, Mapping):
        return Retry.from_spec(value).to_spec()
    if isinstance(value, int) and not isinstance(value, bool):
        return Retry(attempts=value).to_spec()
    raise InvalidArguments(f"retry={value!r}: give Retry(...), a number of attempts or None")
