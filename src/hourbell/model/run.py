"""A run: one fire, or one request by hand, recorded until pruned; and its attempts."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hourbell.model.instants import instant_of
from hourbell.model.run_state import Outcome, RunState
from hourbell.model.stored_json import mapping_from

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime

    from hourbell.model.progress import Progress

SUSPICIOUS = 3
"""Losses after which a run is a suspect, if it was not one before: see `Run.suspicion`."""

ROOM_FOR_SUSPECTS = 10
"""How many suspects a node holds at a time; one whose next loss fails it is held as the only suspect."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run as it was read from the store. Instants are aware UTC.

    ``state`` is a `RunState`, and ``reason`` why it was skipped or ended without its body's say. ``origin`` is where it
    came from: ``fire``, ``trigger``, ``enqueue`` or ``backfill:<id>``. ``schedule_id`` and ``fire_at`` are its schedule
    and due time; None for a request by hand. ``args`` are its arguments as JSON, ``result`` what its body returned, as
    JSON too, ``error`` what it raised last: one line, and for most the traceback below. ``created_at`` is when it was
    recorded, ``started_at`` when the body of its last attempt began, ``finished_at`` when it became final; ``start_by``
    is the end of its grace. ``node_id`` is the node of its attempt (None while it is queued), and ``outcome`` how
    that ended (`Outcome`).
    ``key`` is that of the request; ``queue``, ``priority``, ``on_lost``, ``lost_limit`` and ``policies`` (None: all as
    by default) are what it runs under. ``tracking_id`` is that of the chain it belongs to, and ``parent`` the run whose
    body asked for it.

    ``attempt`` is the fence: it rises at every claim and never falls; ``failures`` and ``losses`` count against the
    retry budget and ``lost_limit``. A ``skipped`` run may stand for several due times: from ``fire_at`` to
    ``covers_until``, ``covers_count`` of them. ``run_at`` is the earliest instant at which it may start; None in a
    queued run: it waits until other runs of its schedule have ended. ``yielded_to`` is the run for which this one was
    skipped or cancelled under an overlap policy, or asked to end: it stays where the run succeeded all the same.
    ``progress`` is what an attempt of it said last. ``cancel_requested_at`` is when somebody asked it to end; while it
    still runs, ``reason`` says why.
    """

    id: str
    task: str
    state: RunState
    origin: str
    created_at: datetime
    schedule_id: str | None = None
    args: Mapping[str, Any] = field(default_factory=dict)
    reason: str | None = None
    fire_at: datetime | None = None
    covers_until: datetime | None = None
    covers_count: int | None = None
    run_at: datetime | None = None
    start_by: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    cancel_requested_at: datetime | None = None
    attempt: int = 0
    failures: int = 0
    losses: int = 0
    node_id: str | None = None
    outcome: str | None = None
    error: str | None = None
    result: Any = None
    queue: str = "default"
    priority: int = 0
    key: str | None = None
    policies: Mapping[str, Any] | None = None
    on_lost: str = "retry"
    lost_limit: int = 5
    tracking_id: str | None = None
    parent: str | None = None
    progress: Progress | None = None
    yielded_to: str | None = None

    @classmethod
    def of_fields(cls, found: dict[str, Any], args: str) -> Run:
        """A run of those of its fields that differ from their defaults, and of its arguments as they are stored; the
        dict becomes its own. Hundreds come with each claim, and to set 32 frozen fields one by one, or to read
        arguments that only the body will look at, takes longer than all else about a run."""
        found["unread_args"] = args
        run = object.__new__(cls)
        object.__setattr__(run, "__dict__", found)
        return run

    @classmethod
    def of_columns(cls, columns: Mapping[str, Iterable[Any]], holed: Collection[str]) -> list[Run]:
        """Many runs at once, of the values that each of these fields has in them, in their order; ``args`` as they are
        stored. None says nothing in those that are ``holed``: there the field is as its default."""
        names = ["unread_args" if name == "args" else name for name in columns]
        runs = []
        for values in zip(*columns.values(), strict=True):
            run = object.__new__(cls)
            found = run.__dict__
            found.update(zip(names, values))  # noqa: B905 - they are as many, and to be told costs a tenth of it all
            for name in holed:
                if found[name] is None:
                    del found[name]
            runs.append(run)
        return runs

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            # Asked for what is not there: the arguments of a run that was read, the first time that somebody looks.
            if name != "args" or "unread_args" not in self.__dict__:
                raise AttributeError(f"a run has no {name!r}")
            args = self.__dict__["args"] = mapping_from(self.__dict__["unread_args"])
            return args

    @property
    def stored_args(self) -> str | None:
        """The arguments as they are stored, JSON; None for a run that was not made of that."""
        text: str | None = self.__dict__.get("unread_args")
        return text

    @property
    def may_wait(self) -> bool:
        """False for what a node holds only to start it at once, as what waits there dies with it: a run that starts at
        most once would be lost for nothing, and one that was lost before would be held up once more."""
        return self.on_lost != "fail" and not self.losses

    @property
    def suspicion(self) -> int:
        """How much this run takes of its node's `ROOM_FOR_SUSPECTS`, for it may be what kills its nodes.

        Nothing before its third loss; then 1; all of it when the next loss fails the run, so that the death that fails
        a run is that of no other suspect.
        """
        if self.losses == 0:
            return 0
        if self.losses >= self.lost_limit - 1:
            return ROOM_FOR_SUSPECTS
        return 1 if self.losses >= SUSPICIOUS else 0


@dataclass(slots=True, kw_only=True)
class NewRun:
    """A request by hand: `enqueue` or "trigger now". ``id`` was made by the client. Never changed; frozen, it would
    take three times as long to make.

    ``key`` makes the request idempotent: a second request with the same task and key answers the first one's run; with
    ``key_period`` only while that is not older than the period, else the key passes on to the new run.
    ``delay`` counts from the database's present instant; ``run_at`` is an instant; with neither the run may start now.
    ``args_text`` is what is stored of ``args``, JSON, where that is known already.
    """

    id: str
    task: str
    origin: str
    args: Mapping[str, Any]
    args_text: str | None = None
    schedule_id: str | None = None
    run_at: datetime | None = None
    delay: timedelta | None = None
    queue: str = "default"
    priority: int = 0
    key: str | None = None
    key_period: timedelta | None = None
    policies: Mapping[str, Any] | None = None
    on_lost: str = "retry"
    lost_limit: int = 5
    tracking_id: str | None = None
    parent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One execution of a run by one node. While it goes on, ``finished_at`` and ``outcome`` are None; where its body
    never began, ``started_at`` is."""

    run_id: str
    attempt: int
    node_id: str
    started_at: datetime | None
    finished_at: datetime | None
    outcome: Outcome | None
    error: str | None


