"""What a deploy that says something new of every schedule asks of the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from hourbell.model.editing import pausing
from hourbell.model.node import NewNode
from hourbell.model.schedule import Declaration, ScheduleState, Source
from hourbell.triggers import Every
from store.conftest import Pair

HOUR = timedelta(hours=1)


def declared(count: int, digest: str, **policies: object) -> list[Declaration]:
    return [
        Declaration(
            id=f"s{number}", task="t", trigger=Every(minutes=5), args={}, policies=policies, inherited={},
            source=Source.CODE, digest=digest,
        )
        for number in range(count)
    ]  # fmt: skip


async def sent(pair: Pair, declarations: Sequence[Declaration]) -> int:
    """How many statements it takes to declare these."""
    before = pair.other.statements
    await pair.other.declare("a", declarations)
    return pair.other.statements - before


@pytest.mark.parametrize("pair", ["postgres"], indirect=True)
async def test_many_schedules_are_changed_with_as_many_statements_as_one(pair: Pair) -> None:
    await pair.other.register_node(NewNode(id="a", host="h", pid=1, lease=HOUR, version="0"))
    counts = []
    for size in (1, 30):
        await pair.other.declare("a", declared(size, "1"))
        counts.append(await sent(pair, declared(size, f"2 of {size}", priority=size)))
    assert counts[0] == counts[1]
    for declaration in declared(30, ""):
        schedule = await pair.other.get_schedule(declaration.id)
        assert (schedule.policies, schedule.digest) == ({"priority": 30}, "2 of 30")


@pytest.mark.parametrize("pair", ["postgres", "sqlite"], indirect=True)
async def test_pauses_that_end_together_each_keep_what_is_their_own(pair: Pair) -> None:
    until = pair.clock.now() + HOUR
    for number, declaration in enumerate(declared(3, "1")):
        await pair.other.add_schedule(declaration, "error")
        await pair.other.edit_schedule(declaration.id, pausing(f"note {number}", until))
    pair.clock.advance(3600)
    over = await pair.other.resume_due(10)
    assert sorted(schedule.id for schedule in over.resumed) == ["s0", "s1", "s2"]
    stored = [await pair.other.get_schedule(schedule.id) for schedule in over.resumed]
    assert {schedule.state for schedule in stored} == {ScheduleState.ACTIVE}
    assert len({schedule.last_skip_id for schedule in stored}) == 3
    assert {(schedule.version, schedule.next_fire_at, schedule.resume_at) for schedule in stored} == {(3, until, None)}
