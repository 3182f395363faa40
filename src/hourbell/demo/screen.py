"""The terminal: lines that scroll by, and on a terminal one line that stays below them."""

from __future__ import annotations

import shutil
import textwrap
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from datetime import datetime

    from hourbell.demo.entry import Entry

_USUAL = 80
_LEAST = 60
_NAME = 14
_CLEAR = "\r\033[K"


class Screen:
    """Writes to a stream. Where that is no terminal, the standing line is written now and then as a plain one."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._terminal = stream.isatty()
        self._standing = ""
        self.gone = False
        """True once nobody reads any more, as after ``| head``."""

    @property
    def is_terminal(self) -> bool:
        """Whether the standing line can be redrawn in place."""
        return self._terminal

    def line(self, text: str = "") -> None:
        """Write one line above the standing one."""
        if self._terminal:
            self._put(f"{_CLEAR}{text}\n{self._standing}")
        else:
            self._put(f"{text}\n")

    def standing(self, text: str) -> None:
        """Replace the line that stands below the others."""
        if not self._terminal:
            self._put(f"{text}\n")
        elif text != self._standing:
            self._standing = text
            self._put(f"{_CLEAR}{text}")

    def drop_standing(self) -> None:
        """Take the standing line away: what follows are plain lines."""
        if self._standing:
            self._put(_CLEAR)
            self._standing = ""

    def _put(self, text: str) -> None:
        if self.gone:
            return
        try:
            self._stream.write(text)
            self._stream.flush()
        except BrokenPipeError:
            self.gone = True

    def paragraph(self, text: str, indent: str = "") -> None:
        """Write a text in as many lines as it takes."""
        for line in textwrap.wrap(text, _width() - len(indent), break_on_hyphens=False) or [""]:
            self.line(f"{indent}{line}")

    def row(self, at: datetime, name: str, what: str, where: str) -> None:
        """Write one line of columns, cut to the width of the terminal."""
        begin = f"{clock_time(at)}  {name[:_NAME]:{_NAME}}  "
        room = _width() - len(begin) - len(where) - 2
        if len(what) > room:
            what = what[: room - 1] + "…"
        self.line(f"{begin}{what:{room}}  {where}".rstrip())


def _width() -> int:
    # The last column stays free: some terminals break the line when it is used.
    return max(shutil.get_terminal_size((_USUAL, 24)).columns, _LEAST) - 1


def clock_time(instant: datetime) -> str:
    """Hours, minutes and seconds in the zone of this machine, and which offset that is."""
    local = instant.astimezone()
    offset = local.strftime("%z")
    zone = "UTC" if offset == "+0000" else f"{offset[:3]}:{offset[3:5]}"
    return f"{local:%H:%M:%S} {zone}"


def name_of(entry: Entry) -> str:
    """What to call it: its schedule, else its task."""
    return entry.schedule or entry.task.rpartition(":")[2]


def printable(text: str) -> str:
    """The text with nothing in it that a terminal would obey: it may come from a request."""
    return "".join(sign if sign.isprintable() else "·" for sign in text)
