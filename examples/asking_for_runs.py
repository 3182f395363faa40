"""Runs that requests ask for: later, once however often asked, and with its result waited for."""

from __future__ import annotations

from fastapi import FastAPI

from hourbell import Context, Retry, Scheduler

scheduler = Scheduler()
app = FastAPI(lifespan=scheduler.lifespan)


@scheduler.task(retry=Retry(attempts=5), timeout=30)
async def send_email(to: str, text: str) -> None:
    print(f"to {to}: {text}")


@scheduler.task
def count_words(text: str, context: Context) -> int:
    context.log.info("counting in a thread, attempt %d", context.attempt)
    return len(text.split())


@app.post("/welcome", status_code=202)
async def welcome(to: str) -> dict[str, str]:
    """In a minute; a second request for the same person within the history answers the first one's run."""
    run = await send_email.options(delay=60, key=f"welcome-{to}").enqueue(to=to, text="Welcome")
    return {"run_id": run.id}


@app.get("/words")
async def words(text: str) -> dict[str, int]:
    """Ask for a run and wait for its result, whichever process it is run by."""
    run = await count_words.enqueue(text)
    done = await scheduler.wait(run, timeout=10)
    return {"words": done.result}
