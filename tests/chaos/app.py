"""The application under test: a FastAPI application whose schedules, bodies and settings come from a blueprint."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Response

from hourbell import Context, Scheduler, Task
from hourbell.events import RunSucceeded
from hourbell.fastapi import api_router

from .bad import make_bad_bodies
from .blueprint import Blueprint, Planned
from .clocks import WrongClock
from .ledger import LedgerFile
from .rude import make_rude_bodies

logging.basicConfig(level=logging.INFO, format="%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s")


def make_bodies(scheduler: Scheduler, ledger: LedgerFile) -> dict[str, Task[..., Any]]:
    """The bodies by name. Each writes its start and its end."""

    @scheduler.task(name="quick")
    async def quick(context: Context) -> None:
        with ledger.body(context):
            pass

    @scheduler.task(name="quick_sync")
    def quick_sync(context: Context) -> None:
        with ledger.body(context):
            pass

    @scheduler.task(name="long")
    async def long(context: Context, seconds: float) -> None:
        with ledger.body(context):
            await asyncio.sleep(seconds)

    @scheduler.task(name="long_sync")
    def long_sync(context: Context, seconds: float) -> None:
        with ledger.body(context):
            time.sleep(seconds)

    @scheduler.task(name="blocker")
    async def blocker(context: Context, seconds: float) -> None:
        with ledger.body(context):
            time.sleep(seconds)  # noqa: ASYNC251 - blocking the application's loop is what this body is for

    @scheduler.task(name="suicide")
    async def suicide(context: Context, seconds: float) -> None:
        with ledger.body(context):
            await asyncio.sleep(seconds)
            os.kill(os.getpid(), signal.SIGKILL)

    return {task.name: task for task in (quick, quick_sync, long, long_sync, blocker, suicide)}


def make_waiter(scheduler: Scheduler, ledger: LedgerFile, name: str, concurrency: int | None) -> Task[..., Any]:
    """A task whose body sleeps; ``concurrency`` of its runs may run at once, over all processes."""

    @scheduler.task(name=name, concurrency=concurrency)
    async def waiter(context: Context, seconds: float) -> None:
        with ledger.body(context):
            await asyncio.sleep(seconds)

    return waiter


def declare(scheduler: Scheduler, bodies: dict[str, Task[..., Any]], planned: Planned) -> None:
    """Declare one schedule as a decorator would."""
    options = {"id": planned.id, "args": planned.args, **planned.policies}
    if planned.cron is not None:
        decorate = scheduler.cron(planned.cron, planned.timezone, gap=planned.gap, fold=planned.fold, **options)
    else:
        assert planned.seconds is not None
        decorate = scheduler.every(seconds=planned.seconds, start=planned.start, end=planned.end, **options)
    decorate(bodies[planned.body])


def make_app(blueprint: Blueprint) -> FastAPI:
    """The application of this process."""
    if blueprint.plain:
        return with_common_routes(FastAPI())
    if blueprint.deaf:
        become_deaf()
    if blueprint.far:
        go_far()
    if blueprint.freeze_after is not None:
        freeze_after(blueprint.freeze_after, blueprint)
    clock = WrongClock(blueprint.skew, blueprint.clock_file)
    scheduler = Scheduler(blueprint.database, clock=clock, **blueprint.settings)
    ledger = LedgerFile(blueprint.ledger)
    bodies = make_bodies(scheduler, ledger) | make_rude_bodies(scheduler, ledger)
    if blueprint.bad:
        bodies |= make_bad_bodies(scheduler)
    if blueprint.writers:
        from .writers import make_writers  # SQLAlchemy would double what every other start costs

        bodies |= make_writers(scheduler, blueprint.database)
    bodies |= {name: make_waiter(scheduler, ledger, name, most) for name, most in blueprint.waiters.items()}
    for planned in blueprint.schedules:
        declare(scheduler, bodies, planned)
    scheduler.on(RunSucceeded, lambda event: ledger.accepted(event.run))
    app = with_common_routes(FastAPI(lifespan=scheduler.lifespan))
    app.include_router(api_router(scheduler, allow_anonymous=blueprint.is_open or "read"), prefix="/hourbell")

    @app.get("/statements")
    async def statements() -> int:
        """What the store has sent so far. (On SQLite, where one counter serves both threads of a node.)"""
        return scheduler._core.store.statements

    return app


def with_common_routes(app: FastAPI) -> FastAPI:
    """What the harness asks of the application itself."""

    @app.get("/pid")
    async def pid() -> int:
        return os.getpid()

    @app.get("/slow")
    async def slow(response: Response, pid: int, seconds: float) -> int:
        """A slow answer, by the process that is meant; any other refuses at once."""
        if pid != os.getpid():
            response.status_code = 409
        else:
            await asyncio.sleep(seconds)
        return os.getpid()

    return app


def become_deaf() -> None:
    """Let no hint arrive, as behind a transaction pooler."""
    from hourbell.store.postgres import PostgresStore

    async def listen(_: PostgresStore, __: Callable[[], None]) -> None:
        """Hints cannot arrive."""

    PostgresStore.listen = listen  # type: ignore[method-assign]


def go_far() -> None:
    """Say of no process which it is."""
    from hourbell.engine.process_table import ProcessTable

    ProcessTable.own = lambda _: None  # type: ignore[method-assign]


def freeze_after(statement: str, blueprint: Blueprint) -> None:
    """Stop this process right after the answer to a statement, when asked to; its transaction stays open."""
    from hourbell.store.postgres.database import PostgresDatabase

    send = PostgresDatabase.send

    async def sending(self: PostgresDatabase, connection: Any, asked: Any) -> Any:
        found = await send(self, connection, asked)
        # Some statements answer a row also when they found nothing to do: its id is null then. Some that have done all
        # that they were given answer nothing.
        is_done = found[0].get("id", True) is not None if found else bool(asked.rows)
        if asked.statement == statement and is_done and asked_to_freeze():
            if blueprint.freeze_unsynced:
                await connection.prepare(f"SELECT {os.getpid()}")
            # To this very thread, which then takes no step more; a signal to the process may reach it a moment later.
            signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)
        return found

    def asked_to_freeze() -> bool:
        """Only one process gets to remove the file; its own id tells the scenario whom to wake."""
        try:
            blueprint.freeze_file.rename(blueprint.freeze_file.with_name(f"frozen-{os.getpid()}"))
        except FileNotFoundError:
            return False
        return True

    PostgresDatabase.send = sending  # type: ignore[method-assign]


app = make_app(Blueprint.found())
