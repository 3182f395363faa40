"""The protocol between the engine and whatever runs a body."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from hourbell.context import Context


class How(Enum):
    """In which way a body ended."""

    RETURNED = "returned"
    RAISED = "raised"
    TIMED_OUT = "timed out"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Ending:
    """What became of a body: its value, or what it raised. CANCELLED only when the engine asked it to end."""

    how: How
    value: Any = None
    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """A body ready to run: ``invoke`` takes no arguments; its answer is awaited where the executor awaits."""

    invoke: Callable[[], Any]
    context: Context
    timeout: float | None = None


class Body(Protocol):
    """A body under way."""

    def cancel(self) -> None:
        """Ask it to end. A body that cannot be stopped is reported as cancelled at once and goes on unheeded."""


class Executor(Protocol):
    """Runs bodies. All of it is called on the application's event loop."""

    def free(self) -> int | None:
        """How many more bodies could start right now; None: as many as one likes."""

    def start(self, call: Call, done: Callable[[Ending], None]) -> Body:
        """Start the body and call ``done`` once, on this event loop, when it has ended.

        ``done`` may be called before this returns. Whatever the body raises ends up in the `Ending`, also what is no
        ordinary error: a body does not end the application.
        """

    def stop(self) -> None:
        """Let go of everything that is idle. Bodies that cannot be stopped are left to themselves."""
