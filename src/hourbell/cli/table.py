"""A plain table of text: it reads the same in a terminal, a pipe and a log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_WIDEST = 60
_NARROWEST = 8
_GAP = 2


def table(
    columns: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    *,
    width: int | None = None,
    spared: Sequence[str] = (),
    whole: Sequence[str] = (),
) -> str:
    """The columns under their names, one line a row, cut where they grow too wide.

    Where they do not fit into ``width`` characters together, those in ``spared`` are left out, in that order, until
    they do; then the widest columns are cut, except those in ``whole``; and then each line.
    """
    shown = list(columns)
    lines = _cells(shown, rows)
    for column in spared:
        if width is None or _total(_widths(lines)) <= width:
            break
        shown.remove(column)
        lines = _cells(shown, rows)
    widths = _widths(lines)
    if width is not None:
        free = [place for place, column in enumerate(shown) if column not in whole]
        widths = _narrowed(widths, free, width)
    text = [_line(line, widths) for line in lines]
    return "\n".join(line if width is None else _cut(line, width) for line in text)


def plain(text: str) -> str:
    """The text without control characters: none that is stored may reach the terminal."""
    return text if text.isprintable() else "".join(letter if letter.isprintable() else "?" for letter in text)


def _cells(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    return [tuple(columns), *(tuple(_cell(row.get(column)) for column in columns) for row in rows)]


def _widths(lines: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip(*lines, strict=True)]


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + _GAP * (len(widths) - 1)


def _narrowed(widths: Sequence[int], free: Sequence[int], width: int) -> list[int]:
    """The widths after the widest of the free columns gave way, one character after the other."""
    narrow = list(widths)
    while _total(narrow) > width:
        widest = max(free, key=lambda place: narrow[place], default=None)
        if widest is None or narrow[widest] <= _NARROWEST:
            break
        narrow[widest] -= 1
    return narrow


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return (" " * _GAP).join(_cut(cell, width).ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: max(1, width) - 1]}…"


def _cell(value: Any) -> str:
    if value is None or value == [] or value == {}:
        return "-"
    text = plain(str(value))
    return _cut(text, _WIDEST)
