from fastapi import FastAPI

from hourbell import Scheduler

scheduler = Scheduler()
app = FastAPI(lifespan=scheduler.lifespan)


@scheduler.every(seconds=1)
async def tick() -> None:
    print("tick")
