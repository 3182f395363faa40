"""The life of a scheduler in a process: as a node, or only with its store open."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Self

from hourbell.engine.loop import spawn
from hourbell.errors import Conflict, HourbellError
from hourbell.middleware import checked_middleware
from hourbell.place import runs_bodies_only
from hourbell.scheduler.verbs import Verbs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from types import TracebackType

    from hourbell.engine.node import Node
    from hourbell.events import E
    from hourbell.middleware import Middleware

SUBSCRIBERS_PATIENCE = 1.0
"""Seconds that the end waits for async subscribers; then they are cancelled, for nothing may hold a shutdown up."""


class LifeVerbs(Verbs):
    """Start, stop, and what lies between."""

    async def start(self) -> None:
        """Become a node: fire, claim and run until `stop`. Must be called on the application's event loop.

        A database that is away does not raise: the node keeps trying, and `health` says so. Raises StoreMisconfigured
        when waiting would not help, InvalidArguments when a declared schedule or task is wrong, Conflict when it has
        been started already.
        """
        # Imported here, so that a script which only asks for runs does not load the engine.
        from hourbell.engine.node import Node

        core = self._core
        if core.leaving is not None:
            await asyncio.shield(core.leaving)
        if core.node is not None:
            raise Conflict("this scheduler has been started already: stop() comes first")
        if runs_bodies_only():
            raise HourbellError(
                "this process was started by a node to run bodies, and cannot be a node itself: what starts the "
                'application must not do so when its module is imported; put it under `if __name__ == "__main__":`'
            )
        for task in core.tasks:
            task.arguments.check()
        declarations = tuple(core.declaration_of(said) for said in core.declared.values())
        await core.open()
        core.events.attach(asyncio.get_running_loop())
        try:
            node = Node(
                store=core.store,
                clock=core.clock,
                settings=core.settings,
                tasks=core.tasks,
                declarations=lambda: declarations,
                events=core.events,
                defaults=core.defaults,
                middleware=tuple(core.middleware),
            )
            core.node = node
            await node.start()
        except BaseException:
            core.node = None
            await self._left()
            raise

    async def stop(self) -> None:
        """Stop claiming, let bodies finish within the ``drain`` setting, cancel and hand back the rest. Idempotent."""
        core = self._core
        if core.leaving is None:
            if core.node is None:
                return
            core.leaving = spawn(self._leave(core.node), "leave")
        # Whoever is cancelled here, by a timeout or a task group, waits no longer; the end goes on, or what bodies have
        # done could not be reported any more.
        await asyncio.shield(core.leaving)

    @asynccontextmanager
    async def lifespan(self, app: object = None) -> AsyncIterator[None]:
        """Be a node while the application lives: ``FastAPI(lifespan=scheduler.lifespan)``.

        Inside an existing lifespan: ``async with scheduler.lifespan(app):``. A database that is away does not keep the
        application from starting. `start` at its begin, `stop` at its end; raises what `start` raises.
        """
        await self.start()
        try:
            yield
        finally:
            await self.stop()

    async def open(self, *, migrate: bool = True) -> None:
        """Open the store without being a node: this process may call every verb, and fires and runs nothing.

        With ``migrate`` the schema is brought up to date first. Each call asks for one `close`; ``async with
        scheduler:`` does both. Raises StoreUnavailable when the database cannot be reached.
        """
        await self._core.open()
        try:
            if migrate:
                await self._core.store.migrate()
        except BaseException:
            await self._core.close()
            raise

    async def close(self) -> None:
        """Undo one `open`. The store is closed once nobody needs it any more."""
        if self._core.is_open:
            await self._core.close()

    async def __aenter__(self) -> Self:
        """`open`, in a block."""
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def on(self, event_type: type[E], subscriber: Callable[[E], Any]) -> Callable[[], None]:
        """Call ``subscriber`` with each event of this type that happens in this process, in their order.

        An ``async def`` is awaited on the application's event loop, a plain function is called in a thread of its own.
        What it raises is logged; when it is too slow, events are lost to it, counted and logged. Neither hurts a run.
        The answer is a function that ends the subscription. Raises InvalidArguments when ``event_type`` is no type of
        event.
        """
        return self._core.events.on(event_type, subscriber)

    def add_middleware(self, middleware: Middleware) -> None:
        """Put ``async def middleware(call_next, context)`` around every body here, whichever executor runs it.

        It runs on the application's event loop. What was added first is outermost; ``await call_next()`` goes on to the
        next one and answers the body's result, and what is raised is the failure of the run. The ``timeout`` of the
        task covers it too. Raises InvalidArguments, and Conflict once the scheduler has started.
        """
        if self._core.node is not None:
            raise Conflict("middleware is added before the scheduler starts: bodies run already")
        self._core.middleware.append(checked_middleware(middleware))

    async def _leave(self, node: Node) -> None:
        try:
            await node.stop()
        finally:
            self._core.node = None
            try:
                await self._left()
            finally:
                self._core.leaving = None

    async def _left(self) -> None:
        core = self._core
        await core.events.drained(SUBSCRIBERS_PATIENCE)
        core.events.attach(None)
        await core.close()
