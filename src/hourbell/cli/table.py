"""A plain table of text: it reads the same in a terminal, a pipe and a log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_WIDEST = 60


def table(
    columns: Sequence[str], rows: Sequence[Mapping[str, Any]], *, width: int | None = None, spared: Sequence[str] = ()
) -> str:
    """The columns under their names, one line a row, cut where they grow too wide.

    Where they do not fit into ``width`` characters together, those in ``spared`` are left out, in that order, until
    they do; then the last column is cut.
    """
    shown, text = list(columns), _laid_out(columns, rows)
    for column in spared:
        if width is None or _width(text) <= width:
            break
        shown.remove(column)
        text = _laid_out(shown, rows)
    if width is not None:
        text = "\n".join(line if len(line) <= width else f"{line[: width - 1]}…" for line in text.split("\n"))
    return text


def _laid_out(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    lines = [tuple(columns), *(tuple(_cell(row.get(column)) for column in columns) for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def _width(text: str) -> int:
    return max(map(len, text.split("\n")))


def plain(text: str) -> str:
    """The text without control characters: none that is stored may reach the terminal."""
    return text if text.isprintable() else "".join(letter if letter.isprintable() else "?" for letter in text)


def _cell(value: Any) -> str:
    if value is None or value == [] or value == {}:
        return "-"
    text = plain(str(value))
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"
