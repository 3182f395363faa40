"""Bodies that write a row into the application's own table: through their effect, once for a key, or by themselves."""

from __future__ import annotations

import asyncio
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from hourbell import Context, Retry, Scheduler, Task

TABLE = "CREATE TABLE written (run TEXT NOT NULL, attempt INTEGER NOT NULL, task TEXT NOT NULL)"
WRITE = text("INSERT INTO written (run, attempt, task) VALUES (:run, :attempt, :task)")


def make_writers(scheduler: Scheduler, url: str) -> dict[str, Task[..., Any]]:
    """``effect`` commits its row with the success of its run, ``once`` with the word that its key is done; ``plain``
    commits it by itself, as any body could.
    """
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"))

    async def write(session: AsyncSession, context: Context, pause: float) -> None:
        row = {"run": context.run_id, "attempt": context.attempt, "task": context.task}
        await session.execute(WRITE, row)
        await asyncio.sleep(pause)

    @scheduler.task(name="effect")
    async def effect(context: Context, pause: float) -> None:
        async with AsyncSession(engine) as session:
            async with context.effect(session):
                await write(session, context, pause)
            await asyncio.sleep(pause)

    # Who loses its lease of the key hears so by an error: another one may have begun. The next try finds what was done.
    @scheduler.task(name="once", retry=Retry(attempts=5, first=0.5))
    async def once(context: Context, pause: float) -> None:
        """Two schedules fire for each key, so that it is also contended for."""
        assert context.schedule_id is not None
        assert context.fire_at is not None
        key = f"{int(context.schedule_id[-3:]) // 6} {context.fire_at.isoformat()}"
        async with AsyncSession(engine) as session, context.once(key, period="day") as first:
            if first:
                row = {"run": key, "attempt": context.attempt, "task": context.task}
                await session.execute(WRITE, row)
                await asyncio.sleep(pause)
                await first.done(session)
                await session.commit()
                await asyncio.sleep(pause)

    @scheduler.task(name="plain")
    async def plain(context: Context, pause: float) -> None:
        async with AsyncSession(engine) as session:
            await write(session, context, pause)
            await session.commit()
            await asyncio.sleep(pause)

    return {task.name: task for task in (effect, once, plain)}
