"""What all verbs of the scheduler stand on: its settings, its tasks, and a store that is open or not."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, TypeVar

from hourbell.acting import current_actor
from hourbell.adopted_names import adopted_policies
from hourbell.clock import SystemClock
from hourbell.engine.loop import spawn
from hourbell.engine.status import Life
from hourbell.errors import HourbellError, InvalidArguments, StoreUnavailable
from hourbell.events import Events
from hourbell.model.audit import Act, Action
from hourbell.model.ids import new_run_id
from hourbell.scheduler.application_engine import address_of, connect_args_of
from hourbell.scheduler.batches import Batches
from hourbell.scheduler.guarding import Guarding
from hourbell.scheduler.hints import Hints
from hourbell.scheduler.looks import Looks
from hourbell.scheduler.options import divided
from hourbell.scheduler.stopping import Stopping
from hourbell.scheduler.stores import is_store, make_store
from hourbell.scheduler.waiters import Waiters
from hourbell.settings import Settings
from hourbell.task import Task, TaskRegistry
from hourbell.telling import Telling
from hourbell.tracking import current_tracking_id
from hourbell.triggers import Trigger
from hourbell.triggers.zones import zone

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from hourbell.clock import Clock
    from hourbell.engine.node import Node
    from hourbell.middleware import Middleware
    from hourbell.model.run import Run
    from hourbell.model.schedule import Declaration
    from hourbell.scheduler.declarations import Declared
    from hourbell.store.protocol import Store

T = TypeVar("T")

_log = Telling(logging.getLogger("hourbell.scheduler"))
_NOT_OPEN = (
    "the scheduler is not open: call this inside `async with scheduler:`, or in an application with "
    "lifespan=scheduler.lifespan that has started"
)


class Core:
    """One scheduler's parts. Making it reads settings and touches no database. Raises InvalidArguments."""

    def __init__(self, database: object, clock: Clock | None, options: Mapping[str, Any]) -> None:
        settings, given = divided(options)
        self.defaults = {**adopted_policies(), **given}
        own = is_store(database)
        self.settings = Settings.load(database_url="memory://" if own else address_of(database), **settings)
        zone(self.settings.timezone)
        self.clock = clock or SystemClock()
        self.events = Events()
        self.waiters = Waiters(self.events)
        self.looks = Looks(self)
        self.stopping = Stopping(self)
        self.tasks = TaskRegistry()
        self.declared: dict[str, Declared] = {}
        self.middleware: list[Middleware] = []
        self.guards = Guarding(self)
        self.node: Node | None = None
        self.leaving: asyncio.Task[None] | None = None
        self._made_store: Any = database if own else None
        self._connect_args = connect_args_of(database)
        self._openings = 0
        self._soon: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.hints = Hints(lambda: self.store)
        self._batches: Batches | None = None

    @property
    def is_open(self) -> bool:
        """True between the first `open` and the last `close`."""
        return self._openings > 0

    @property
    def store(self) -> Store:
        """The open store. Raises HourbellError when nobody has opened the scheduler, or another event loop has."""
        if not self.is_open:
            raise HourbellError(_NOT_OPEN)
        self._refuse_other_loop()
        return self._store()

    @property
    def batches(self) -> Batches:
        """Where requests are written. Raises as `store` does."""
        if not self.is_open_here or self._batches is None:
            _ = self.store
            raise AssertionError("the store is open and has no batches")
        return self._batches

    @property
    def unopened_store(self) -> Store:
        """The store, open or not: for what needs no connection of its own."""
        return self._store()

    def act(self, action: Action) -> Act:
        """What is about to be done here, and by whom: see `hourbell.acting`."""
        return Act(
            id=new_run_id(self.clock.now()),
            action=action,
            actor=current_actor(),
            tracking_id=current_tracking_id(),
        )

    @property
    def is_open_here(self) -> bool:
        """True on the event loop on which the store is open."""
        try:
            return self.is_open and asyncio.get_running_loop() is self._loop
        except RuntimeError:  # no loop runs in this thread
            return False

    def wait_for(self, work: Callable[[], Awaitable[T]]) -> T:
        """Await this on the scheduler's loop, from another thread. Raises what it raises, and StoreUnavailable."""
        loop = self._loop
        if not self.is_open or loop is None:
            raise StoreUnavailable(_NOT_OPEN)

        async def awaited() -> T:
            return await work()

        coroutine = awaited()
        try:
            answer = asyncio.run_coroutine_threadsafe(coroutine, loop)
        except RuntimeError as error:  # the loop has been closed, and the scheduler has not
            coroutine.close()
            raise StoreUnavailable(f"the event loop of the scheduler has ended; {_NOT_OPEN}") from error
        return answer.result()

    def soon(self, work: Callable[[], Awaitable[None]]) -> None:
        """Have this awaited on the scheduler's loop, from whichever thread; not at all when the scheduler is not open.

        For hints only: what was stored is found by the next poll anyway.
        """
        loop = self._loop
        if not self.is_open or loop is None:
            return
        try:
            loop.call_soon_threadsafe(self._begin, work)
        except RuntimeError:
            _log.debug("the scheduler's loop is closed; the next poll finds what was stored")

    def _begin(self, work: Callable[[], Awaitable[None]]) -> None:
        if self.is_open:
            task = spawn(_quietly(work), "hint")
            self._soon.add(task)
            task.add_done_callback(self._soon.discard)

    async def open(self) -> None:
        """Open the store unless it is open; each call asks for one `close`."""
        if self.is_open:
            self._refuse_other_loop()
        self._openings += 1
        try:
            if self._openings == 1:
                self._loop = asyncio.get_running_loop()
                self._batches = Batches(self, self._loop)
                await self._store().open()
        except BaseException:
            self._openings -= 1
            raise

    async def close(self) -> None:
        """Close the store when nobody else needs it open."""
        self._openings -= 1
        if not self.is_open:
            await self.looks.end()
            for task in list(self._soon):
                task.cancel()
            await asyncio.gather(*self._soon, return_exceptions=True)
            await self.guards.close()
            await self._store().close()

    async def wake(self, task: str, queue: str) -> None:
        """Let a new run of this task begin at once: here when this process can run it, else wherever hints arrive."""
        node = self.node_for(task, queue)
        if node is not None:
            node.wake()
        else:
            await self.hints.send()

    def node_for(self, task: str, queue: str) -> Node | None:
        """This process's node, where it can run this."""
        served = self.settings.queues is None or queue in self.settings.queues
        can = served and self.settings.max_runs and self.tasks.find(task) is not None
        return self._live_node() if can else None

    async def wake_firing(self) -> None:
        """Let every node look at a changed schedule: any of them may fire it, and this one may be gone by then."""
        node = self._live_node()
        if node is not None:
            node.wake()
        await self.hints.send()

    async def wake_node(self, node_id: str | None) -> None:
        """Let the node look at what is asked of its runs: this process's own at once, another where hints arrive."""
        node = self.node
        if node is not None and node.status.id == node_id:
            node.wake()
        else:
            await self.hints.send()

    def tell_ends(self, runs: Iterable[Run]) -> None:
        """Tell the subscribers of this process which runs a verb has ended."""
        self.events.tell_ends(runs, None)

    def find_task(self, task: object) -> Task[..., Any]:
        """The registered task. Raises UnknownTask, and InvalidArguments for a function that is no task."""
        if isinstance(task, Task):
            return self.tasks.get(task.name)
        if not isinstance(task, str):
            raise InvalidArguments(f"{task!r} is no task: decorate the function with @scheduler.task")
        return self.tasks.get(task)

    def find_trigger(self, trigger: object) -> Trigger:
        """The trigger, in the scheduler's zone unless it has one. Raises InvalidArguments when it is none."""
        if not isinstance(trigger, Trigger):
            raise InvalidArguments(
                f"{trigger!r} is no trigger: give one such as Cron('0 9 * * *'), Every(minutes=10) or At(instant)"
            )
        return trigger.localized(self.settings.timezone)

    def declaration_of(self, declared: Declared) -> Declaration:
        """What is stored of a schedule that was said. Raises InvalidArguments when its arguments do not fit."""
        return declared.declaration(timezone=self.settings.timezone, defaults=self.defaults)

    def _live_node(self) -> Node | None:
        """This process's node while it may claim: one that drains at the end of its life does not any more."""
        return self.node if self.node is not None and self.node.status.state is Life.LIVE else None

    def _refuse_other_loop(self) -> None:
        # Connections belong to the loop that made them; used from another they hang, or fail in words of their own.
        if asyncio.get_running_loop() is not self._loop:
            raise HourbellError(
                "the scheduler was opened on another event loop: call it there, from a thread by "
                "asyncio.run_coroutine_threadsafe(…, that_loop); a thread asks for a run by "
                "task.options().enqueue_sync(…)"
            )

    def _store(self) -> Store:
        if self._made_store is None:
            self._made_store = make_store(self.settings, self.clock, self._connect_args)
        store: Store = self._made_store
        return store


async def _quietly(work: Callable[[], Awaitable[None]]) -> None:
    try:
        await work()
    except HourbellError as error:
        _log.debug("no hint could be given: %s", error)
