"""What a body in a child says while it runs: sent up to the node, which takes it down as it does for its own bodies."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from hourbell.context import notebook_of
from hourbell.model.progress import note_of, number_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from hourbell.context import Context
    from hourbell.executors.process.pipe import Message

_LONGEST = 8_000
_EVERY = 0.1
"""Seconds between two words on progress: the node writes less often, and a body must not wait for the pipe."""


class Saying:
    """The child's side: a notebook that writes nothing down and sends everything up."""

    def __init__(self, number: int, level: int | None, send: Callable[[str, dict[str, Any]], None]) -> None:
        self.level = level if level is not None else 1_000_000
        self._number = number
        self._wanted = level is not None
        self._send = send
        self._held: dict[str, Any] | None = None
        self._next = 0.0

    def progress(self, context: Context, done: object, total: object, note: object) -> None:
        """Send how far the body has come, now or with the next word; what is no number is left out."""
        if self._wanted:
            said = {"done": number_of(done), "total": number_of(total), "note": note_of(note, _LONGEST)}
            self._held = {"run": self._number, **said}
            if time.monotonic() >= self._next:
                self.flush()

    def flush(self) -> None:
        """Send the last word on progress; nothing may be held back once the body has ended."""
        held, self._held = self._held, None
        if held is not None:
            self._next = time.monotonic() + _EVERY
            self._send("progress", held)

    def line(self, context: Context, level: int, logger: str, message: str) -> None:
        """Send what the body has logged."""
        if self._wanted:
            self._send(
                "line",
                {"run": self._number, "level": level, "logger": logger[:200], "message": message[: 2 * _LONGEST]},
            )

    def over(self) -> None:
        """The body is over: what it left behind says nothing any more."""
        self._wanted = False


def take_down(context: Context, message: Message) -> None:
    """The node's side: what a child sent, as if the body had said it here. Unknown kinds are passed over."""
    notebook = notebook_of(context)
    if notebook is None:
        return
    if message["kind"] == "progress":
        notebook.progress(context, message.get("done"), message.get("total"), message.get("note"))
    elif message["kind"] == "line":
        level, logger, text = (message.get(name) for name in ("level", "logger", "message"))
        if isinstance(level, int) and isinstance(logger, str) and isinstance(text, str):
            notebook.line(context, level, logger, text)
