"""What a test does to a database behind the back of whoever uses it."""

from __future__ import annotations

import asyncpg


async def executed(url: str, *statements: str) -> None:
    """Run these on PostgreSQL, over a connection of its own."""
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()
