"""The node: one process that fires, claims, executes and settles, from its start to its quiet end."""

from __future__ import annotations

import asyncio
import logging
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from hourbell.engine.crossing import Crossing
from hourbell.engine.keeping import Keeping
from hourbell.engine.loop import spawn
from hourbell.engine.node_thread import NodeThread
from hourbell.engine.parts import Parts
from hourbell.engine.pulse import Pulse
from hourbell.engine.signals import Signals
from hourbell.engine.status import Life, NodeStatus
from hourbell.engine.timekeeping import Timekeeper
from hourbell.engine.troubles import Troubles
from hourbell.errors import StoreMisconfigured, StoreUnavailable
from hourbell.executors.around import Around
from hourbell.executors.choice import make_executors
from hourbell.line_capture import LineCapture
from hourbell.model.diagnosis import counted
from hourbell.telling import Telling

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hourbell.clock import Clock
    from hourbell.engine.shift import Shift
    from hourbell.events import Events
    from hourbell.middleware import Middleware
    from hourbell.model.schedule import Declaration
    from hourbell.settings import Settings
    from hourbell.store.protocol import Store
    from hourbell.task import TaskRegistry

START_PATIENCE = 2.0
"""Seconds that the start waits for the database before it goes on without."""

HAND_BACK_PATIENCE = 1.0
"""Seconds that a second signal waits until the runs are handed back."""

JOIN_PATIENCE = 5.0

_log = Telling(logging.getLogger("hourbell.engine"))


