"""The protocol between the engine and whatever runs a body."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

from hourbell.errors import ResultRejected

if TYPE_CHECKING:
    import contextvars
    from collections.abc import Callable, Mapping

    from hourbell.context import Context
    from hourbell.place import Place


GRACE = 5.0
"""Seconds that a body gets to end after it was asked to, unless its task says otherwise."""


class How(Enum):
    """In which way a body ended."""

    RETURNED = "returned"
    RAISED = "raised"
    TIMED_OUT = "timed out"
    CANCELLED = "cancelled"
    NOT_BEGUN = "not begun"
    REFUSED = "refused"


@dataclass(slots=True)
class Ending:
    """What became of a body: its value, or what it raised. Never changed; one is made for each body, and freezing it
    costs more than all else about it.

    CANCELLED only when the engine asked it to end, TIMED_OUT whatever it did once its time was over. NOT_BEGUN when it
    was not wanted any more at its very beginning, or, with an ``error``, when the system gave no thread or process for
    it. REFUSED when its arguments do not fit. ``stuck``: it was let go of
    and goes on; ``stack`` is where it was then. ``note`` is what else there is to say of the end.
    """

    how: How
    value: Any = None
    error: BaseException | None = None
    stuck: bool = False
    stack: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """A body as another process is told of it: the task by its place and name, the stored arguments, and the most bytes
    of JSON that its result may take."""

    place: Place
    task: str
    args: Mapping[str, Any]
    result_max: int


@dataclass(frozen=True, slots=True)
class Dumped:
    """A result that was made JSON where the body ran: its text, or why it cannot be kept."""

    text: str | None
    refused: str | None = None

    def kept(self) -> str | None:
        """The text to be stored. Raises ResultRejected."""
        if self.refused is not None:
            raise ResultRejected(self.refused)
        return self.text


@dataclass(slots=True)
class Call:
    """A body ready to run: ``invoke`` takes no arguments; its answer is awaited where the executor awaits. As the
    `Ending`, it is never changed and not frozen.

    ``begin`` is asked immediately before ``invoke``, in the body's own task or thread: between the request and that
    moment the event loop may have stood still for longer than the lease lasts. Where it answers False the body is not
    invoked. ``variables`` are the context variables that the body starts with. ``timeout`` seconds after its beginning
    the body is asked to end, ``grace`` seconds after that it is let go. Where the body runs in another process,
    ``order`` is what that is told, and ``invoke`` is not called.
    """

    begin: Callable[[], bool]
    invoke: Callable[[], Any]
    context: Context
    variables: contextvars.Context
    timeout: float | None = None
    grace: float = GRACE
    order: Order | None = None


class Body(Protocol):
    """A body under way."""

    def cancel(self, grace: float | None = None) -> None:
        """Ask it to end; after the call's grace, or this shorter one, it is let go of."""


class Executor(Protocol):
    """Runs bodies. All of it is called on the application's event loop."""

    def free(self) -> int | None:
        """How many more bodies could start right now; None: as many as one likes."""

    def start(self, call: Call, done: Callable[[Ending], None]) -> Body:
        """Start the body and call ``done`` once, on this event loop, when it has ended.

        A body that goes on although it was asked to end and its grace is over is told of as ``stuck``, and its slot is
        free; when it ends after all, ``done`` is called a second time. ``done`` may be called before this returns.
        Whatever the body raises ends up in the `Ending`, also what is no ordinary error: a body does not end the
        application.
        """

    def stop(self) -> None:
        """Let go of everything that is idle. Bodies that cannot be stopped are left to themselves."""
