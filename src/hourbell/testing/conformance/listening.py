"""Hints: best effort, never facts. A store that has none returns from `listen` at once."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from hourbell.testing.conformance.bench import PATIENCE, Bench
from hourbell.testing.conformance.suite import Conformance

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from hourbell.store.protocol import Store


class _Ear:
    """Someone who listens, and how often it heard something."""

    def __init__(self, store: Store) -> None:
        self._heard: asyncio.Queue[None] = asyncio.Queue()
        self.task = asyncio.ensure_future(store.listen(lambda: self._heard.put_nowait(None)))

    async def hears(self) -> bool:
        """True when something was heard, False when listening ended before."""
        hearing = asyncio.ensure_future(self._heard.get())
        await asyncio.wait({hearing, self.task}, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        if hearing.done():
            return True
        hearing.cancel()
        assert self.task.done(), "neither was anything heard, nor did listening end"
        self.task.result()
        return False

    def forget(self) -> None:
        """Begin to count anew."""
        while not self._heard.empty():
            self._heard.get_nowait()


@asynccontextmanager
async def _listening(store: Store) -> AsyncIterator[_Ear]:
    ear = _Ear(store)
    try:
        if not await ear.hears():
            pytest.skip("this store has no hints")
        yield ear
    finally:
        ear.task.cancel()
        await asyncio.wait({ear.task})


class ListeningConformance(Conformance):
    """`Store.listen` and `hint`."""

    async def test_a_hint_is_heard_by_another_handle(self, bench: Bench) -> None:
        async with _listening(await bench.twin()) as ear:
            for _ in range(3):
                ear.forget()
                await bench.store.hint()
                assert await ear.hears()

    async def test_a_hint_is_heard_by_everybody(self, bench: Bench) -> None:
        async with _listening(await bench.twin()) as one, _listening(await bench.twin()) as two:
            one.forget()
            two.forget()
            await bench.store.hint()
            assert await one.hears()
            assert await two.hears()

    async def test_a_hint_comes_from_another_thread(self, bench: Bench) -> None:
        async with _listening(await bench.twin()) as ear:
            ear.forget()
            await bench.in_threads(1, lambda store, _: store.hint())
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
