"""An application whose tasks take arguments of every kind, open to everybody: what a fuzzer is let loose on."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Literal
from uuid import UUID

from fastapi import FastAPI
from pydantic import BaseModel

from hourbell import Context, Every, Scheduler
from hourbell.fastapi import api_router, event_stream, jobs_router


class Color(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Size:
    width: int
    height: int = 1


class Order(BaseModel):
    number: int
    placed_at: datetime
    lines: list[Size] = []


scheduler = Scheduler(os.environ["TYPED_APP_DATABASE"], lease=15)
event_stream.LONGEST = 0.1  # a stream would go on for an hour, and the fuzzer waits for its end


@scheduler.task(name="plain")
async def plain() -> int:
    return 1


@scheduler.task(name="send")
async def send(to: str, copies: int = 1, mode: Literal["fast", "slow"] = "fast") -> str:
    return to * min(copies, 3)


@scheduler.task(name="rich", retry=2)
async def rich(
    context: Context,
    at: datetime,
    day: date,
    who: UUID,
    price: Decimal,
    color: Color,
    size: Size,
    order: Order | None = None,
    wait: timedelta = timedelta(0),
    tags: set[str] = frozenset(),  # type: ignore[assignment]
) -> Order | None:
    context.log.info("%s", who)
    return order


@scheduler.task(name="bad")
def bad(message: str = "no") -> None:
    raise ValueError(message)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """With schedules and runs to begin with, so that much of what is asked for is there."""
    async with scheduler.lifespan(app):
        for number in range(5):
            await scheduler.add_schedule("send", Every(hours=1), id=f"s{number}", args={"to": "x"}, overlap="allow")
        for number in range(40):
            await (send if number % 3 else bad).options(delay=0 if number % 2 else 3600).enqueue(f"{number}")
        yield


app = FastAPI(lifespan=lifespan)
app.include_router(api_router(scheduler, allow_anonymous=True), prefix="/hourbell")
app.include_router(jobs_router(scheduler, allow_anonymous=True), prefix="/jobs-of")
