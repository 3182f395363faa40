"""Plans as a node's sessions keep them. EXPLAIN with parameters of its own plans for their values, whatever
``plan_cache_mode`` says; only a prepared statement has the plan that is made once and kept for all values."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from hourbell.store.statements import Statement

MODES = ("force_generic_plan", "force_custom_plan")


async def plan_of(
    connection: Any,
    statement: Statement,
    asked: Mapping[str, Any],
    *,
    mode: str = "force_generic_plan",
    options: str = "",
) -> dict[str, Any]:
    """The plan of a statement that is prepared in this mode; parameters that ``asked`` does not name are null.
    With ``options`` such as ``ANALYZE`` it is executed."""
    await connection.execute(f"SET plan_cache_mode = {mode}")
    await connection.execute(f"PREPARE asked AS {statement.text}")
    try:
        values = ", ".join(literal(asked.get(name)) for name in statement.parameters)
        said = f"EXECUTE asked({values})" if statement.parameters else "EXECUTE asked"
        (row,) = await connection.fetch(f"EXPLAIN ({options}{', ' if options else ''}FORMAT JSON) {said}")
    finally:
        await connection.execute("DEALLOCATE asked")
    plan: dict[str, Any] = json.loads(row[0])[0]["Plan"]
    return plan


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
