"""Versions that come and go: what the code that stays declares is what counts in the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from engine.bench import Bench, until_async
from hourbell.clock import ManualClock
from hourbell.engine.planning import plan_fires
from hourbell.engine.upkeeping import Upkeeping
from hourbell.engine.whole_look import RARELY
from hourbell.errors import StoreUnavailable


async def nothing() -> None: ...


def versions() -> tuple[Bench, Bench]:
    old = Bench()
    new = old.neighbour()
    for bench, number in ((old, 1), (new, 2)):
        bench.task(nothing)
        bench.schedule("nothing")
        bench.declared[0] = replace(bench.declared[0], args={"version": number}, digest=f"v{number}")
    return old, new


async def version(bench: Bench) -> int:
    found: int = (await bench.store.get_schedule("nothing")).args["version"]
    return found


def keeping(bench: Bench, node_id: str, **told: Callable[..., object]) -> Upkeeping:
    calls = {"sweep": lambda: None, "changed": lambda: None, "spent": lambda statements: None, **told}
    return Upkeeping(bench.store, bench.parts(), node_id, **calls)


async def test_a_version_that_was_rolled_back_leaves_nothing_behind() -> None:
    old, new = versions()
    spent: list[int] = []
    changed: list[int] = []
    node_id = (await old.trust()).node_id
    looking = keeping(old, node_id, changed=lambda: changed.append(1), spent=spent.append)
    assert await looking.step() > 0
    assert spent == []
    canary = (await new.trust()).node_id
    await looking.step()
    assert (await version(old), changed) == (2, [])
    await new.store.retire_node(canary)
    await looking.step()
    assert (await version(old), changed, spent) == (1, [1], [1, 1])
    await looking.step()
    assert (changed, old.faults.asked["declare"]) == ([1], 2)


async def test_what_belongs_to_nobody_is_left_to_the_rescue() -> None:
    bench = Bench()
    bench.task(nothing)
    sweeps: list[int] = []
    node_id = (await bench.trust()).node_id
    looking = keeping(bench, node_id, sweep=lambda: sweeps.append(1))
    await looking.step()
    await looking.step()
    assert (sweeps, bench.faults.asked["rescue"]) == ([], 0)
    await bench.enqueue("nothing")
    other = (await bench.trust()).node_id
    await bench.store.claim(other, "c", limit=1, tasks={"nothing": 1}, queues=None, suspects=1)
    await looking.step()
    assert sweeps == []
    tables = bench.store._store._tables
    with tables.transaction():
        tables.nodes.drop(other)
    await looking.step()
    assert sweeps == [1]


async def test_what_waits_for_its_turn_is_looked_after_by_the_rescue() -> None:
    bench = Bench(ManualClock())
    bench.task(nothing)
    bench.schedule("nothing", overlap="buffer_one")
    sweeps: list[int] = []
    node_id = (await bench.trust()).node_id
    looking = keeping(bench, node_id, sweep=lambda: sweeps.append(1))
    await looking.step()
    for waiting in (0, 1):
        bench.clock.advance(1)  # type: ignore[attr-defined]
        await bench.store.fire_due(10, partial(plan_fires, lease=timedelta(seconds=bench.settings.lease)))
        await looking.step()
        assert sweeps == [1] * waiting


async def test_a_node_looks_by_itself(monkeypatch: object) -> None:
    from hourbell.engine import upkeeping

    monkeypatch.setattr(upkeeping, "LEAST_PAUSE", 0.2)  # type: ignore[attr-defined]
    old, new = versions()
    async with old.running():
        async with new.running():
            await until_async(lambda: _is(old, 2))
        await until_async(lambda: _is(old, 1))


async def _is(bench: Bench, number: int) -> bool:
    return await version(bench) == number


async def test_a_look_without_an_answer_is_not_made_all_the_time() -> None:
    bench = Bench(ManualClock())
    looking = keeping(bench, (await bench.trust()).node_id)
    await looking.step()
    upkeep, asked = bench.store._store.upkeep, 0

    async def without(node_id: str) -> None:
        nonlocal asked
        asked += 1
        bench.clock.advance(5.0)
        raise StoreUnavailable("no answer")

    bench.store._store.upkeep = without
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await looking.step()
    assert await looking.step() == RARELY * 5
    bench.store._store.upkeep = upkeep
    bench.clock.advance(RARELY * 5)
    await looking.step()
    assert (asked, bench.faults.asked["upkeep"]) == (2, 3)
