"""Every verb that changes something leaves an entry in the audit, with who did it; nothing else does."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from hourbell import AuditEntry, Calendar, Every, InvalidArguments, Scheduler
from hourbell.acting import acting, current_actor
from hourbell.model.audit import Action
from hourbell.tracking import tracked

START = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
async def scheduler() -> AsyncIterator[Scheduler]:
    made = Scheduler("memory://")

    @made.task(name="t")
    async def task(number: int = 0) -> None: ...

    async with made:
        await made.add_schedule("t", Every(hours=1, start=START), id="s")
        yield made


async def audited(scheduler: Scheduler, go: Callable[[], Awaitable[Any]]) -> list[AuditEntry]:
    """The entries that this left, oldest first."""
    known = {entry.id for entry in await scheduler.list_audit(limit=1000)}
    await go()
    return [entry for entry in await scheduler.list_audit(limit=1000) if entry.id not in known][::-1]


async def resume(scheduler: Scheduler) -> None:
    await scheduler.pause_schedule("s")
    await scheduler.resume_schedule("s")


async def remove_calendar(scheduler: Scheduler) -> None:
    await scheduler.add_calendar("c", Calendar(days=["2030-12-25"]))
    await scheduler.remove_calendar("c")


async def cancel(scheduler: Scheduler) -> str:
    (task,) = await scheduler.list_tasks()
    run = await task.enqueue()
    await scheduler.cancel_run(run.id)
    return run.id


async def retry(scheduler: Scheduler) -> None:
    await scheduler.retry_run(await cancel(scheduler))


async def retry_many(scheduler: Scheduler) -> None:
    await cancel(scheduler)
    await scheduler.retry_runs(state="cancelled")


async def backfill(scheduler: Scheduler) -> None:
    await scheduler.backfill_schedule("s", START, START + timedelta(hours=600))


# What each verb does here, and what stands in the audit then.
DONE: dict[str, tuple[Callable[[Scheduler], Awaitable[Any]], list[str]]] = {
    "add_schedule": (lambda s: s.add_schedule("t", Every(hours=2), id="new"), ["add schedule new"]),
    "update_schedule": (lambda s: s.update_schedule("s", args={"number": 2}), ["update schedule s"]),
    "pause_schedule": (lambda s: s.pause_schedule("s", note="why"), ["pause schedule s"]),
    "resume_schedule": (resume, ["pause schedule s", "resume schedule s"]),
    "remove_schedule": (lambda s: s.remove_schedule("s"), ["remove schedule s"]),
    "trigger_schedule": (lambda s: s.trigger_schedule("s"), ["trigger schedule s"]),
    "backfill_schedule": (backfill, ["backfill schedule s"] * 2),
    "add_calendar": (lambda s: s.add_calendar("c", Calendar(days=["2030-12-25"])), ["add calendar c"]),
    "remove_calendar": (remove_calendar, ["add calendar c", "remove calendar c"]),
    "cancel_run": (cancel, ["cancel run"]),
    "retry_run": (retry, ["cancel run", "retry run"]),
    "retry_runs": (retry_many, ["cancel run", "retry run"]),
}


def test_every_verb_is_thought_of() -> None:
    """A verb that is new, and named for an action, stands above with what it leaves."""
    verbs = {name for name, _ in inspect.getmembers(Scheduler) if name.partition("_")[0] in set(Action)}
    assert verbs - {"add_middleware"} == DONE.keys()


@pytest.mark.parametrize("verb", DONE)
async def test_a_verb_leaves_its_entry(scheduler: Scheduler, verb: str) -> None:
    go, expected = DONE[verb]
    with acting("anna"), tracked("request-1"):
        entries = await audited(scheduler, lambda: go(scheduler))
    assert [
        f"{e.action} {e.subject} {e.subject_id}"[: len(want)] for e, want in zip(entries, expected, strict=True)
    ] == expected
    assert {(entry.actor, entry.tracking_id) for entry in entries} == {("anna", "request-1")}


def test_every_action_is_seen() -> None:
    assert {told.split()[0] for _, expected in DONE.values() for told in expected} == set(Action)


async def test_who_acts_is_known_inside_the_block_only(scheduler: Scheduler) -> None:
    with acting("anna"):
        with acting("bert"):
            assert current_actor() == "bert"
        assert current_actor() == "anna"
    (entry,) = await audited(scheduler, lambda: scheduler.pause_schedule("s"))
    assert entry.actor is None


async def test_a_run_that_acts_is_named() -> None:
    scheduler = Scheduler("memory://")

    @scheduler.task
    async def meddle() -> None:
        await scheduler.pause_schedule("s")

    async with scheduler.lifespan():
        await scheduler.add_schedule(meddle, Every(hours=1), id="s")
        run = await scheduler.wait(await meddle.enqueue(), 30)
        (entry,) = await scheduler.list_audit(action="pause")
        assert entry.actor == f"run:{run.id}"


async def test_what_the_code_declares_and_what_fires_is_no_act() -> None:
    scheduler = Scheduler("memory://")

    @scheduler.every(seconds=0.2, id="s")
    async def tick() -> None: ...

    async with scheduler.lifespan():
        await scheduler.wait(await tick.enqueue(), 30)
        assert list(await scheduler.list_audit()) == []


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 201, "\x00"])
def test_a_name_that_would_break_a_line_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="names nobody"), acting(name):
        pass


@pytest.mark.parametrize(
    "wrong",
    [{"subject": "node"}, {"action": "look"}, {"cursor": "x"}, {"limit": 0}, {"actor": "\x00"}, {"subject_id": 3}],
    ids=str,
)
async def test_a_wrong_question_is_refused(scheduler: Scheduler, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidArguments):
        await scheduler.list_audit(**wrong)


async def test_in_the_application_s_transaction_it_stands_or_falls_with_that(postgres_url: str) -> None:
    engine = create_async_engine(postgres_url.replace("postgresql://", "postgresql+asyncpg://"))
    scheduler = Scheduler(engine)

    @scheduler.task(name="t")
    async def task() -> None: ...

    async with scheduler:
        for commit in (False, True):
            async with AsyncSession(engine) as session:
                await scheduler.add_schedule("t", Every(hours=1), id="s", session=session)
                await (session.commit() if commit else session.rollback())
            assert len(await scheduler.list_audit()) == commit
    await engine.dispose()
