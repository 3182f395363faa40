"""A node: one process, known by its lease."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from hourbell.model.plan import NextWork
    from hourbell.model.run import Run


class NodeState(StrEnum):
    """``live`` holds a lease; ``stopped`` ended by itself; ``dead`` was found expired. Only ``live`` may act."""

    LIVE = "live"
    STOPPED = "stopped"
    DEAD = "dead"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node as it was read from the store: the process ``pid`` of ``host``, with ``version`` of Hourbell.

    Its lease is good until ``lease_until``, unless renewed. ``running``  how many runs it had at its last renewal.
    Instants are aware UTC.

    ``clock_offset``  by how many seconds its host's clock was ahead of the
    database's when it said so last; None: not known. ``process``  the text of its `ProcessMark`; None: not told."""

    id: str
    host: str
    pid: int
    state: NodeState
    started_at: datetime
    lease_until: datetime
    running: int
    version: str
    clock_offset: float | None = None
    process: str | None = None

    def is_process_of(self, other: Node) -> bool:
        """Whether both are one process, as far as their rows tell: one that lost its lease and lives takes a new id.

        Where both told their `ProcessMark` that decides. One that was taken for dead while it lived tells none again.
        """
        is_one = (self.host, self.pid) == (other.host, other.pid)
        return is_one and (self.process is None or other.process is None or self.process == other.process)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewNode:
    """A node that registers. ``replaces`` is the id under which this same process lost its lease before.

    ``tasks``  every name that it can run, with the limit that its code states for it (None: no limit).
    ``queues``  those that it serves; None: all of them.
    ``process``  the text of its `ProcessMark`, where its system tells.
    """

    id: str
    host: str
    pid: int
    lease: timedelta
    version: str
    replaces: str | None = None
    tasks: Mapping[str, int | None] = field(default_factory=dict)
    queues: tuple[str, ...] | None = None
    process: str | None = None


@dataclass(frozen=True, slots=True)
class Registration:
    """The answer to a registration: the database's instant, and the runs of the node that it replaces which ended with
    that one."""

    now: datetime
    ended: tuple[Run, ...] = ()


@dataclass(frozen=True, slots=True)
class Sibling:
    """Another live node as a renewal sees it: the first witness is its lease, the second its renewal number.

    ``process``  by which its neighbours may know better than both.
    """

    id: str
    renewals: int
    lease_until: datetime
    process: str | None = None


@dataclass(frozen=True, slots=True)
class Renewal:
    """The answer to a successful renewal: the database's instant, the other live nodes, and the answer to the question
    that was sent with it, if any."""

    now: datetime
    siblings: tuple[Sibling, ...]
    work: NextWork | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Upkeep:
    """What nobody was woken for. ``lost``: runs of nodes that are gone. ``waiting``: runs that wait for their turn,
    rightly or not. ``ending``: what a pause or a removal has yet to end. ``overruled``: this node declares something
    else than what is stored, which nobody who lives does.
    """

    lost: bool = False
    waiting: bool = False
    ending: bool = False
    overruled: bool = False


@dataclass(frozen=True, slots=True)
class Rescue:
    """What one rescue did: the nodes it declared dead, how many of their runs it requeued, failed or cancelled, and how
    many others it released that had waited for a run which has ended. ``ended`` are the failed and the cancelled ones
    as they are stored now, in the order of their ids, and what ended of schedules that were paused or removed; two
    rescues that did the same in number are equal. ``is_cut_short``  it did not come to its end, and whoever rescues
    next goes on."""

    dead: tuple[str, ...] = ()
    requeued: int = 0
    failed: int = 0
    cancelled: int = 0
    released: int = 0
    ended: tuple[Run, ...] = field(default=(), compare=False)
    is_cut_short: bool = field(default=False, compare=False)
