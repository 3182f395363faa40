"""Becoming a node: a new random id, a fresh lease, and the declarations of this process's code."""

from __future__ import annotations

import os
import socket
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, TypedDict

from hourbell.engine.trust import Trust
from hourbell.errors import StoreUnavailable
from hourbell.model.ids import new_node_id
from hourbell.model.node import NewNode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hourbell.engine.parts import Parts
    from hourbell.store.protocol import Store


class Abilities(TypedDict):
    """What a node says of itself that it can run; see `NewNode`."""

    tasks: Mapping[str, int | None]
    queues: tuple[str, ...] | None


class Registering:
    """Registers this process under a new id, and again under another after each lost lease."""

    def __init__(self, store: Store, parts: Parts) -> None:
        self._store = store
        self._parts = parts
        self._replaces: str | None = None
        self._node_id: str | None = None
        self._asked = 0.0
        self._hidden = False

    @property
    def unconfirmed(self) -> str | None:
        """The id under which this process may have been registered without ever hearing of it."""
        return self._node_id

    def hide(self) -> None:
        """This process was taken for dead while it lived. Whatever the reason, it does not say again which process it
        is: should its neighbours see wrongly that it is gone, that costs it one lease and not one after the other."""
        self._hidden = True

    async def attempt(self) -> Trust:
        """Register and declare. May be repeated after a failure; the store is told the same id for a while."""
        lease = self._parts.settings.lease
        asked = self._parts.timekeeper.ask()
        if self._node_id is None or asked - self._asked > lease / 3:
            # A first try may have been carried out although its answer was lost. Its lease counts from then, so an id
            # is tried again only while most of that lease is left.
            self._node_id, self._asked = new_node_id(), asked
        trust = Trust(self._node_id, self._parts.clock, lease, self._asked)
        registration = await self._store.register_node(self._new_node(self._node_id, lease))
        self._parts.timekeeper.heard(registration.now, asked)
        self._parts.events.tell_ends(registration.ended, self._node_id)
        await self._store.declare(self._node_id, self._parts.declarations())
        if not trust.holds():
            raise StoreUnavailable("the database took longer to register the node than its lease lasts; trying again")
        self._replaces, self._node_id = self._node_id, None
        return trust

    def _new_node(self, node_id: str, lease: float) -> NewNode:
        mark = None if self._hidden else self._parts.processes.own()
        return NewNode(
            id=node_id,
            host=socket.gethostname(),
            pid=os.getpid(),
            lease=timedelta(seconds=lease),
            version=_version(),
            replaces=self._replaces,
            process=str(mark) if mark is not None else None,
            **self._abilities(),
        )

    def _abilities(self) -> Abilities:
        settings, tasks = self._parts.settings, self._parts.tasks
        if not settings.max_runs:
            return Abilities(tasks={}, queues=())
        limits = {name: task.limit for task in tasks for name in (task.name, *task.aliases)}
        stated = {name: limit.most if limit is not None else None for name, limit in limits.items()}
        return Abilities(tasks=stated, queues=settings.queues)


def _version() -> str:
    try:
        return version("hourbell")
    except PackageNotFoundError:  # run from a source tree that is not installed
        return "0"
