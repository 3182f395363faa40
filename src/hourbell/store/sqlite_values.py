"""Between Python values and SQLite's: instants and durations are whole microseconds, lists are JSON.

A column holds an instant when its name ends in ``_at``, ``_until`` or ``_by``.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)
_INSTANTS = ("_at", "_until", "_by")


def stored(value: Any) -> Any:
    """A value as SQLite takes it."""
    if isinstance(value, datetime):
        return (value - _EPOCH) // _TICK
    if isinstance(value, timedelta):
        return value // _TICK
    if isinstance(value, list | tuple):
        return json.dumps(_listed(value))
    return value


def _listed(values: list[Any] | tuple[Any, ...]) -> list[Any]:
    return [_listed(value) if isinstance(value, list | tuple) else stored(value) for value in values]


def _instant(value: Any) -> Any:
    return None if value is None else _EPOCH + timedelta(microseconds=value)


def _as_is(value: Any) -> Any:
    return value


def restored(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row that another driver has read, with the values that it stands for."""
    return {name: _instant(value) if name.endswith(_INSTANTS) else value for name, value in row.items()}


def rows(cursor: sqlite3.Cursor) -> list[dict[str, Any]]:
    """All rows of a cursor, each a mapping from column to Python value. The first of two columns of a name wins."""
    found = cursor.fetchall()
    if not found:
        return []
    columns: list[tuple[str, Callable[[Any], Any]]] = [
        (column[0], _instant if column[0].endswith(_INSTANTS) else _as_is) for column in cursor.description
    ]
    return [{name: read(value) for (name, read), value in zip(columns, row, strict=True)} for row in found]
