"""What a loop asks SQLite costs its answer and not the backlog: counted in the steps of its machine, not in time."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from hourbell.clock import ManualClock
from hourbell.store.sqlite import SqliteStore
from hourbell.store.statements import load

FEW, MANY = 50, 2_000
DUE, LATER = 1, 10**9
NAMES = ("claiming.places", "claiming.candidates", "watching.next_work", "watching.waiting")
NOW = 1_000_000_000_000_000
ASKED: dict[str, Any] = {
    "now": NOW,
    "node": "n",
    "tasks": json.dumps(["t"]),
    "patience": timedelta(seconds=15) // timedelta(microseconds=1),
    "fires": 10,
    "room": 20,
    "queue": "q",
    "task": "t",
    "suspect": 0,
    "all_suspects": 0,
}


def steps(connection: Any, name: str) -> int:
    """How much of SQLite's machine the statement takes, and that it finds what is there."""
    statement, taken = load("sqlite")[name], 0

    def step() -> None:
        nonlocal taken
        taken += 1

    values = {parameter: ASKED.get(parameter) for parameter in statement.parameters}
    connection.set_progress_handler(step, 20)
    found = connection.execute(statement.text, values).fetchall()
    connection.set_progress_handler(None, 0)
    assert found
    return taken


def filled(connection: Any, until: int, apart: int) -> None:
    """Runs of one place up to this number, the first due long since, each so much later than the one before."""
    made = connection.execute("SELECT count(*) FROM runs").fetchone()[0]
    connection.executemany(
        "INSERT INTO runs (id, task, args, state, origin, run_at, created_at, queue, priority, on_lost, "
        "lost_limit, attempt, failures, losses, awaited, limited) "
        "VALUES (?, 't', '{}', 'queued', 'enqueue', ?, ?, 'q', 0, 'retry', 5, 0, 0, 0, 0, 0)",
        [(f"{number:08}", NOW - 10**9 + number * apart, NOW - 10**9) for number in range(made, until)],
    )


async def test_a_backlog_in_one_place_is_passed_over(sqlite_path: Path) -> None:
    """In SQLite a comparison of rows, `(a, b) > (1, 2)`, begins at the first of the equal ones and reads them all. What
    is for later stands behind what is due, and is not looked through for more of that."""
    store = SqliteStore(sqlite_path, ManualClock())
    await store.open()
    await store.migrate()

    def counted(connection: Any) -> dict[tuple[int, str, int], int]:
        found = {}
        for apart in DUE, LATER:
            connection.execute("DELETE FROM runs")
            for size in FEW, MANY:
                filled(connection, size, apart)
                found.update({(apart, name, size): steps(connection, name) for name in NAMES})
        return found

    taken = await store._sqlite.on("write", counted)
    await store.close()
    for apart in DUE, LATER:
        for name in NAMES:
            assert taken[apart, name, MANY] < 2 * taken[apart, name, FEW] + 50, (name, taken)
