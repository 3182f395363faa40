"""The part of the port over SQL that is about nodes: their leases, and what becomes of their runs without them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from hourbell.errors import StoreUnavailable
from hourbell.model.node import Rescue
from hourbell.model.run_state import RunState
from hourbell.store.finishing import finish_left
from hourbell.store.protocol import NOBODY
from hourbell.store.scripts import nodes, watching
from hourbell.store.scripts.rows import node_from
from hourbell.store.scripts.script import one
from hourbell.store.sweeping import sweep

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    from hourbell.model.node import NewNode, Node, Registration, Renewal, Upkeep
    from hourbell.model.plan import NextWork, Question
    from hourbell.model.run import Run
    from hourbell.model.stranded import Stranded
    from hourbell.store.driver import Database, Lane


class SqlNodes:
    """`NodeStore` over SQL, but for the survey."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._steps = not database.has_row_locks

    async def register_node(self, node: NewNode) -> Registration:
        registration, begun = await self._database.run(lambda: nodes.register_node(node, in_steps=self._steps), "renew")
        if node.replaces is None:
            return registration
        handed_on = await self._hand_on(begun, "renew", is_loss=True)
        await sweep(self._database, "renew")
        return replace(registration, ended=handed_on.ended)

    async def renew(
        self,
        node_id: str,
        lease: timedelta,
        running: int,
        clock_offset: float | None = None,
        *,
        question: Question | None = None,
    ) -> Renewal | None:
        pulse = nodes.Pulse(lease, running, clock_offset)
        return await self._database.run(
            lambda: nodes.renew(node_id, pulse, question, in_steps=self._steps), "renew", atomic=False
        )

    async def upkeep(self, node_id: str) -> Upkeep:
        return await self._database.run(lambda: nodes.upkeep(node_id), "fire", atomic=False)

    async def rescue(self, suspects: Mapping[str, int], gone: Mapping[str, str] = NOBODY) -> Rescue:
        dead, begun = await self._database.run(lambda: nodes.rescue(suspects, gone, in_steps=self._steps), "fire")
        handed_on = await self._hand_on(begun, "fire", is_loss=True)
        released = 0 if handed_on.left else await sweep(self._database, "fire")
        finished, is_more = await finish_left(self._database, "fire")
        failed = sum(run.state is RunState.FAILED for run in handed_on.ended)
        return Rescue(
            dead,
            handed_on.requeued,
            failed,
            len(handed_on.ended) - failed,
            released,
            (*handed_on.ended, *finished),
            is_cut_short=bool(handed_on.left) or is_more,
        )

    async def retire_node(self, node_id: str) -> Sequence[Run]:
        begun = await self._database.run(lambda: nodes.retire_node(node_id, in_steps=self._steps), "renew")
        handed_on = await self._hand_on(begun, "renew", is_loss=False)
        if handed_on.ended:
            await sweep(self._database, "renew")
        return handed_on.ended

    async def _hand_on(self, begun: nodes.HandedOn, lane: Lane, *, is_loss: bool) -> nodes.HandedOn:
        """What is left of a long list of runs, a transaction after the other. The nodes are marked by then, for good:
        so who looks next finds what a failure leaves behind, and what was handed on before it is told."""
        done = begun
        while done.left:
            further = partial(nodes.hand_on, done.left, is_loss=is_loss, in_steps=self._steps)
            try:
                done = done.and_then(await self._database.run(further, lane))
            except StoreUnavailable:
                break
        return done

    async def list_nodes(self) -> Sequence[Node]:
        rows = await self._database.run(lambda: one("nodes.list"), "read", atomic=False)
        return [node_from(row) for row in rows]

    async def next_work(self, node_id: str, question: Question) -> NextWork:
        return await self._database.run(lambda: watching.next_work(node_id, question), "fire", atomic=False)

    async def stranded(self, patience: timedelta) -> Sequence[Stranded]:
        return await self._database.run(lambda: watching.stranded(patience), "read", atomic=False)
