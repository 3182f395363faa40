"""Plans as a node's sessions keep them. EXPLAIN with parameters of its own plans for their values, whatever
``plan_cache_mode`` says; only a prepared statement has the plan that is made once and kept for all values."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from hourbell.store.statements import Statement

MODES = ("force_generic_plan", "force_custom_plan")

COUNTED = "ANALYZE, TIMING OFF"
"""Options for a plan that is executed, so that it says how many rows were read."""


async def plan_of(
    connection: Any,
    statement: Statement,
    asked: Mapping[str, Any],
    *,
    mode: str = "force_generic_plan",
    options: str = "",
) -> dict[str, Any]:
    """The plan of a statement that is prepared in this mode; with ``options`` such as ``ANALYZE`` it is executed."""
    await connection.execute(f"SET plan_cache_mode = {mode}")
    said = await prepared(connection, statement, asked, name="once")
    try:
        return await explained(connection, said, options)
    finally:
        await connection.execute("DEALLOCATE once")


async def prepared(connection: Any, statement: Statement, asked: Mapping[str, Any], *, name: str) -> str:
    """Prepare it, and answer how it is executed with these values; parameters that ``asked`` does not name are null.
    The plan for all values is made by the first to execute it."""
    await connection.execute(f"PREPARE {name} AS {statement.text}")
    values = ", ".join(literal(asked.get(parameter)) for parameter in statement.parameters)
    return f"EXECUTE {name}({values})" if values else f"EXECUTE {name}"


async def explained(connection: Any, said: str, options: str = "") -> dict[str, Any]:
    """The plan of what is executed by these words, see `prepared`."""
    (row,) = await connection.fetch(f"EXPLAIN ({options}{', ' if options else ''}FORMAT JSON) {said}")
    plan: dict[str, Any] = json.loads(row[0])[0]["Plan"]
    return plan


def rows_read(plan: dict[str, Any]) -> int:
    """How many rows of the runs were read, and how many compared in vain, in a plan that was executed."""
    return int(
        sum(
            node["Actual Loops"]
            * (
                (node["Actual Rows"] if node.get("Relation Name") == "runs" else 0)
                + node.get("Rows Removed by Filter", 0)
                + node.get("Rows Removed by Join Filter", 0)
            )
            for node in nodes_of(plan)
        )
    )


def nodes_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes_of(child)


def literal(value: object) -> str:
    """A value as EXECUTE reads it: text, which becomes what the parameter is."""
    if value is None:
        return "NULL"
    text = f"{{{','.join(element(one) for one in value)}}}" if isinstance(value, list) else word(value)
    return "'" + text.replace("'", "''") + "'"


def element(value: object) -> str:
    if value is None:
        return "NULL"
    text = word(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def word(value: object) -> str:
    if isinstance(value, timedelta):
        return f"{value.total_seconds()} seconds"
    return value.isoformat() if isinstance(value, datetime) else str(value)