class Node:
    """One process on a store. Start it once, stop it once; another life needs another node.

    ``store`` is opened by the caller on the application's event loop and used here for claiming and settling; the
    node's own thread works on a twin of it.
    """

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        settings: Settings,
        tasks: TaskRegistry,
        declarations: Callable[[], Sequence[Declaration]],
        events: Events,
        defaults: Mapping[str, Any] | None = None,
        middleware: Sequence[Middleware] = (),
    ) -> None:
        self._store = store
        self._parts = Parts(
            clock=clock,
            settings=settings,
            tasks=tasks,
            events=events,
            declarations=declarations,
            defaults=defaults or {},
            timekeeper=Timekeeper(clock),
            troubles=Troubles(clock.elapsed),
        )
        self._pulse = Pulse(clock, min(1.0, settings.lease / 6, settings.blocked_after / 4))
        executors = make_executors(settings.threads, self._thread_freed, settings.processes, settings.process_start)
        if middleware:
            executors = {kind: Around(executor, middleware) for kind, executor in executors.items()}
        self._executors = executors
        self._signals = Signals(clock.elapsed, self._signalled, self._signalled_again)
        self._life = (Life.STARTING, clock.now())
        self._app: Crossing | None = None
        self._app_thread = 0
        self._thread: NodeThread | None = None
        self._keeping: Keeping | None = None
        self._shift: Shift | None = None
        self._begun: asyncio.Future[None] | None = None
        self._thread_over: asyncio.Event = asyncio.Event()
        self._draining: asyncio.Task[None] | None = None
        self._stopping = False
        self._capture: LineCapture | None = None
        self._losing: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begin. When this returns the node is live, or the database is away and it begins once that is back.

        Raises StoreMisconfigured (MigrationNeeded among them) and whatever else waiting would not mend.
        """
        if self._app is not None:
            raise RuntimeError("this node was started before; make another one to start again")
        loop = asyncio.get_running_loop()
        self._app, self._app_thread = Crossing(loop), threading.get_ident()
        self._begun = loop.create_future()
        self._pulse.start()
        self._keeping = Keeping(
            self._store.twin(),
            self._store,
            self._parts,
            executors=self._executors,
            pulse=self._pulse,
            app=self._app,
            owner=self,
        )
        name = f"hourbell-node-{threading.get_native_id()}"
        self._thread = NodeThread(name, self._keeping.main, self._ended_thread)
        self._signals.install()
        self._capture = LineCapture.install()
        try:
            self._thread.start()
            await self._first_attempt(self._begun)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Drain and end; returns when nothing of the node is left. Safe to call more than once."""
        if self._app is None:
            return
        await asyncio.shield(self._drain_once())
        self._signals.restore()

    def wake(self) -> None:
        """A hint that there is new work, from any thread. Nothing depends on it but how soon the work is found."""
        shift = self._shift
        if shift is not None and self._app is not None:
            if threading.get_ident() == self._app_thread:
                shift.claiming.take_now()
            else:
                self._app.call(shift.claiming.take_now)
        if self._thread is not None and self._keeping is not None:
            self._thread.call(self._keeping.hinted)
            if shift is not None and not shift.room():
                self._thread.call(self._keeping.crowded)

    @property
    def status(self) -> NodeStatus:
        """How the node is just now."""
        shift, keeping = self._shift, self._keeping
        state, since = self._life
        if state is Life.LIVE and (shift is None or not shift.trust.holds()):
            state = Life.AWAY
        return NodeStatus(
            id=shift.trust.node_id if shift is not None else None,
            state=state,
            since=since,
            running=shift.running() if shift is not None else 0,
            hints=keeping is not None and keeping.hints,
            stuck=self._parts.stuck.bodies(),
            last_error=self._parts.troubles.last(),
            lag=self._pulse.lag,
            blocked=self._pulse.blocked(),
        )

    def began(self, shift: Shift) -> None:
        """A lease is held: begin to claim under it."""
        self._shift = shift
        if self._stopping:
            shift.close()
            return
        self._become(Life.LIVE)
        parts = self._parts
        _log.info(
            "node %s is live on %s: %s, %s",
            shift.trust.node_id,
            parts.settings.database.shown,
            counted(len(parts.tasks), "task"),
            counted(len(parts.declarations()), "declared schedule"),
        )
        shift.start()
        self._settle_start(None)

    def over(self, shift: Shift) -> None:
        """The lease is lost: drop everything that was done under it."""
        if not self._stopping:
            self._become(Life.AWAY)
        task = spawn(shift.lose(), "lose")
        self._losing.add(task)
        task.add_done_callback(self._losing.discard)

    def could_not_begin(self, error: BaseException) -> None:
        """A try to begin failed: an error of the first try that waiting does not mend is the start's own."""
        self._settle_start(error)

    async def _first_attempt(self, begun: asyncio.Future[None]) -> None:
        try:
            async with asyncio.timeout(START_PATIENCE):
                await asyncio.shield(begun)
        except (StoreUnavailable, TimeoutError):
            self._become(Life.AWAY)
            _log.warning("started without the database; scheduling begins as soon as it answers")
        except StoreMisconfigured as error:
            # The message says what to mend; where in the driver it was noticed only buries it.
            raise error.with_traceback(None) from None
        finally:
            self._begun = None

    def _settle_start(self, error: BaseException | None) -> None:
        begun = self._begun
        if begun is None or begun.done():
            return
        if error is None:
            begun.set_result(None)
        else:
            begun.set_exception(error)

    def _drain_once(self) -> asyncio.Task[None]:
        if self._draining is None:
            self._draining = spawn(self._drain(), "drain")
        return self._draining

    async def _drain(self) -> None:
        self._close()
        self._become(Life.STOPPING)
        self._settle_start(None)
        thread, keeping, grace = self._thread, self._keeping, self._parts.settings.drain
        if thread is None or keeping is None:
            return
        thread.call(keeping.stopping, grace)
        try:
            if self._shift is not None:
                await self._shift.drain(grace)
        finally:
            with ExitStack() as last:  # each of them, whichever fails
                last.callback(self._signals.answer)
                last.callback(self._become, Life.STOPPED)
                last.callback(self._catch_no_more)
                last.callback(self._pulse.stop)
                for executor in self._executors.values():
                    last.callback(executor.stop)
                await self._end_thread(thread, keeping)
                if self._losing:
                    await asyncio.wait(set(self._losing))

    async def _end_thread(self, thread: NodeThread, keeping: Keeping) -> None:
        """The last words to the database, and the end of the thread that says them."""
        if not thread.call(keeping.finish):
            self._thread_over.set()
        try:
            async with asyncio.timeout(JOIN_PATIENCE):
                await self._thread_over.wait()
        except TimeoutError:
            _log.error("the node's thread did not end; it is left behind")
        else:
            thread.join(JOIN_PATIENCE)

    def _close(self) -> None:
        self._stopping = True
        if self._shift is not None:
            self._shift.close()

    def _become(self, state: Life) -> None:
        if self._stopping and state not in (Life.STOPPING, Life.STOPPED):
            return  # a start that a signal ended finds out late
        self._life = (state, self._parts.clock.now())

    def _thread_freed(self) -> None:
        if self._shift is not None:
            self._shift.thread_freed()

    def _ended_thread(self) -> None:
        if self._app is not None and not self._app.call(self._thread_over.set):
            self._catch_no_more()  # the application's loop was closed, and nobody will stop this node

    def _catch_no_more(self) -> None:
        capture, self._capture = self._capture, None
        if capture is not None:
            capture.remove()

    def _signalled(self) -> None:
        """In the signal handler: claim nothing more from this very moment; the rest when the loop gets its turn."""
        self._close()
        if self._app is not None:
            self._app.call(self._drain_once)
        if self._thread is not None and self._keeping is not None:
            # Also when the application's loop is blocked and never gets to draining.
            self._thread.call(self._keeping.stopping, self._parts.settings.drain)

    def _signalled_again(self) -> None:
        """In the signal handler: hand everything back from the node's thread, and wait for that a moment."""
        self._close()
        done = threading.Event()
        if self._thread is not None and self._keeping is not None and self._thread.call(self._keeping.force, done):
            done.wait(HAND_BACK_PATIENCE)
        if self._app is not None:
            # A server that is stopping us already waits for the drain, whatever it is told now.
            self._app.call(self._hurry)

    def _hurry(self) -> None:
        if self._shift is not None:
            self._shift.hurry()