@dataclass(kw_only=True)
class Settlement:
    """What a node reports about an attempt that it holds. Never changed; one is made for each attempt, and freezing it
    costs more than all else about it.

    ``state`` is what the run becomes: a final state, or ``queued`` to be claimed again after ``delay`` (measured from
    the database's present instant); handed back without one, it is due since when it was. ``failed`` counts the attempt
    against the retry budget. The store accepts it only while the run is running under exactly this node and attempt:
    the fence. What somebody asked to end becomes cancelled where it would be queued again. ``started`` and ``finished``
    are instants as seconds since 1970 in UTC: to make a datetime of each and to send it takes ten times as long.
    """

    run_id: str
    attempt: int
    state: RunState
    outcome: Outcome
    failed: bool = False
    delay: timedelta = timedelta(0)
    error: str | None = None
    result: str | None = None
    started: float | None = None
    finished: float | None = None

    @classmethod
    def success(
        cls, run_id: str, attempt: int, result: str | None, started: float | None, finished: float
    ) -> Settlement:
        """The body returned. What is as by default is left to the class, and not set."""
        settlement = object.__new__(cls)
        settlement.run_id = run_id
        settlement.attempt = attempt
        settlement.state = RunState.SUCCEEDED
        settlement.outcome = Outcome.SUCCEEDED
        settlement.result = result
        settlement.started = started
        settlement.finished = finished
        return settlement

    @property
    def started_at(self) -> datetime | None:
        """``started`` as an aware instant."""
        return instant_of(self.started)

    @property
    def finished_at(self) -> datetime | None:
        """``finished`` as an aware instant."""
        return instant_of(self.finished)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """Which runs a list shows; None means any. ``cursor`` is the id after which the page begins (newest first).

    ``error`` is a text that the run's error contains, upper and lower case told apart. ``since`` and ``until`` are
    instants: runs that ended from the one on, and before the other.
    """

    schedule_id: str | None = None
    task: str | None = None
    state: RunState | None = None
    tracking_id: str | None = None
    reason: str | None = None
    error: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    cursor: str | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Claim:
    """The answer to a claim: ``runs`` are this node's to execute, each with its new attempt number; ``missed`` were
    later than their grace and are now skipped. ``now`` is the database's instant. ``passed_over`` are limited tasks
    that were not looked at, because another node was claiming them just then."""

    now: datetime
    runs: tuple[Run, ...]
    missed: tuple[Run, ...] = ()
    passed_over: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """Somebody asked this attempt, which is running, to end. ``reason`` becomes that of the run."""

    run_id: str
    attempt: int
    reason: str | None


@dataclass(frozen=True, slots=True)
class Held:
    """A run that the store counts as running under a node, with the attempt that is the fence."""

    run_id: str
    attempt: int
