"""When and how a failed run is tried again. Pure: the same run and attempt always wait the same time."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from hourbell.errors import InvalidArguments
from hourbell.model.module_name import lasting_name
from hourbell.model.raised import RaisedElsewhere

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Backoff = Literal["exponential", "linear", "fixed"]
Kinds = tuple[type[BaseException] | str, ...]
_SPEC_KEYS = frozenset({"attempts", "backoff", "first", "cap", "jitter", "on", "never_on"})


class RetryLater(Exception):
    """Raised inside a body to ask for another attempt after so many seconds; it uses up one try."""

    def __init__(self, seconds: float | timedelta) -> None:
        wait: object = seconds.total_seconds() if isinstance(seconds, timedelta) else seconds
        if isinstance(wait, bool) or not isinstance(wait, int | float) or math.isnan(wait):
            raise InvalidArguments(f"Retry.later({seconds!r}): give seconds, or a timedelta")
        super().__init__(f"asked to be tried again in {wait:g} s")
        self.seconds = float(wait)


class GaveUp(Exception):
    """Raised inside a body to say that another attempt would be in vain; the message is the reason."""


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and how soon a failed run is tried again.

    ``attempts`` counts every try, the first included. The wait before try ``n + 1`` grows from ``first`` seconds by the
    ``backoff`` up to ``cap`` seconds: ``exponential`` doubles it each time, ``linear`` adds ``first``, ``fixed`` leaves
    it. With ``jitter`` the wait is drawn evenly between zero and that, seeded by run and failure so that every node
    draws the same. Waiting is persisted as the run's ``run_at``, never slept in a process.

    ``on`` limits retries to these exception types, ``never_on`` excludes some and wins; subclasses count. A type may be
    given as its dotted name, ``"httpx.ConnectError"``, and a built-in one without the dot; one that a script defines is
    called after the script's file, wherever it is raised. Of an exception group every member has to be wanted, and none
    excluded.
    """

    attempts: int = 3
    backoff: Backoff = "exponential"
    first: float = 1.0
    cap: float = 3600.0
    jitter: bool = True
    on: Kinds = ()
    never_on: Kinds = ()

    def __post_init__(self) -> None:
        for name in ("on", "never_on"):
            object.__setattr__(self, name, _checked_kinds(name, getattr(self, name)))
        attempts: object = self.attempts
        if not isinstance(attempts, int) or isinstance(attempts, bool) or not 1 <= attempts <= 1000:
            raise InvalidArguments(f"Retry(attempts={self.attempts!r}): give a whole number from 1 to 1000")
        if self.backoff not in ("exponential", "linear", "fixed"):
            raise InvalidArguments(f"Retry(backoff={self.backoff!r}): choose 'exponential', 'linear' or 'fixed'")
        for name in ("first", "cap"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 366 * 86400:
                raise InvalidArguments(f"Retry({name}={value!r}): give seconds from 0 to a year")

    def wants(self, error: BaseException) -> bool:
        """True when this kind of error is worth another try."""
        wanted, excluded = set(_names(self.on)), set(_names(self.never_on))
        whole = kinds_of(error)
        parts = [kinds_of(part) for part in parts_of(error)]
        if excluded & whole or any(excluded & kinds for kinds in parts):
            return False
        return not wanted or bool(wanted & whole) or all(wanted & kinds for kinds in parts)

    def delay(self, failures: int, seed: str) -> float:
        """Seconds to wait after the ``failures``-th failure (1 for the first)."""
        if self.backoff == "exponential":
            full = self.first * 2.0 ** min(failures - 1, 60)
        elif self.backoff == "linear":
            full = self.first * failures
        else:
            full = self.first
        full = min(full, self.cap)
        return random.Random(f"{seed}:{failures}").uniform(0, full) if self.jitter else full

    @staticmethod
    def later(seconds: float | timedelta) -> RetryLater:
        """``raise Retry.later(30)`` inside a body: fail this attempt and try again in 30 s, whatever the backoff.

        Raises InvalidArguments for what is no number of seconds, which fails the attempt as any error does.
        It uses up one of the ``attempts``. A task without a retry policy has none to use up: there the body alone
        decides how often.
        """
        return RetryLater(seconds)

    @staticmethod
    def give_up(reason: str) -> GaveUp:
        """``raise Retry.give_up("no such account")`` inside a body: fail the run now, however many tries are left."""
        return GaveUp(reason)

    def to_spec(self) -> dict[str, Any]:
        """This policy as JSON; exception types become their dotted names, which are compared and never imported."""
        return {
            "attempts": self.attempts,
            "backoff": self.backoff,
            "first": self.first,
            "cap": self.cap,
            "jitter": self.jitter,
            "on": list(_names(self.on)),
            "never_on": list(_names(self.never_on)),
        }

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> Retry:
        """Read what ``to_spec`` wrote. Raises InvalidArguments for unknown fields or values."""
        unknown = set(spec) - _SPEC_KEYS
        if unknown:
            _refuse(f"retry has no field {min(unknown)!r}; it has {', '.join(sorted(_SPEC_KEYS))}")
        fields = dict(spec)
        for name in ("on", "never_on"):
            types = fields.get(name, ())
            if not isinstance(types, list | tuple) or not all(isinstance(t, str) for t in types):
                _refuse(f"retry.{name} is a list of exception names")
        return cls(**fields)


def parts_of(error: BaseException) -> Iterator[BaseException]:
    """The exceptions that a group holds, however deep; of any other, itself."""
    if isinstance(error, RaisedElsewhere) and error.parts:
        yield from error.parts
    elif isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            yield from parts_of(part)
    else:
        yield error


def kinds_of(error: BaseException) -> frozenset[str]:
    """The dotted names of an exception's type and of all its parents."""
    if isinstance(error, RaisedElsewhere):
        return error.kinds
    return frozenset(_name(kind) for kind in type(error).__mro__)


def _name(kind: type) -> str:
    return f"{lasting_name(kind.__module__)}.{kind.__qualname__}"


def _names(kinds: Kinds) -> tuple[str, ...]:
    return tuple(_lasting(kind) if isinstance(kind, str) else _name(kind) for kind in kinds)


def _lasting(name: str) -> str:
    module, _, rest = name.partition(".")
    return f"{lasting_name(module)}.{rest}"


def _checked_kinds(name: str, given: object) -> Kinds:
    """Exception types and names as a tuple; one alone may stand for itself. Raises InvalidArguments."""
    kinds = given if isinstance(given, tuple | list | set | frozenset) else (given,)
    return tuple(_checked_kind(name, kind) for kind in kinds)


def _checked_kind(name: str, kind: object) -> type[BaseException] | str:
    if isinstance(kind, type) and issubclass(kind, BaseException):
        return kind
    if not isinstance(kind, str) or not kind.strip():
        _refuse(f"Retry({name}=…): {kind!r} is no type of exception: give such as OSError, or 'httpx.ConnectError'")
    return kind if "." in kind else f"builtins.{kind}"


def _refuse(message: str) -> NoReturn:
    raise InvalidArguments(message)
