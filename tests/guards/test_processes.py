"""Work that is done once, by bodies in processes of their own: the node holds it for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.bench import until
from executors import process_bodies as bodies
from guards.conftest import Stranger
from hourbell import Retry, Scheduler
from hourbell.model.guard import GuardHold, GuardKind


async def test_bodies_in_processes_do_it_once(database_url: str, tmp_path: Path) -> None:
    scheduler = Scheduler(database_url, lease=3, poll=0.2, processes=2)
    process = scheduler.task(executor="process", retry=Retry(3, first=0))
    once_async, once_sync, once_busy = (
        process(body) for body in (bodies.once_async, bodies.once_sync, bodies.once_busy)
    )
    async with scheduler.lifespan():
        path = tmp_path / "async"
        runs = [await once_async.enqueue(str(path)) for _ in range(2)]
        told = [(await scheduler.wait(run, timeout=60)).result for run in runs]
        assert sorted(told, key=str) == [[False, {"sent": 7}, True], [True, {"sent": 7}, True]]
        assert path.read_text() == "1\n"
        async with scheduler.once("held"):
            run = await scheduler.wait(await once_busy.enqueue(), timeout=60)
            assert run.result == "busy, and refused"
        failed = await scheduler.wait(await once_sync.enqueue(str(tmp_path / "sync"), fails=True), timeout=60)
        assert (failed.result, failed.attempt) == ([True, {"sent": 7}, True], 2)
        assert (tmp_path / "sync").read_text() == "1\n2\n"


@pytest.mark.slow
async def test_what_a_process_held_that_died_is_free_at_once(database_url: str, tmp_path: Path) -> None:
    # A lease that is longer than the test waits: its node sees the death, and nobody has to wait for the lease.
    scheduler = Scheduler(database_url, lease=300, poll=0.2, processes=1)
    once_sync = scheduler.task(executor="process", retry=Retry(3, first=0))(bodies.once_sync)
    async with scheduler.lifespan():
        run = await scheduler.wait(await once_sync.enqueue(str(tmp_path / "sync"), dies=True), timeout=60)
        assert (run.state, run.result, run.attempt) == ("succeeded", [True, {"sent": 7}, True], 2)
    assert (tmp_path / "sync").read_text() == "1\n2\n"


@pytest.mark.slow
async def test_a_body_whose_work_was_taken_over_is_cancelled_in_its_process(database_url: str, tmp_path: Path) -> None:
    scheduler = Scheduler(database_url, lease=3, poll=0.2, processes=1)
    once_lost = scheduler.task(executor="process")(bodies.once_lost)
    async with scheduler.lifespan():
        run = await once_lost.enqueue(str(tmp_path / "fence"))
        await until((tmp_path / "fence").exists)
        store = scheduler._core.store
        guard = await store.look_at_guard(GuardKind.ONCE, "mail", "always")
        assert guard is not None

        class Held:
            _held = type("_", (), {"hold": GuardHold(kind=guard.kind, name=guard.name, period=guard.period,
                                                     owner=guard.owner, fence=guard.fence)})  # fmt: skip

        await Stranger(store).takes(Held)
        assert (await scheduler.wait(run, timeout=60)).result == "lost"
