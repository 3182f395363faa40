"""How a scheduler is, told honestly: from the database's answer and the node's own view."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from hourbell.engine.loop import spawn
from hourbell.engine.status import Life
from hourbell.errors import HourbellError, MigrationNeeded
from hourbell.model.run import RunFilter
from hourbell.model.schedule import ScheduleState
from hourbell.model.schedule_filter import ScheduleFilter
from hourbell.model.stranded import Stranded
from hourbell.model.stranded import told_of_stranded as told_of_stranded

if TYPE_CHECKING:
    from datetime import datetime

    from hourbell.scheduler.core import Core
    from hourbell.store.protocol import Store

Status = Literal["ok", "degraded", "down"]
_ANSWER = 1.0
"""Seconds that the database has for saying what time it is: as long as those wait who ask for the health by default."""
_READ = 2.0
"""Seconds that the tables have for the rest."""
_HELD_UP = 3
"""So often the time begins anew because this process was held up itself, and could not have heard an answer."""
_MOST_NAMED = 20
_DOCTOR = "`hourbell doctor` says by whom"
_MIGRATE = "run `hourbell migrate`"
_STEP = 1.0
"""Seconds by which the newest run may be ahead of the database's clock: it is written before it is read here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseHealth:
    """``ok``: it has just answered, at its own instant ``now``. ``error`` says why not, or what does not work in it."""

    ok: bool
    kind: str
    now: datetime | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeHealth:
    """This process's node. ``state`` is ``none`` when it is no node, else as the node sees itself.

    ``stuck``: bodies that did not end when their time was over and still go on, in words (the first 20).
    ``lag``: seconds by which the application's event loop was late last; ``blocked``: what kept it within the last
    minute.
    """

    id: str | None
    state: str
    running: int = 0
    hints: bool = False
    error: str | None = None
    stuck: tuple[str, ...] = ()
    lag: float = 0.0
    blocked: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """``ok``: all is well. ``degraded``: it answers, but something does not run; ``reasons`` say what. ``down``: the
    database does not answer, or this process's node cannot work.

    ``undeclared``: ids of schedules from code that no live node declares any more, which do not fire (the first 20).
    ``stranded``: runs that have been due for a lease or longer and that no live node may take (20 places at most).
    ``clock_back``: seconds by which the database's clock has gone back, at least; 0 where it has not.
    """

    status: Status
    database: DatabaseHealth
    node: NodeHealth
    undeclared: tuple[str, ...] = ()
    stranded: tuple[Stranded, ...] = ()
    reasons: tuple[str, ...] = ()
    clock_back: float = 0.0


async def examined(core: Core) -> Health:
    """Ask the database and the node how they are."""
    node = _node_health(core)
    kind = core.settings.database.kind
    now: datetime | None = None
    try:
        now = await _answer(core.store)
        async with asyncio.timeout(_READ):
            missing = await core.store.pending()
            if missing:
                raise MigrationNeeded(f"Hourbell's tables lack {len(missing)} changes of this version; {_MIGRATE}")
            newest = await core.store.list_runs(RunFilter(limit=1))
            page = await core.store.list_schedules(ScheduleFilter(state=ScheduleState.UNDECLARED, limit=_MOST_NAMED))
            stranded = await core.store.stranded(timedelta(seconds=core.settings.lease))
    except TimeoutError:
        told = f"it has not answered for {_ANSWER:g} s"
        if now is not None:
            told = f"it answers, but its tables are locked by somebody: they did not within {_READ:g} s; {_DOCTOR}"
        database = DatabaseHealth(ok=now is not None, kind=kind, now=now, error=told)
    except HourbellError as error:
        database = DatabaseHealth(ok=now is not None, kind=kind, now=now, error=str(error))
    else:
        ahead = (newest.items[0].created_at - now).total_seconds() if newest.items else 0.0
        return _judged(
            DatabaseHealth(ok=True, kind=kind, now=now),
            node,
            tuple(one.id for one in page.items),
            tuple(stranded[:_MOST_NAMED]),
            back=ahead if ahead > _STEP else 0.0,
        )
    return Health(status="down", database=database, node=node, reasons=(f"database: {database.error}",))


async def _answer(store: Store) -> datetime:
    """The database's instant. Raises TimeoutError when it says nothing, though this process could have heard it."""
    loop = asyncio.get_running_loop()
    asking = spawn(store.ping(writing=True), "health")
    try:
        for _ in range(_HELD_UP):
            began = loop.time()
            await asyncio.wait({asking}, timeout=_ANSWER)
            if asking.done():
                heard: datetime = await asking
                return heard
            if loop.time() - began < _ANSWER * 1.5:
                break
        raise TimeoutError
    finally:
        asking.cancel()
        await asyncio.wait({asking})


def _judged(
    database: DatabaseHealth,
    node: NodeHealth,
    undeclared: tuple[str, ...],
    stranded: tuple[Stranded, ...],
    *,
    back: float,
) -> Health:
    """Each reason is one for which all is not well. Down is only who cannot work at all."""
    reasons = []
    is_down = node.state in (Life.AWAY, Life.STOPPED)
    if back:
        reasons.append(
            f"the database's clock has gone back by {back:.0f} s or more: what has fired before fires again only when "
            "it has caught up"
        )
    if undeclared:
        reasons.append(f"schedules that no live node declares do not fire: {', '.join(undeclared)}")
    reasons += [told_of_stranded(one) for one in stranded]
    if is_down:
        reasons.append(f"the node of this process is {node.state}: {node.error or 'it holds no lease'}")
    elif node.state in (Life.STARTING, Life.STOPPING):
        reasons.append(f"the node of this process is {node.state}")
    elif node.error is not None:
        reasons.append(f"something that the node of this process does fails again and again: {node.error}")
    if node.stuck:
        reasons.append(f"bodies that do not end although they were asked to: {'; '.join(node.stuck)}")
    if node.blocked is not None:
        reasons.append(f"the event loop of this process was blocked: {node.blocked}")
    return Health(
        status="down" if is_down else "degraded" if reasons else "ok",
        database=database,
        node=node,
        undeclared=undeclared,
        stranded=stranded,
        reasons=tuple(reasons),
        clock_back=back,
    )


def _node_health(core: Core) -> NodeHealth:
    if core.node is None:
        return NodeHealth(id=None, state="none")
    status = core.node.status
    return NodeHealth(
        id=status.id,
        state=str(status.state),
        running=status.running,
        hints=status.hints,
        error=status.last_error,
        stuck=tuple(
            f"run {one.run_id} of {one.task}, attempt {one.attempt}, since {one.since.isoformat(timespec='seconds')}"
            for one in status.stuck[:_MOST_NAMED]
        ),
        lag=status.lag,
        blocked=str(status.blocked) if status.blocked is not None else None,
    )
