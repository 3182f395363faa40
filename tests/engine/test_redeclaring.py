"""Versions that come and go: what the code that stays declares is what counts in the end."""

from __future__ import annotations

from dataclasses import replace

from engine.bench import Bench, until_async
from hourbell.engine.redeclaring import Redeclaring


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


async def test_a_version_that_was_rolled_back_leaves_nothing_behind() -> None:
    old, new = versions()
    spent: list[int] = []
    changed: list[int] = []
    node_id = (await old.trust()).node_id
    looking = Redeclaring(old.store, old.parts(), node_id, changed=lambda: changed.append(1), spent=spent.append)
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


async def test_a_node_looks_by_itself(monkeypatch: object) -> None:
    from hourbell.engine import redeclaring

    monkeypatch.setattr(redeclaring, "LEAST_PAUSE", 0.2)  # type: ignore[attr-defined]
    old, new = versions()
    async with old.running():
        async with new.running():
            await until_async(lambda: _is(old, 2))
        await until_async(lambda: _is(old, 1))


async def _is(bench: Bench, number: int) -> bool:
    return await version(bench) == number
