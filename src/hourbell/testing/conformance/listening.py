"""Hints: best effort, never facts. A store that has none returns from `listen` at once."""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from hourbell.model.hint import Hint
from hourbell.testing.conformance.bench import PATIENCE, TASK, Bench
from hourbell.testing.conformance.suite import Conformance

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from hourbell.model.run import NewRun
    from hourbell.store.protocol import Store


class _Ear:
    """Someone who listens, and whether it heard something since it was last asked."""

    def __init__(self, store: Store, group: asyncio.TaskGroup) -> None:
        self._news = asyncio.Event()
        self._heard = False
        self.hint: Hint | None = None
        self._thread = threading.get_ident()
        self.task = group.create_task(self._listen(store))

    async def _listen(self, store: Store) -> None:
        try:
            await store.listen(self._note)
        finally:
            self._news.set()

    def _note(self, hint: Hint | None) -> None:
        # A hint that comes from elsewhere is told here, on the loop that listens.
        self.hint = hint
        self._heard = threading.get_ident() == self._thread
        self._news.set()

    async def hears(self) -> bool:
        """True when something was heard, False when listening ended before."""
        async with asyncio.timeout(PATIENCE):
            await self._news.wait()
        return self._heard

    def forget(self) -> None:
        """From now on only what comes is heard."""
        self._heard = False
        self._news.clear()


@asynccontextmanager
async def _listening(store: Store) -> AsyncIterator[_Ear]:
    async with asyncio.TaskGroup() as group:
        ear = _Ear(store, group)
        try:
            if not await ear.hears():
                pytest.skip("this store has no hints")
            yield ear
        finally:
            ear.task.cancel()


class ListeningConformance(Conformance):
    """`Store.listen`, and hints. Asks for a fixture ``neighbour``: the store of another node on the same truth."""

    async def test_a_hint_is_heard_by_another_node(self, bench: Bench, neighbour: Store) -> None:
        async with _listening(bench.store) as ear:
            for _ in range(3):
                ear.forget()
                await neighbour.hint()
                assert await ear.hears()

    async def test_a_hint_is_heard_by_every_handle(self, bench: Bench, neighbour: Store) -> None:
        async with _listening(bench.store) as one, _listening(await bench.twin()) as two:
            one.forget()
            two.forget()
            await neighbour.hint()
            assert await one.hears()
            assert await two.hears()

    async def test_a_request_takes_its_hint_along(self, bench: Bench, neighbour: Store) -> None:
        passes_on: dict[str, Any] = {"key": "k", "key_period": timedelta(minutes=1)}
        async with _listening(bench.store) as ear:
            for wanted in ([bench.request()], [bench.request(), bench.request()], [bench.request(**passes_on)]):
                ear.forget()
                requested = await neighbour.enqueue(wanted, hint=True)
                assert await ear.hears()
                assert [run.id for run in requested] == [run.id for run in wanted]
                assert requested == [await bench.store.get_run(run.id) for run in wanted]
                ear.forget()
                assert await neighbour.enqueue(wanted, hint=True) == requested, "what is there already"
                assert await ear.hears()
        assert len(await bench.runs()) == 4

    async def test_a_hint_names_the_run_that_was_requested_if_it_is_one_and_due(
        self, bench: Bench, neighbour: Store
    ) -> None:
        async with _listening(bench.store) as ear:
            one, another = bench.request(), bench.request(queue="läßt sich lesen")
            expected: list[tuple[list[NewRun], Hint | None]] = [
                ([one], Hint(one.id, TASK, "default")),
                ([another], Hint(another.id, TASK, "läßt sich lesen")),
                ([bench.request(), bench.request()], None),
                ([bench.request(delay=timedelta(seconds=1))], None),
                ([bench.request(run_at=bench.later(1))], None),
                ([odd := bench.request(queue="two\nlines")], Hint(odd.id, TASK, odd.queue)),
                ([long := bench.request(queue="x" * 8_000)], Hint(long.id, TASK, long.queue)),
            ]
            for wanted, hint in expected:
                ear.forget()
                await neighbour.enqueue(wanted, hint=True)
                assert await ear.hears()
                assert ear.hint in (hint, None), "a store need not name it"
            ear.forget()
            await neighbour.hint()
            assert await ear.hears()
            assert ear.hint is None

    async def test_a_hint_comes_from_another_thread(self, bench: Bench, neighbour: Store) -> None:
        async with _listening(bench.store) as ear:
            ear.forget()
            await Bench(neighbour, bench.clock).in_threads(1, lambda store, _: store.hint())
            assert await ear.hears()

    async def test_listening_hinders_nobody(self, bench: Bench) -> None:
        async with _listening(bench.store):
            await bench.schedule()
            await bench.fire_after(1)
            assert len(await bench.runs()) == 1

    async def test_listening_ends_when_it_is_cancelled(self, bench: Bench) -> None:
        async with _listening(bench.store) as ear:
            ear.task.cancel()
            done, _ = await asyncio.wait({ear.task}, timeout=PATIENCE)
            assert done
            assert ear.task.cancelled()
        await bench.store.ping()

    async def test_listening_ends_when_its_handle_is_closed(self, bench: Bench) -> None:
        twin = await bench.twin()
        async with _listening(twin) as ear:
            await twin.close()
            done, _ = await asyncio.wait({ear.task}, timeout=PATIENCE)
            assert done
            assert ear.task.exception() is None

    async def test_a_hint_without_listeners_is_no_error(self, bench: Bench) -> None:
        async with _listening(bench.store):
            pass
        await bench.store.hint()
