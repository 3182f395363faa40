"""The language between scripts and drivers: a call of a named statement, and the rows that come back."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")
_ENCODER = json.JSONEncoder(separators=(",", ":"), sort_keys=True)

Row = Mapping[str, Any]
Script = Generator["Call", Sequence[Row], T]
Begin = Callable[[], Script[T]]
"""Makes the script afresh, so that a transaction that was rolled back can be run again."""


@dataclass(frozen=True, slots=True)
class Call:
    """One statement to run. With ``rows`` it is run for each of them: PostgreSQL binds their columns as arrays in one
    statement, SQLite runs the statement row by row; no rows, no statement. ``:now`` is bound by the driver.

    ``may_fail``: nothing depends on it. Where it cannot be carried out the script goes on as if it had been.
    """

    statement: str
    values: Mapping[str, Any] = field(default_factory=dict)
    rows: Sequence[Mapping[str, Any]] | None = None
    may_fail: bool = False


def call(statement: str, **values: Any) -> Call:
    """A statement with single values."""
    return Call(statement, values)


def batch(statement: str, rows: Sequence[Mapping[str, Any]], **values: Any) -> Call:
    """A statement for many rows at once; ``values`` are the same for all."""
    return Call(statement, values, rows)


def one(statement: str, **values: Any) -> Script[Sequence[Row]]:
    """The script of a single statement; its answer is the rows."""
    return (yield Call(statement, values))


def sent(asked: Call) -> Script[Sequence[Row]]:
    """The script of a call that was made before."""
    return (yield asked)


def to_json(value: Any) -> str:
    """JSON as it is stored: compact, keys in a stable order, no text outside ASCII."""
    return _ENCODER.encode(value)
