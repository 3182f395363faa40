"""The verbs of who looks after it: tasks, nodes, health, the schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hourbell.scheduler.health import Health, examined
from hourbell.scheduler.stores import migration_script
from hourbell.scheduler.verbs import Verbs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hourbell.model.node import Node
    from hourbell.task import Task


class AdminVerbs(Verbs):
    """Look at the whole, and keep its schema up to date."""

    async def list_tasks(self) -> list[Task[..., Any]]:
        """The tasks that this process has registered, in the order of their names; the database is not asked."""
        return sorted(self._core.tasks, key=lambda task: task.name)

    async def list_nodes(self) -> Sequence[Node]:
        """All nodes that are known, live ones first, then newest first; those that have ended are kept for a day."""
        return await self._core.store.list_nodes()

    async def health(self) -> Health:
        """How it stands, answered within a few seconds whatever the database does. Never raises for its sake.

        ``status`` of the answer is ``ok``, ``degraded`` or ``down``, and ``reasons`` say why it is not ``ok``.
        """
        return await examined(self._core)

    async def migrate(self) -> Sequence[str]:
        """Bring the database's schema up to this version and answer what was applied. May be called without opening.

        Raises StoreUnavailable when the database cannot be reached, MigrationNeeded when this role may not change it.
        """
        await self._core.open()
        try:
            return await self._core.store.migrate()
        finally:
            await self._core.close()

    async def pending_migrations(self) -> Sequence[str]:
        """What `migrate` would apply, by name and in its order; nothing is changed. May be called without opening.

        Raises StoreUnavailable when the database cannot be reached.
        """
        await self._core.open()
        try:
            return await self._core.store.pending()
        finally:
            await self._core.close()

    def migration_script(self) -> str:
        """The whole schema as SQL, for those who apply it by hand. Raises InvalidArguments where there is none."""
        return migration_script(self._core.settings)
