"""The proof from its start to its verdict."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import signal
import tempfile
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hourbell import Every, HourbellError
from hourbell.clock import SystemClock
from hourbell.errors import MigrationNeeded
from hourbell.model.node import NodeState
from hourbell.prove.course import Course, Orders
from hourbell.prove.database import ProvingGround, proving_ground
from hourbell.prove.figures import Evidence
from hourbell.prove.ledger import read_ledger
from hourbell.prove.mayhem import Mayhem, ended
from hourbell.prove.node import make_scheduler
from hourbell.prove.nodes import Nodes
from hourbell.prove.record import Record, read_record
from hourbell.prove.result import Result
from hourbell.prove.telling import Display, conclude, introduce
from hourbell.testing.postgres_server import PostgresServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from hourbell import Scheduler

_START = 60.0
_LEAD = timedelta(seconds=3)
# After the last fire: every run that a dead node held is taken over, tried again and settled.
_PATIENCE = 60.0
_LOOK_EVERY = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """``database``  a URL; None: a throw-away file, or with ``postgres`` a throw-away server. ``seed``  None: by lot.

    ``seconds``  as long as schedules fire; in less than 20 little can happen. ``report``  where the result is written
    as JSON.
    """

    database: str | None = None
    postgres: bool = False
    seconds: float = 120.0
    nodes: int = 4
    seed: int | None = None
    report: Path | None = None

    def run(self, console: Console) -> Result:
        """Run it to its end.

        Raises InvalidArguments, StoreUnavailable, and PostgresUnavailable, which say what to do. Whatever is raised,
        no process and nothing in the database is left behind.
        """
        folder = Path(tempfile.mkdtemp(prefix="hourbell-prove-"))
        keep = True
        try:
            with _ended_tidily(), self._url(folder) as url:
                result = asyncio.run(self._prove(proving_ground(url), folder, console))
            keep = bool(result.broken)
        except (KeyboardInterrupt, HourbellError):
            keep = False
            raise
        finally:
            if not keep:
                shutil.rmtree(folder, ignore_errors=True)
        conclude(console, result)
        if self.report is not None:
            self.report.write_text(json.dumps(result.to_json(), indent=2) + "\n", encoding="utf-8")
        if keep:
            console.print(f"What the nodes said and what the bodies wrote is kept in {folder}", soft_wrap=True)
        return result

    @contextmanager
    def _url(self, folder: Path) -> Iterator[str]:
        if self.database is not None:
            yield self.database
        elif self.postgres:
            with PostgresServer(own=True) as server:
                yield server.url
        else:
            yield f"sqlite:///{folder / 'hourbell.db'}"

    async def _prove(self, ground: ProvingGround, folder: Path, console: Console) -> Result:
        seed = self.seed if self.seed is not None else random.SystemRandom().randrange(1_000_000)
        course = Course.drawn(seed=seed, seconds=self.seconds, nodes=self.nodes, kind=ground.kind)
        orders = Orders(database=ground.url, schema=ground.schema, folder=str(folder))
        introduce(console, course, ground.shown)
        scheduler = make_scheduler(orders)
        opened = False
        try:
            async with scheduler:
                opened = True
                with Nodes(orders, course.bends, folder) as nodes, Display(console, course.seconds) as display:
                    evidence = await _Trial(course, ground, scheduler, nodes, folder, display).held()
        except MigrationNeeded as error:
            raise MigrationNeeded(f"{ground.shown} cannot be made: {ground.needs}") from error
        finally:
            left = await _cleared(ground)
            if left is not None and opened:
                console.print(f"[bold red]Left behind[/]: {ground.made} ({left})", soft_wrap=True, highlight=False)
        return Result.of(evidence, ground.shown)


async def _cleared(ground: ProvingGround) -> str | None:
    """Remove what was made; answers why that could not be done. It never hides why the proof ended."""
    try:
        await ground.clear()
    except asyncio.CancelledError:
        return "stopped once more while it was removed"
    except Exception as error:  # noqa: BLE001 - said to whoever can mend it, after what the proof itself says
        return f"{type(error).__name__}: {error}"
    return None


def _interrupt(*_: object) -> None:
    signal.raise_signal(signal.SIGINT)


@contextmanager
def _ended_tidily() -> Iterator[None]:
    """What is asked to end by SIGTERM cleans up as after Ctrl-C."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@dataclass(slots=True)
class _Trial:
    """The part of the proof during which nodes run."""

    course: Course
    ground: ProvingGround
    scheduler: Scheduler
    nodes: Nodes
    folder: Path
    display: Display

    async def held(self) -> Evidence:
        """Run the course, wait until nothing is left to do, end the nodes, and gather what can be known."""
        clock = SystemClock()
        await self._until_live()
        first = clock.host_now().replace(microsecond=0) + _LEAD
        last = first + timedelta(seconds=int(self.course.seconds))
        await self._store(first, last)
        mayhem = Mayhem(self.course, self.nodes, self.ground, clock, self.folder)
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(self._watch(clock, mayhem, first))
            await mayhem.run(first)
            await asyncio.sleep(max(0.0, (last - clock.host_now()).total_seconds()))
            record = await self._until_finished()
            watching.cancel()
        await asyncio.gather(*(ended(process) for process in self.nodes.places))
        record = await read_record(self.scheduler) if not record.unfinished else record
        return Evidence(
            course=self.course,
            first=first,
            last=last,
            deeds=mayhem.deeds,
            record=record,
            lines=read_ledger(self.folder),
        )

    async def _until_live(self) -> None:
        """Wait until every process is a node. Raises HourbellError with what one said that does not become one."""
        for _ in range(int(_START / _LOOK_EVERY)):
            self.display.show("starting", 0.0, [], 0)
            for process in self.nodes.places:
                if process.exit_code is not None:
                    raise HourbellError(f"a node ended with {process.exit_code}; it said: {process.last_words()}")
            live = [node for node in await self.scheduler.list_nodes() if node.state is NodeState.LIVE]
            if len(live) == self.course.nodes:
                return
            await asyncio.sleep(_LOOK_EVERY)
        raise HourbellError(f"after {_START:g} s not every node lives; one said: {self.nodes.places[0].last_words()}")

    async def _store(self, first: datetime, last: datetime) -> None:
        for planned in self.course.schedules:
            policies: dict[str, Any] = dict(planned.policies)
            trigger = Every(seconds=planned.seconds, start=first, end=last)
            await self.scheduler.add_schedule(planned.body, trigger, id=planned.id, args=planned.args, **policies)

    async def _watch(self, clock: SystemClock, mayhem: Mayhem, first: datetime) -> None:
        while True:
            elapsed = (clock.host_now() - first).total_seconds()
            stage = "running" if elapsed <= self.course.seconds else "waiting for the last runs"
            begun = sum(path.read_bytes().count(b'"began"') for path in self.folder.glob("*.ledger"))
            self.display.show(stage, elapsed, mayhem.deeds, begun)
            await asyncio.sleep(_LOOK_EVERY)

    async def _until_finished(self) -> Record:
        """Wait until every fire has come and every run has ended; what is unfinished after a minute stays so."""
        for _ in range(int(_PATIENCE)):
            with suppress(HourbellError):  # its sessions may just have been ended, too
                record = await read_record(self.scheduler)
                states = {one.next_fire_at for one in await self.scheduler.list_schedules(limit=1_000)}
                if states == {None} and not record.unfinished:
                    return record
            await asyncio.sleep(1)
        return await read_record(self.scheduler)
