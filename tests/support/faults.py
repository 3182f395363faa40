"""Breaking a store at one exact point of a verb: before or after a statement, before or after the commit.

The connection is cut as a dying process or network would cut it, so the database decides by itself what becomes of the
open transaction. What was decided is not known to the caller: it gets `StoreUnavailable`, as after a lost answer.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from hourbell.errors import StoreUnavailable

Moment = Literal["before", "after"]


@dataclass(frozen=True)
class Point:
    """Where to break: the ``nth`` time that ``step`` comes (a statement's name, or ``commit``), and on which side."""

    step: str
    moment: Moment
    nth: int = 1

    def __str__(self) -> str:
        return f"{self.moment}-{self.step}-{self.nth}"


@dataclass
class Faults:
    """Watches every step of a store's driver; armed with a point it cuts the connection there, once."""

    seen: list[str] = field(default_factory=list)
    armed: Point | None = None
    struck: bool = False
    counts: dict[str, int] = field(default_factory=dict)

    def arm(self, point: Point) -> None:
        self.armed, self.struck, self.counts = point, False, {}

    def hits(self, step: str, moment: Moment) -> bool:
        if moment == "before":
            self.seen.append(step)
            self.counts[step] = self.counts.get(step, 0) + 1
        point = self.armed
        if point is None or self.struck:
            return False
        self.struck = point == Point(step, moment, self.counts[step])
        return self.struck


def install(store: Any) -> Faults:
    """Put faults between a SQL store and its database."""
    faults = Faults()
    if hasattr(store, "_postgres"):
        _install_postgres(store._postgres, faults)
    else:
        _install_sqlite(store._sqlite, faults)
    return faults


def _install_postgres(database: Any, faults: Faults) -> None:
    send, bracket = database.send, database._bracket

    async def broken(step: str, connection: Any, go: Callable[[], Any]) -> Any:
        if faults.hits(step, "before"):
            connection.terminate()
            raise ConnectionResetError(f"cut before {step}")
        answer = await go()
        if faults.hits(step, "after"):
            connection.terminate()
            raise ConnectionResetError(f"cut after {step}")
        return answer

    async def broken_send(connection: Any, asked: Any) -> Any:
        if asked.rows is not None and not asked.rows:
            return ()
        return await broken(asked.statement, connection, lambda: send(connection, asked))

    async def broken_bracket(connection: Any, text: str) -> None:
        if text != "COMMIT":
            return await bracket(connection, text)
        return await broken("commit", connection, lambda: bracket(connection, text))

    database.send, database._bracket = broken_send, broken_bracket


def _install_sqlite(database: Any, faults: Faults) -> None:
    send, bracket = database.send, database._bracket

    def broken(step: str, connection: sqlite3.Connection, go: Callable[[], Any]) -> Any:
        if faults.hits(step, "before"):
            raise StoreUnavailable(f"cut before {step}")
        answer = go()
        if faults.hits(step, "after"):
            raise StoreUnavailable(f"cut after {step}")
        return answer

    def broken_send(connection: sqlite3.Connection, asked: Any, now: Any) -> Any:
        if asked.rows is not None and not asked.rows:
            return []
        return broken(asked.statement, connection, lambda: send(connection, asked, now))

    def broken_bracket(connection: sqlite3.Connection, name: str) -> None:
        if name != "transaction.commit":
            return bracket(connection, name)
        return broken("commit", connection, lambda: bracket(connection, name))

    database.send, database._bracket = broken_send, broken_bracket
