"""Suspects: what was lost with its nodes before is given with care, since it may be what kills them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hourbell.model.run import ROOM_FOR_SUSPECTS
from hourbell.testing.conformance.bench import TASK, Bench
from hourbell.testing.conformance.suite import Conformance

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class SuspectsConformance(Conformance):
    """`RunStore.claim`: runs that were lost."""

    async def test_the_room_of_a_task_holds_for_lost_runs_too(self, bench: Bench) -> None:
        await self._lost(bench, times=3)
        await bench.enqueue()
        assert len(await bench.claim("survivor", tasks={TASK: 1}, suspects=1)) == 1

    async def test_few_suspects_are_given_at_a_time(self, bench: Bench) -> None:
        await self._lost(bench, times=3)
        await bench.enqueue()
        assert await self._losses(bench, suspects=0) == [0]
        assert await self._losses(bench, suspects=1) == [3]
        assert await self._losses(bench, suspects=9) == [3, 3]

    async def test_the_room_for_suspects_is_one_for_all_tasks_and_queues(self, bench: Bench) -> None:
        await self._lost(bench, 3, [{"task": f"task-{place}", "queue": f"queue-{place}"} for place in range(3)])
        tasks = [f"task-{place}" for place in range(3)]
        assert len(await bench.claim("survivor", tasks=tasks, suspects=2)) == 2

    async def test_a_run_that_the_next_loss_fails_takes_all_the_room(self, bench: Bench) -> None:
        await self._lost(bench, times=4)
        await bench.enqueue()
        assert await self._losses(bench, suspects=ROOM_FOR_SUSPECTS - 1) == [0]
        assert await self._losses(bench, suspects=ROOM_FOR_SUSPECTS) == [4]
        assert await self._losses(bench, suspects=ROOM_FOR_SUSPECTS) == [4]

    async def test_a_suspect_that_does_not_fit_is_not_passed_over_for_one_that_would(self, bench: Bench) -> None:
        await self._lost(bench, 3, [{"priority": 0}, {"priority": 1, "lost_limit": 4}, {"priority": 2}])
        claims = [await bench.claim("survivor", suspects=ROOM_FOR_SUSPECTS) for _ in range(3)]
        assert [[run.priority for run in claim] for claim in claims] == [[0], [1], [2]]

    async def test_of_what_was_lost_before_no_more_is_given_than_starts_now(self, bench: Bench) -> None:
        await self._lost(bench, 1, [{"priority": priority} for priority in (1, 3, 5)])
        for priority in (0, 2, 4):
            await bench.enqueue(priority=priority)
        claims = [await bench.claim("survivor", slots=slots) for slots in (0, 2, None)]
        assert [[run.priority for run in claim] for claim in claims] == [[0, 2, 4], [1, 3], [5]]

    async def test_two_losses_are_no_suspicion(self, bench: Bench) -> None:
        await self._lost(bench, times=2)
        assert await self._losses(bench, suspects=0) == [2, 2, 2]

    async def test_a_run_that_the_next_loss_fails_is_a_suspect(self, bench: Bench) -> None:
        await self._lost(bench, 1, [{"lost_limit": 2}])
        assert await self._losses(bench, suspects=ROOM_FOR_SUSPECTS - 1) == []
        assert await self._losses(bench, suspects=ROOM_FOR_SUSPECTS) == [1]

    async def test_a_run_that_was_never_lost_is_none_whatever_its_limit(self, bench: Bench) -> None:
        await self._lost(bench, 0, [{"lost_limit": 1}])
        assert await self._losses(bench, suspects=0) == [0]

    async def _lost(self, bench: Bench, times: int, wanted: Sequence[Mapping[str, Any]] = ({}, {}, {})) -> None:
        """Runs that were lost so often, and a live node that lost none of them."""
        tasks = {(await bench.enqueue(**fields)).task for fields in wanted}
        for number in range(times):
            await bench.node(f"victim-{number}")
            assert len(await bench.claim(f"victim-{number}", tasks=tasks)) == len(wanted)
            await bench.kill(f"victim-{number}")
        await bench.node("survivor")

    async def _losses(self, bench: Bench, suspects: int) -> list[int]:
        return [run.losses for run in await bench.claim("survivor", suspects=suspects)]
