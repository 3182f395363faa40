"""A thousand runs at once, in the loop, in threads and in processes: each line and each child knows its own request."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import time

import pytest

from executors import process_bodies as bodies
from hourbell import Scheduler
from hourbell.observability import JsonFormatter, QueuedHandler
from hourbell.tracking import current_tracking_id, tracked

LOOP, THREADS, PROCESSES = 600, 376, 24
log = logging.getLogger("interleaved")


@pytest.mark.slow
async def test_a_thousand_interleaved_runs_keep_their_ids() -> None:
    stream = io.StringIO()
    target = logging.StreamHandler(stream)
    target.setFormatter(JsonFormatter())
    queued = QueuedHandler(target)
    log.addHandler(queued)
    log.setLevel(logging.INFO)
    scheduler = Scheduler("memory://", poll=0.2, threads=20, processes=2, max_runs=200)

    @scheduler.task
    async def child(mine: str) -> str | None:
        log.info("%s", mine)
        return current_tracking_id()

    @scheduler.task
    async def loop(mine: str) -> str | None:
        for _ in range(3):
            log.info("%s", mine)
            await asyncio.sleep(0)
        await child.enqueue(mine)
        return current_tracking_id()

    @scheduler.task
    def thread(mine: str) -> str | None:
        for _ in range(3):
            log.info("%s", mine)
            time.sleep(0.0005)
        return current_tracking_id()

    process = scheduler.task(executor="process")(bodies.tracking)
    try:
        async with scheduler.lifespan():
            wanted = [loop] * LOOP + [thread] * THREADS + [process] * PROCESSES
            asked = []
            for number, task in enumerate(sorted(wanted, key=lambda task: hash((task.name, id(task))) % 7)):
                with tracked(f"request-{number}"):
                    asked.append((f"request-{number}", await task.enqueue(f"request-{number}")))
            for mine, run in asked:
                ended = await scheduler.wait(run, timeout=120)
                assert (ended.tracking_id, ended.result) == (mine, mine)
            for mine, run in asked[::50]:
                chain = await scheduler.list_runs(tracking_id=mine)
                assert {one.tracking_id for one in chain} == {mine}
                assert {one.parent for one in chain} <= {None, run.id}
    finally:
        log.removeHandler(queued)
        log.setLevel(logging.NOTSET)
        queued.close()
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    strangers = [line for line in lines if line["tracking_id"] != line["message"]]
    assert not strangers, strangers[:3]
    assert len(lines) >= 3 * (LOOP + THREADS)
