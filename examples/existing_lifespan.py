"""An application that has a lifespan already: be a node inside it, after what the bodies need is there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from hourbell import Scheduler

scheduler = Scheduler()


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.greeting = "hello"
    async with scheduler.lifespan(app):
        yield  # bodies end before what they use is taken away


app = FastAPI(lifespan=lifespan)


@scheduler.every(seconds=1)
async def greet() -> None:
    print(app.state.greeting)
