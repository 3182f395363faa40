"""When and how a failed run is tried again. Pure: the same run and attempt always wait the same time."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from hourbell.errors import InvalidArguments

if TYPE_CHECKING:
    from collections.abc import Mapping

Backoff = Literal["exponential", "linear", "fixed"]
_SPEC_KEYS = frozenset({"attempts", "backoff", "first", "cap", "jitter", "on", "never_on"})


class RetryLater(Exception):
    """Raised inside a body to ask for another attempt after so many seconds; it uses up one try."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"asked to be tried again in {seconds:g} s")
        self.seconds = seconds


def _names(types: tuple[type[BaseException] | str, ...]) -> tuple[str, ...]:
    return tuple(t if isinstance(t, str) else f"{t.__module__}.{t.__qualname__}" for t in types)


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and how soon a failed run is tried again.

    ``attempts`` counts every try, the first included. The wait before try ``n + 1`` grows from ``first`` seconds by the
    ``backoff`` up to ``cap`` seconds; with ``jitter`` it is drawn evenly between zero and that, seeded by run and
    attempt so that every node draws the same. ``on`` limits retries to these exception types, ``never_on`` excludes
    some; subclasses count. Waiting is persisted as the run's ``run_at``, never slept in a process.
    """

    attempts: int = 3
    backoff: Backoff = "exponential"
    first: float = 1.0
    cap: float = 3600.0
    jitter: bool = True
    on: tuple[type[BaseException] | str, ...] = ()
    never_on: tuple[type[BaseException] | str, ...] = ()

    def __post_init__(self) -> None:
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
        kinds = set(_names(tuple(type(error).__mro__)))
        if kinds & set(_names(self.never_on)):
            return False
        return not self.on or bool(kinds & set(_names(self.on)))

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
    def later(seconds: float) -> RetryLater:
        """``raise Retry.later(30)`` inside a body: fail this attempt and try again in 30 s, whatever the backoff."""
        return RetryLater(seconds)

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
            fields[name] = tuple(types)
        return cls(**fields)


def _refuse(message: str) -> NoReturn:
    raise InvalidArguments(message)
