"""A small shop: what applications have to do beside answering requests, on the database that they have.

    pip install hourbell "sqlalchemy[asyncio]" aiosqlite httpx
    uvicorn main:app --workers 2

A nightly report that can be asked for, a clean-up, an e-mail that is sent if and only if the order is stored, a
synchronisation with a service that fails at times, and computing in a process of its own.
"""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import httpx
from fastapi import Depends, FastAPI
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from hourbell import Context, Retry, Scheduler
from hourbell.fastapi import TrackingMiddleware, api_router

STOCK_URL = os.environ.get("STOCK_URL", "http://127.0.0.1:9/stock")
INVOICES = Path("invoices")
ORDERS = "CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, email TEXT NOT NULL, total INTEGER NOT NULL)"

engine = create_async_engine(os.environ.get("SHOP_DATABASE_URL", "sqlite+aiosqlite:///shop.db"))
new_session = async_sessionmaker(engine)
scheduler = Scheduler(engine, retention_failed=90 * 86400)
log = logging.getLogger("shop")


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with engine.begin() as connection:
        await connection.execute(text(ORDERS))
    async with scheduler.lifespan(app):
        yield
    await engine.dispose()


async def a_session() -> AsyncIterator[AsyncSession]:
    async with new_session() as session:
        yield session


app = FastAPI(title="Shop", lifespan=lifespan)
app.add_middleware(TrackingMiddleware)
app.include_router(api_router(scheduler, allow_anonymous="read"), prefix="/hourbell")
Session = Annotated[AsyncSession, Depends(a_session)]


@scheduler.cron("0 2 * * *", timezone="Europe/Berlin", id="nightly-report", catch_up="latest")
async def report_orders() -> dict[str, int]:
    """At two in the morning, also on the nights when the clock changes; the result stays in the history."""
    async with new_session() as session:
        orders, total = (await session.execute(text("SELECT count(*), coalesce(sum(total), 0) FROM orders"))).one()
    return {"orders": orders, "total": total}


@scheduler.every(hours=1, id="clean-up")
def remove_old_invoices() -> int:
    """A plain function: it runs in a thread, so it may take its time."""
    old = [path for path in INVOICES.glob("*.txt") if path.stat().st_mtime < time.time() - 86400]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


@scheduler.every(minutes=5, id="stock", retry=Retry(attempts=3, first=0.5, on=(httpx.TransportError,)), timeout=20)
async def synchronise_stock(context: Context) -> int:
    """The warehouse is not always there: tried again, and its failures stay to be looked at."""
    context.log.info("asking the warehouse, attempt %d", context.attempt)
    async with httpx.AsyncClient() as client:
        answer = await client.get(STOCK_URL, timeout=10)
    answer.raise_for_status()
    return len(answer.json())


@scheduler.task(retry=Retry(attempts=5))
async def send_receipt(order_id: int, context: Context) -> str:
    """A real mail service is given ``context.run_id`` as its key, for a body may start a second time."""
    async with new_session() as session:
        email = await session.scalar(text("SELECT email FROM orders WHERE id = :id"), {"id": order_id})
    log.info("receipt for order %d sent to %s (key %s)", order_id, email, context.run_id)
    return str(email)


@scheduler.task(executor="process", timeout=60, concurrency=2)
def write_invoice(order_id: int, rounds: int = 20_000) -> str:
    """Computes for a while: in a process of its own, where it holds up nobody, and two at once over all nodes."""
    seal = hashlib.pbkdf2_hmac("sha256", str(order_id).encode(), b"shop", rounds).hex()[:16]
    INVOICES.mkdir(exist_ok=True)
    (INVOICES / f"{order_id}.txt").write_text(f"Order {order_id}\nSeal {seal}\n", encoding="utf-8")
    return seal


@app.post("/orders", status_code=201)
async def order(email: str, total: int, session: Session) -> dict[str, object]:
    """The order and the run that sends its receipt are stored together, or neither is."""
    row = await session.execute(
        text("INSERT INTO orders (email, total) VALUES (:email, :total) RETURNING id"), {"email": email, "total": total}
    )
    order_id = row.scalar_one()
    run = await send_receipt.options(session=session).enqueue(order_id)
    await session.commit()
    return {"order": order_id, "receipt": run.id}


@app.post("/orders/{order_id}/invoice", status_code=202)
async def invoice(order_id: int) -> dict[str, str]:
    """However often it is asked for, one run writes it."""
    run = await write_invoice.options(key=f"invoice-{order_id}").enqueue(order_id)
    return {"run": run.id}


@app.post("/report", status_code=202)
async def report_now() -> dict[str, str]:
    return {"run": (await scheduler.trigger_schedule("nightly-report")).id}


@app.post("/stock", status_code=202)
async def stock_now() -> dict[str, str]:
    return {"run": (await scheduler.trigger_schedule("stock")).id}
