"""What a node and the child that runs its bodies say to each other: JSON objects, each behind its length.

Each has a ``kind``. Down to the child: ``prepare`` (find this task), ``run``, ``cancel``, ``end``. Up to the node:
``ready`` or ``broken`` after prepare; one of ``returned``, ``unkept``, ``raised``, ``refused`` after run; and between
run and its end as many of other kinds as the body has to say (``progress``, ``line``), each with its run's number.
A body's guards: up ``enter`` and ``leave``, down ``entered`` and ``left``, each with the number of what was asked.
"""

from __future__ import annotations

import json
import os
import select
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Message = dict[str, Any]

_LENGTH = struct.Struct(">I")
_PIECE = 256 * 1024
_LOOK = 0.5
"""Seconds after which somebody who waits for a message looks whether there is anybody left to send it."""


class TooLong(Exception):
    """The other side sent more at once than is taken."""


def framed(kind: str, fields: Mapping[str, Any]) -> bytes:
    """A message as bytes."""
    text = json.dumps({"kind": kind, **fields}).encode("ascii")
    return _LENGTH.pack(len(text)) + text


def write(fd: int, data: bytes) -> None:
    """Write all of it, waiting while the pipe is full. Raises OSError when nobody reads any more."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view[:_PIECE]) :]


def has_room(fd: int) -> bool:
    """True when a short message can be written without waiting."""
    return bool(_poll(fd, select.POLLOUT, 0))


class Reader:
    """Takes messages from a pipe, whole ones only."""

    def __init__(self, fd: int, longest: int) -> None:
        self._fd = fd
        self._longest = longest

    def read(self, go_on: Callable[[], bool] = lambda: True) -> Message | None:
        """The next message; None when the other side is gone, or once ``go_on`` says no. Raises TooLong."""
        head = self._take(_LENGTH.size, go_on)
        if head is None:
            return None
        (length,) = _LENGTH.unpack(head)
        if length > self._longest:
            raise TooLong
        body = self._take(length, go_on)
        if body is None:
            return None
        try:
            message = json.loads(body)
        except ValueError:
            return None
        return message if isinstance(message, dict) and isinstance(message.get("kind"), str) else None

    def _take(self, length: int, go_on: Callable[[], bool]) -> bytes | None:
        taken = bytearray()
        while len(taken) < length:
            if not _poll(self._fd, select.POLLIN, _LOOK):
                if not go_on():
                    return None
                continue
            try:
                piece = os.read(self._fd, min(_PIECE, length - len(taken)))
            except OSError:
                return None
            if not piece:
                return None
            taken += piece
        return bytes(taken)


def _poll(fd: int, event: int, seconds: float) -> bool:
    waiting = select.poll()
    waiting.register(fd, event)
    return bool(waiting.poll(seconds * 1000))
