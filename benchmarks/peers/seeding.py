"""Many schedules at once: copies of one row, made by the database itself."""

from __future__ import annotations

import sqlite3


async def copies(url: str, count: int, apart: float) -> None:
    """Copy the schedule ``copy-0`` so many times, each due ``apart`` seconds after the one before."""
    if url.startswith("sqlite"):
        _in_sqlite(url.removeprefix("sqlite:///"), count)
        return
    import asyncpg

    connection = await asyncpg.connect(url)
    columns = await connection.fetch(
        "SELECT column_name AS name FROM information_schema.columns WHERE table_schema = 'hourbell' "
        "AND table_name = 'schedules' AND is_generated = 'NEVER' AND column_name NOT IN ('id', 'next_fire_at')"
    )
    names = ", ".join(row["name"] for row in columns)
    await connection.execute(
        f"INSERT INTO hourbell.schedules (id, next_fire_at, {names}) "
        f"SELECT 'copy-' || n, s.next_fire_at + make_interval(secs => n * {apart}), {names} "
        f"FROM hourbell.schedules s CROSS JOIN generate_series(1, {count}) AS n WHERE s.id = 'copy-0'",
        timeout=600,
    )
    await connection.execute("VACUUM (ANALYZE) hourbell.schedules", timeout=600)
    await connection.close()


def _in_sqlite(path: str, count: int) -> None:
    connection = sqlite3.connect(path)
    names = ", ".join(row[1] for row in connection.execute("PRAGMA table_info(schedules)") if row[1] != "id")
    connection.execute(
        f"WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count}) "
        f"INSERT INTO schedules (id, {names}) SELECT 'copy-' || n, {names} FROM schedules, numbers WHERE id = 'copy-0'"
    )
    connection.commit()
    connection.close()
