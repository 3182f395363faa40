"""Requests that are made at once: written together, answered as if each had been written alone."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Sequence
from typing import Any

import pytest

from hourbell import Context, HourbellError, Run, Scheduler, Task
from hourbell.clock import SystemClock
from hourbell.errors import InvalidArguments, StoreRejected, StoreUnavailable
from hourbell.model.run import NewRun
from hourbell.scheduler.batches import BATCH, FULL
from hourbell.store.memory import MemoryStore
from hourbell.tracking import tracked

POOL = 4
_said: contextvars.ContextVar[str] = contextvars.ContextVar("said", default="nothing")


class Office(MemoryStore):
    """Writes only while its doors are open, refuses what is poisoned, and notes what came together."""

    def __init__(self) -> None:
        super().__init__(SystemClock())
        self.came: list[list[Any]] = []
        self.heard: list[str] = []
        self.doors = asyncio.Event()
        self.doors.set()
        self.away: Exception | None = None

    async def enqueue(self, runs: Sequence[NewRun], *, hint: bool = False) -> Sequence[Run]:
        self.came.append([run.args["n"] for run in runs])
        self.heard.append(_said.get())
        await self.doors.wait()
        if self.away is not None:
            raise self.away
        if any(run.args["n"] == "poison" for run in runs):
            raise StoreRejected("the row is too much")
        return await super().enqueue(runs, hint=hint)

    def sizes(self) -> list[int]:
        return [len(one) for one in self.came]


class Desk:
    """A scheduler with one task, on an office."""

    def __init__(self) -> None:
        self.office = Office()
        self.scheduler = Scheduler(self.office, pool=POOL)

        @self.scheduler.task(name="note")
        async def note(n: int | str) -> None: ...

        self.note: Task[[int | str], Any] = note

    def ask(self, numbers: Sequence[int | str], **options: Any) -> list[asyncio.Task[Run]]:
        return [asyncio.create_task(self.note.options(**options).enqueue(n)) for n in numbers]

    async def recorded(self) -> list[Any]:
        found = await self.scheduler.list_runs(limit=100)
        return [run.args["n"] for run in found.items]


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_what_is_asked_for_in_one_turn_is_written_together_and_answered_to_each() -> None:
    desk = Desk()
    async with desk.scheduler:
        runs = await asyncio.gather(*(desk.note.enqueue(n) for n in range(40)))
        assert desk.office.sizes() == [1, 39]
        assert [run.args["n"] for run in runs] == list(range(40))
        for run in runs[::13]:
            assert await desk.scheduler.get_run(run.id) == run


async def test_one_after_the_other_waits_for_nobody() -> None:
    desk = Desk()
    async with desk.scheduler:
        for n in range(3):
            await desk.note.enqueue(n)
        assert desk.office.came == [[0], [1], [2]]


async def test_while_there_is_room_each_turn_writes_and_what_finds_none_goes_together() -> None:
    desk = Desk()
    async with desk.scheduler:
        desk.office.doors.clear()
        asked = []
        for n in range(6):
            asked += desk.ask([n])
            await turns()
        assert desk.office.came == [[0], [1], [2]], "one connection is left"
        desk.office.doors.set()
        await asyncio.gather(*asked)
        assert desk.office.came == [[0], [1], [2], [3, 4, 5]]


async def test_full_batches_are_written_beside_each_other_and_no_larger_than_they_may_be() -> None:
    desk = Desk()
    async with desk.scheduler:
        desk.office.doors.clear()
        count = 3 * BATCH
        asked = desk.ask(range(count))
        await turns()
        assert len(desk.office.came) == POOL, "as many as there are connections"
        desk.office.doors.set()
        runs = await asyncio.gather(*asked)
        sizes = desk.office.sizes()
        assert sorted(n for one in desk.office.came for n in one) == list(range(count))
        assert [run.args["n"] for run in runs] == list(range(count))
        assert max(sizes) <= BATCH
        assert len([size for size in sizes if size >= FULL]) > 2


async def test_a_caller_that_gives_up_while_it_waits_has_asked_for_nothing() -> None:
    desk = Desk()
    async with desk.scheduler:
        desk.office.doors.clear()
        asked = []
        for n in range(POOL - 1):
            asked += desk.ask([n])
            await turns()
        waiting = desk.ask([10, 11, 12])
        await turns()
        waiting[1].cancel()
        desk.office.doors.set()
        await asyncio.gather(*asked, waiting[0], waiting[2])
        assert desk.office.came[-1] == [10, 12]
        assert sorted(await desk.recorded()) == [0, 1, 2, 10, 12]


async def test_a_caller_that_gives_up_takes_no_other_along() -> None:
    desk = Desk()
    async with desk.scheduler:
        desk.office.doors.clear()
        first, *others = desk.ask(range(5))
        await turns()
        assert desk.office.sizes() == [1, 4]
        others[0].cancel()
        desk.office.doors.set()
        assert [run.args["n"] for run in await asyncio.gather(first, *others[1:])] == [0, 2, 3, 4]
        assert sorted(await desk.recorded()) == [0, 1, 2, 3, 4], "it was on its way"


async def test_what_the_database_refuses_is_refused_alone() -> None:
    desk = Desk()
    async with desk.scheduler:
        numbers: list[int | str] = [*range(9), "poison", *range(10, 20)]
        answers = await asyncio.gather(*desk.ask(numbers), return_exceptions=True)
        assert isinstance(answers[9], StoreRejected)
        assert sorted(await desk.recorded()) == [n for n in range(20) if n != 9]


async def test_all_hear_that_the_database_is_away_and_the_next_are_written() -> None:
    desk = Desk()
    async with desk.scheduler:
        desk.office.away = StoreUnavailable("the database is away")
        answers = await asyncio.gather(*desk.ask(range(2 * FULL)), return_exceptions=True)
        assert {type(answer) for answer in answers} == {StoreUnavailable}
        assert {str(answer) for answer in answers} == {"the database is away"}
        of_batch = answers[1:]
        assert len({id(answer) for answer in of_batch}) == len(of_batch), "to each its own, with its own traceback"
        desk.office.away = None
        assert len(await asyncio.gather(*desk.ask(range(2 * FULL)))) == 2 * FULL


async def test_arguments_that_do_not_fit_are_told_to_who_gave_them() -> None:
    desk = Desk()
    async with desk.scheduler:
        wrong: Any = [1]
        answers = await asyncio.gather(*desk.ask([0, wrong, 2]), return_exceptions=True)
        assert isinstance(answers[1], InvalidArguments)
        assert sorted(await desk.recorded()) == [0, 2]


async def test_what_has_a_key_waits_for_its_key_alone() -> None:
    desk = Desk()
    async with desk.scheduler:
        desk.office.doors.clear()
        keyed = [desk.ask([n], key=f"k{n}")[0] for n in range(3)]
        plain = desk.ask(range(10, 13))
        await turns()
        assert desk.office.came == [[0], [1], [2], [10], [11, 12]]
        desk.office.doors.set()
        await asyncio.gather(*keyed, *plain)


async def test_each_keeps_its_own_chain_and_a_batch_is_written_in_nobodys_context() -> None:
    desk = Desk()

    async def ask(n: int) -> Run:
        _said.set(f"by {n}")
        with tracked(f"chain-{n}"):
            return await desk.note.enqueue(n)

    async with desk.scheduler:
        runs = await asyncio.gather(*map(ask, range(4)))
        assert [run.tracking_id for run in runs] == [f"chain-{n}" for n in range(4)]
        assert desk.office.heard == ["by 0", "nothing"]


async def test_what_many_ask_for_at_once_begins_at_once() -> None:
    scheduler = Scheduler("memory://", poll=60, poll_with_hints=60)
    seen: set[int] = set()

    @scheduler.task(name="note")
    async def note(n: int, context: Context) -> None:
        seen.add(n)

    async with scheduler.lifespan(None), asyncio.timeout(20):
        await scheduler.wait(await note.enqueue(-1))
        await asyncio.sleep(0.3)  # by now the node waits for its next poll
        runs = await asyncio.gather(*(note.enqueue(n) for n in range(300)))
        await asyncio.gather(*(scheduler.wait(run) for run in runs))
    seen.remove(-1)
    assert seen == set(range(300))


def test_a_loop_that_ends_in_the_middle_leaves_nothing_behind_for_the_next() -> None:
    desk = Desk()

    async def broken() -> None:
        async with desk.scheduler:
            desk.office.doors = asyncio.Event()
            desk.ask(range(10))
            await turns()
            desk.ask(range(10, 12))

    async def whole() -> None:
        desk.office.doors = asyncio.Event()
        desk.office.doors.set()
        async with desk.scheduler, asyncio.timeout(10):
            assert len(await asyncio.gather(*desk.ask(range(20, 25)))) == 5

    asyncio.run(broken())
    asyncio.run(whole())


async def test_nothing_is_taken_by_a_scheduler_that_is_not_open() -> None:
    desk = Desk()
    with pytest.raises(HourbellError, match="not open"):
        await desk.note.enqueue(1)
    async with desk.scheduler:
        await desk.note.enqueue(2)
    answers = await asyncio.gather(*desk.ask(range(3)), return_exceptions=True)
    assert all("not open" in str(answer) for answer in answers)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_many_at_once_on_a_database(kind: str, request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue("postgres_url") if kind == "postgres" else None
    scheduler = Scheduler(url or f"sqlite:///{request.getfixturevalue('sqlite_path')}")

    @scheduler.task(name="note", retry=3)
    async def note(n: int, text: str = "ü\x00") -> None: ...

    async with scheduler:
        runs = await asyncio.gather(*(note.options(delay=n % 2).enqueue(n) for n in range(2 * FULL)))
        assert [run.args["n"] for run in runs] == list(range(2 * FULL))
        assert len({run.id for run in runs}) == 2 * FULL
        for run in runs[::97]:
            assert await scheduler.get_run(run.id) == run
