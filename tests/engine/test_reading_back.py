"""What a lost answer would have said: waited for while the database is away, given up where only that is too much."""

from __future__ import annotations

from typing import Any

import pytest

from engine.bench import until
from engine.test_claiming import Rig
from engine.test_offering import Rig as FiringRig
from hourbell.engine.reading_back import TRIES
from hourbell.errors import StoreUnavailable
from hourbell.triggers import Every


def too_much(rig: Any) -> list[str]:
    """From now on a question what a claim brought has no answer in time; the names of those that were asked for."""
    asked: list[str] = []

    async def claimed(node_id: str, claim_id: str) -> object:
        asked.append(claim_id)
        rig.clock.advance(1)
        raise StoreUnavailable("canceling statement due to statement timeout")

    rig.bench.store.claimed = claimed
    return asked


async def test_a_node_goes_on_claiming_although_it_cannot_read_back_what_a_claim_brought() -> None:
    async with Rig() as rig:
        await rig.bench.enqueue("ring")
        rig.bench.faults.after("claim", times=1)
        asked = too_much(rig)
        rig.shift.claiming.take_now()
        for _ in range(TRIES):
            with pytest.raises(StoreUnavailable):
                await rig.shift.claiming.step()
        await rig.bench.enqueue("ring", args={"n": 2})
        await rig.claim_pending()
        await until(lambda: rig.going == [2])
        assert len(asked) == TRIES
        assert rig.shift.holdings.claims == {}, "the comparison takes it for no claim under way"
        assert rig.shift.holdings.uncompared


async def test_what_is_given_up_with_each_claim_is_said_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    async with Rig() as rig:
        too_much(rig)
        said = []
        for _ in range(3):
            for claim in "ab":
                for tried in range(TRIES):
                    if tried + 1 < TRIES:
                        with pytest.raises(StoreUnavailable):
                            await rig.shift.claiming._reading_back.read("n", claim)
                    else:
                        assert await rig.shift.claiming._reading_back.read("n", claim) == ()
            said.append(caplog.text.count("could not be read back"))
            rig.clock.advance(60)
        assert said == [1, 2, 3]


@pytest.mark.parametrize("away", [True, False], ids=["for long", "at once"])
async def test_a_database_that_is_away_is_waited_for(away: bool) -> None:
    async with Rig() as rig:
        await rig.bench.enqueue("ring")
        rig.bench.faults.after("claim", times=1)
        rig.shift.claiming.take_now()
        with pytest.raises(StoreUnavailable):
            await rig.shift.claiming.step()
        claimed = rig.bench.store.claimed
        if away:
            too_much(rig)
        rig.bench.faults.away = True
        for _ in range(3 * TRIES):
            with pytest.raises(StoreUnavailable):
                await rig.shift.claiming.step()
        rig.bench.faults.away = False
        rig.bench.store.claimed = claimed
        await rig.claim_pending()
        await until(lambda: len(rig.going) == 1)
        (run,) = await rig.bench.runs()
        assert run.attempt == 1, "read back, and not given once more"


async def test_a_node_goes_on_firing_although_it_cannot_read_back_what_a_fire_brought() -> None:
    async with FiringRig() as rig:
        rig.bench.schedule("ring", Every(seconds=1), overlap="allow")
        await rig.bench.trust()
        rig.clock.advance(1)
        rig.bench.faults.after("fire_due", times=1)
        asked = too_much(rig)
        for _ in range(TRIES):
            with pytest.raises(StoreUnavailable):
                await rig.firing.step()
        while await rig.firing.step() is not None:
            pass
        assert len(asked) == TRIES
        assert not rig.offering.doubtful
        assert len(await rig.bench.runs(task="ring")) == 1 + TRIES
        assert rig.shift.holdings.claims == {}, "its places are free again"
