"""The application of the demo: what applications have, each in a few lines. Its documentation is at ``/docs``."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated

from fastapi import FastAPI, Query, Request
from fastapi.responses import JSONResponse

from hourbell import Context, Retry, Scheduler, StoreUnavailable
from hourbell.demo.journal import Journal
from hourbell.fastapi import api_router

# The database is the one of HOURBELL_DATABASE_URL. Every fire gets its run, however late and whatever still runs: the
# demo counts them. A short lease, so that one need not wait long for the runs of a killed process.
scheduler = Scheduler(lease=5, catch_up="all", overlap="allow")
journal = Journal.from_environment(scheduler.clock)

app = FastAPI(title="Hourbell demo", lifespan=scheduler.lifespan)
app.include_router(api_router(scheduler, allow_anonymous="read"), prefix="/hourbell")


@scheduler.every(seconds=1, id="heartbeat")
async def heartbeat() -> None:
    """Fires every second, on whichever process is first."""
    with journal.attempt():
        pass


@scheduler.cron("* * * * *", id="every-minute")
async def every_minute() -> None:
    """A cron expression: at second 0 of each minute."""
    with journal.attempt() as remark:
        remark.text = "the minute is full"


@scheduler.cron("0 3 * * *", timezone="Europe/Berlin", id="nightly-report")
async def nightly_report() -> dict[str, int]:
    """At three in the morning in Berlin, summer and winter; and whenever somebody asks for it."""
    with journal.attempt() as remark:
        await asyncio.sleep(1)
        remark.text = "written: 128 orders"
        return {"orders": 128}


@scheduler.every(seconds=10, id="clean-up")
def clean_up() -> None:
    """A plain function: it runs in a thread, so that what blocks holds up nobody."""
    with journal.attempt() as remark:
        time.sleep(0.2)
        remark.text = "removed 3 old sessions"


@scheduler.every(seconds=6, id="flaky-call", retry=Retry(attempts=5, first=1, jitter=False))
async def flaky_call(context: Context) -> None:
    """Somebody else's service, that answers at the third try. Each try may be on another process."""
    with journal.attempt() as remark:
        if context.attempt < 3:
            raise ConnectionError("no answer")
        remark.text = "answered"


@scheduler.task(name="send-email", retry=Retry(attempts=5))
async def send_email(user_id: str, message: str) -> None:
    """What the request below asks for."""
    with journal.attempt() as remark:
        await asyncio.sleep(0.1)
        remark.text = f"to {user_id}: {message}"


@app.put("/send_email_notification", status_code=202)
async def send_email_notification(
    user_id: Annotated[str, Query(min_length=1, max_length=100)],
    message: Annotated[str, Query(max_length=1000)],
) -> dict[str, str]:
    """Send an e-mail in ten seconds. The answer comes at once: when it is there, the run survives any crash."""
    run = await send_email.options(delay=10).enqueue(user_id=user_id, message=message)
    return {"run_id": run.id}


@app.post("/reports/nightly", status_code=202)
async def write_report_now() -> dict[str, str]:
    """Write the nightly report now, besides its nightly fires."""
    run = await scheduler.trigger_schedule("nightly-report")
    return {"run_id": run.id}


@app.exception_handler(StoreUnavailable)
async def database_is_away(request: Request, error: Exception) -> JSONResponse:
    """Nothing was half done: the client may ask again."""
    return JSONResponse({"detail": str(error)}, status_code=503)
