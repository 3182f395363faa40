"""An application with twenty schedules, open to everybody."""

from __future__ import annotations

import os

from fastapi import FastAPI

from hourbell import Scheduler
from hourbell.fastapi import api_router, jobs_router

scheduler = Scheduler(os.environ["TYPED_APP_DATABASE"], lease=15, retention=3600)
SCHEDULES = 20


@scheduler.task(name="tick")
async def tick(note: str = "") -> None:
    """Nothing to do."""


for _number in range(SCHEDULES):
    scheduler.every(seconds=1, id=f"tick-{_number:02}", overlap="allow")(tick)

app = FastAPI(lifespan=scheduler.lifespan)
app.include_router(api_router(scheduler, allow_anonymous=True), prefix="/hourbell")
app.include_router(jobs_router(scheduler, allow_anonymous=True), prefix="/schedule")
