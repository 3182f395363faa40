"""What a type checker must know of tasks. Checked by mypy, never run: an ignore that is not needed is an error too."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import assert_type

from hourbell import At, Context, Cron, Every, Retry, Run, Schedule, Scheduler, current_run
from hourbell.events import RunFailed

scheduler = Scheduler("memory://", lease=3, retry=Retry(attempts=2), grace=60)
Scheduler("memory://", leese=3)  # type: ignore[call-arg]


@scheduler.task
async def plain(report_id: int, note: str = "") -> str:
    return note * report_id


@scheduler.task(name="with-options", retry=3, timeout=60)
def with_options(size: float) -> list[float]:
    return [size]


@scheduler.cron("0 9 * * mon-fri", timezone="Europe/Berlin", id="morning", args={"segment": "all"})
@scheduler.every(minutes=10, overlap="allow")
async def stacked(segment: str = "all") -> int:
    return len(segment)


@scheduler.at(datetime(2030, 1, 1, tzinfo=UTC))
def with_context(context: Context, count: int = 1) -> int:
    return count + context.attempt


@scheduler.task
async def with_context_bare(context: Context, count: int) -> None: ...


@scheduler.task(retries=3)  # type: ignore[call-overload, untyped-decorator]
def unknown_policy() -> None: ...


@scheduler.every(minutes=1, overlap="sometimes")  # type: ignore[arg-type]
def wrong_policy() -> None: ...


async def use() -> None:
    assert_type(await plain(3, note="x"), str)
    assert_type(with_options(1.5), list[float])
    assert_type(await stacked("eu"), int)

    assert_type(await plain.enqueue(3, note="x"), Run)
    await plain.enqueue("three")  # type: ignore[arg-type]
    await plain.enqueue()  # type: ignore[call-arg]
    await plain.enqueue(3, nota="x")  # type: ignore[call-arg]

    later = plain.options(run_at=datetime.now(UTC), key="once", priority=1, queue="slow")
    assert_type(await later.enqueue(report_id=3), Run)
    await later.enqueue(report_id="three")  # type: ignore[arg-type]
    plain.options(run_at="tomorrow")  # type: ignore[arg-type]

    assert_type(await with_context.enqueue(count=2), Run)
    await with_context_bare.enqueue(2)
    await with_context_bare.enqueue()  # type: ignore[call-arg]
    context = current_run()
    if context is not None:
        assert_type(with_context(context, 2), int)

    assert_type(await scheduler.add_schedule(plain, Every(hours=1), args={"report_id": 1}, grace=5), Schedule)
    await scheduler.add_schedule(plain, At(datetime.now(UTC)), on_conflict="sometimes")  # type: ignore[arg-type]
    assert_type(await scheduler.wait(await plain.enqueue(1), timeout=5), Run)
    assert_type((await scheduler.list_runs())[0], Run)
    assert_type([schedule.id for schedule in await scheduler.list_schedules()], list[str])
    assert_type(await scheduler.preview(Cron("@daily"), 3), list[datetime])


def hear(event: RunFailed) -> None: ...


async def hear_later(event: RunFailed) -> None: ...


def hear_other(event: int) -> None: ...


scheduler.on(RunFailed, hear)
scheduler.on(RunFailed, hear_later)
scheduler.on(RunFailed, hear_other)  # type: ignore[arg-type]
