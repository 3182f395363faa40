"""The port: every verb that the rest of Hourbell may ask of a store, with its guarantee.

Each verb is atomic: it happens whole or not at all, and no verb hands out an open transaction. Each writing verb may be
repeated after a lost answer. Instants are judged by the store's own clock (``coalesce(:now, now())`` in SQL), never by
the caller's. Verbs raise `StoreUnavailable` when the database cannot be reached (the caller may ask again),
`StoreMisconfigured` when waiting does not help, `StoreRejected` when the database refuses the data itself.

Three implementations pass one conformance suite (`hourbell.testing.conformance`): memory, SQLite, PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Protocol

from hourbell.model.retention import FROM_THE_FIRST
from hourbell.model.run_state import Reason
from hourbell.store.audit_protocol import AuditStore
from hourbell.store.firing_protocol import FiringStore
from hourbell.store.guard_protocol import GuardStore
from hourbell.store.log_protocol import LogStore
from hourbell.store.watch_protocol import WatchStore

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime, timedelta

    from hourbell.model.database_facts import DatabaseFacts
    from hourbell.model.editing import Change
    from hourbell.model.hint import Heard, Hint
    from hourbell.model.limit import Limit
    from hourbell.model.named_calendar import NamedCalendar
    from hourbell.model.node import NewNode, Node, Registration, Renewal, Rescue, Upkeep
    from hourbell.model.page import Page
    from hourbell.model.plan import NextWork, Question
    from hourbell.model.retention import Pruned, Retention
    from hourbell.model.run import Attempt, Claim, Held, NewRun, Run, RunFilter, Settlement
    from hourbell.model.run_state import RunState
    from hourbell.model.schedule import Declaration, Schedule
    from hourbell.model.schedule_filter import ScheduleFilter
    from hourbell.model.stranded import Stranded
    from hourbell.model.survey import Survey
    from hourbell.store.transaction import Transaction

OnConflict = Literal["update", "keep", "error"]

NOBODY: Mapping[str, str] = MappingProxyType({})

Ended = Callable[[Sequence["Run"]], object]
"""Hears of runs that a verb has ended besides what it was asked for, as they are stored, after the commit."""


def untold(runs: Sequence[Run]) -> None:
    """Nobody wants to hear of them."""


class ScheduleStore(FiringStore, Protocol):
    """Schedules, and the step that turns a due schedule into runs."""

    async def declare(self, node_id: str, declarations: Sequence[Declaration]) -> Sequence[Schedule]:
        """Reconcile the schedules of this node's code with what is stored, by id, in one transaction.

        New ids are inserted (many nodes starting at once make one row); others change as `redeclared` decides.
        Remembers that this node declares each of them with its digest, in place of what it declared before. Answers
        the schedules as they are stored now, in the order of the declarations.
        """

    async def add_schedule(self, declaration: Declaration, on_conflict: OnConflict) -> Schedule:
        """Store a schedule made at run time and answer it as stored.

        An id that exists: ``update`` changes what differs and keeps the cursor where the trigger is the same, ``keep``
        answers what is there, ``error`` raises Conflict.
        """

    async def edit_schedule(self, schedule_id: str, change: Change, *, ended: Ended = untold) -> Schedule:
        """Lock the row, let ``change`` decide from it and the database's instant, write what it decided.

        The skip of the edit happens in the same transaction, and so does the end of queued fires (``end_queued``). Of
        very many, the rest ends in further transactions before this answers; when it does not come that far, whoever
        rescues next goes on. Waits at most the lock timeout. ``ended`` hears of the fires that ended,
        after each commit. Raises NotFound, and whatever ``change`` raises (nothing is written then).
        """

    async def remove_schedule(
        self, schedule_id: str, revision: str | None = None, *, ended: Ended = untold
    ) -> Schedule:
        """Delete the schedule; its queued runs end as skipped, as in `edit_schedule`; its runs stay in the history.

        With ``revision`` only while it is that. Raises NotFound, and StaleRevision when it is another.
        """

    async def backfill(self, schedule_id: str, origin: str, fires: Sequence[datetime]) -> int:
        """Insert a run of this origin for each of these due times that has none yet, and answer how many those were.

        They wait for their turn behind the schedule's fires and requests (`hourbell.model.overlap.turns`). Raises
        NotFound, and Conflict when the schedule is paused or undeclared.
        """

    async def get_schedule(self, schedule_id: str) -> Schedule:
        """The schedule as it is stored. Raises NotFound."""

    async def list_schedules(self, wanted: ScheduleFilter) -> Page[Schedule]:
        """Schedules that the filter wants, in the order that it names, beginning after its cursor."""


class CalendarStore(Protocol):
    """Calendars that schedules name in their policy ``blackout``."""

    async def put_calendar(self, name: str, spec: str, on_conflict: OnConflict) -> NamedCalendar:
        """Store a calendar, its spec as JSON text, and answer it as stored. What fires next is judged by it.

        A name that exists: ``update`` changes it when the spec differs, ``keep`` answers what is there, ``error``
        raises Conflict.
        """

    async def get_calendar(self, name: str) -> NamedCalendar:
        """The calendar as it is stored. Raises NotFound."""

    async def list_calendars(self, *, cursor: str | None = None, limit: int = 50) -> Page[NamedCalendar]:
        """Calendars in the order of their names, beginning after ``cursor``."""

    async def remove_calendar(self, name: str, *, force: bool = False) -> NamedCalendar:
        """Delete the calendar and answer it as it was. Raises NotFound, and Conflict while schedules name it, unless
        ``force``: they are held then."""


class RunStore(Protocol):
    """Runs, from their request to their end."""

    async def enqueue(self, runs: Sequence[NewRun], *, hint: bool = False) -> Sequence[Run]:
        """Insert runs requested by hand, and answer them as stored, in the same order.

        ``hint``: other nodes are told right behind it, as by `Store.hint`, and which run it is where it is one, and due
        (`hourbell.model.hint`); not in a transaction of the application's,
        before whose end there is nothing to be told. That they could not be told is no error.

        A run whose (task, key) exists is not inserted: the run that has the key is answered, unless that is older than
        the new one's ``key_period``; then the key passes on. Repeating it with the same ids inserts nothing twice.
        """

    async def trigger_schedule(
        self, schedule_id: str, build: Callable[[Schedule], NewRun], *, ended: Ended = untold
    ) -> Run:
        """Under the schedule's lock, let ``build`` make a run from it and insert that as `enqueue` does.

        The schedule's overlap policy decides as for a fire: it may be recorded as skipped (reason overlap), wait for
        its turn, or have others make way (``ended`` hears of those that ended for it). Raises NotFound.
        """

    async def claim(
        self,
        node_id: str,
        claim_id: str,
        *,
        limit: int,
        tasks: Mapping[str, int],
        queues: Sequence[str] | None,
        suspects: int,
        limits: Collection[Limit] = (),
        slots: int | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Claim | None:
        """Give this node at most ``limit`` due runs of the tasks that it knows, each with the next attempt number.

        ``tasks`` maps a task's name to how many more of it the node has room for; ``queues`` None means all. Lower
        priority numbers first, then the earlier ``run_at``; runs locked by others are passed over. Those that may be
        what kills their nodes take of ``suspects`` in that order, each its `Run.suspicion`, until one does not fit;
        none behind that one is given (so that the death which fails a run convicts no other). A run past its
        ``start_by`` on its first attempt becomes skipped (missed) instead. Answers None, and claims nothing, when the
        node is not live: its row is the lock, taken first.

        ``slots`` is how many of them start as soon as they are there, None: all. Of runs that may not wait
        (`Run.may_wait`) no more than that are given. What was due before ``since`` or after ``until`` may be left out.

        ``limits`` bound how many runs of a task may be running at once, over all nodes that claim it under a limit; the
        least limit that any live node states for it (see `register_node`) counts. They are counted after the task's own
        row is locked, so that two nodes together never exceed it; a task whose row another node has locked is passed
        over and named in the answer. Tasks without a limit touch no such row.
        """

    async def claim_named(self, node_id: str, claim_id: str, hint: Hint) -> Claim | None:
        """Give this node the one run that a hint named, as `claim` would that has room for one, knows this task alone
        and serves this queue alone.

        Nothing when the run is not there, not queued, not due or locked by somebody, and nothing of what is better left
        to `claim`, which weighs it against others: a run that was lost before, or that has a ``start_by``. Whatever it
        answers says nothing of other runs. Tasks under a limit are not asked for. None as `claim`.
        """

    async def claimed(self, node_id: str, claim_id: str) -> Sequence[Run]:
        """The runs that are running under this node from this claim: what an answer that was lost would have said."""

    async def held(self, node_id: str) -> Sequence[Held]:
        """Every run that is running under this node's name."""

    async def note_started(self, node_id: str, started: Sequence[tuple[str, int, datetime]]) -> None:
        """Write when long bodies began, as (run id, attempt, instant), so that the history shows it while they run.

        Rows that are not running under this node and attempt are passed over.
        """

    async def settle(self, node_id: str, settlements: Sequence[Settlement]) -> Mapping[str, RunState]:
        """Write how attempts ended, and answer the ids of the runs for which this was accepted, with what each became.

        Accepted only while the run is running under exactly this node and attempt. A settlement that was written
        already by the same node and attempt, with the same outcome (its answer was lost), counts as accepted. An id
        that is missing from the answer means: the lease was lost, nothing was written. An attempt that ends without
        ending the run leaves a row in ``attempts``.

        A run that somebody asked to end is not queued again: it becomes cancelled where it was to be tried again or
        handed back, and where its node cancelled the body. One that succeeded or failed for good did so.

        None at all is a rehearsal: nothing is written, and what the first would wait for (a connection, a statement
        that is known to it) is there.
        """

    async def is_settled(self, node_id: str, run_id: str, attempt: int) -> bool:
        """Whether this attempt has ended its run as succeeded, by the row itself.

        Waits, at most the lock timeout, for a transaction that has written the row and is not committed yet: so a
        commit whose answer was lost is either done or never will be when this answers.
        """

    async def cancel_run(self, run_id: str, reason: Reason = Reason.CANCELLED) -> Run:
        """End a queued run as cancelled, for this reason; ask a running one to end, and answer it as it stands.

        The request is kept in the run's ``cancel_requested_at`` until its node, which `next_work` tells of it, settles
        the attempt. The first request counts, others change nothing. When the node dies instead, the run becomes
        cancelled and not lost. Raises NotFound, and Conflict when the run is final.
        """

    async def retry_run(self, run_id: str, args: Mapping[str, Any] | None = None) -> Run:
        """Queue a final run again, now, with a fresh retry budget; the attempt number goes on.

        ``args`` take the place of the run's arguments. Where its schedule limits overlap it takes its turn, as if it
        had been buffered when it was made. Raises NotFound, Conflict when it is not final, and Conflict when it stands
        for due times that did not run.
        """

    async def retry_runs(self, run_ids: Collection[str]) -> Sequence[Run]:
        """As `retry_run` for many, in one transaction. Those that are gone, not final, or stand for due times that did
        not run are passed over; the answer is the others, in the order of their ids."""

    async def get_run(self, run_id: str) -> Run:
        """The run as it is stored. Raises NotFound."""

    async def list_runs(self, wanted: RunFilter) -> Page[Run]:
        """Runs that the filter wants, newest first, from its cursor on. A page may end where this looks no further."""

    async def list_attempts(self, run_id: str) -> Sequence[Attempt]:
        """The earlier attempts of a run, oldest first, the newest `MOST_ATTEMPTS` of them; the current or last one
        stands in the run itself."""

    async def prune(self, retention: Retention, limit: int, beyond: Mapping[RunState, str] = FROM_THE_FIRST) -> Pruned:
        """Delete at most ``limit`` final runs that ended longer ago than ``retention`` says for their state, of each
        state the oldest first, nodes gone for a day, and guards that have expired. What was made since then by its id
        (the clock went back) stays.

        Of a state that ``beyond`` names, only runs of greater ids: what an earlier step ``reached`` need not be read
        again, which matters while PostgreSQL cannot remove what was deleted. Fewer deleted than ``limit`` means that
        nothing is left to delete now, beyond that, unless the answer is cut short.
        """


class NodeStore(Protocol):
    """Nodes and their leases."""

    async def register_node(self, node: NewNode) -> Registration:
        """Insert a live node with a fresh lease, what it can run, and answer the database's instant.

        ``replaces`` names the id under which the same process lost its lease: that node is marked dead and its runs
        are treated as a rescue treats them; the answer names those that ended. Repeating the call with the same id
        changes nothing.
        """

    async def renew(
        self,
        node_id: str,
        lease: timedelta,
        running: int,
        clock_offset: float | None = None,
        *,
        question: Question | None = None,
    ) -> Renewal | None:
        """Extend the lease of a live node and add one to its renewal number; None when it is not live any more.

        An expired lease is not renewed either: the node must take a new id. ``clock_offset``  by how many seconds the
        node's host is ahead of this database, kept for whoever looks; None: as it was. With a ``question`` the answer
        has what `next_work` says to it; without one, no table but that of the nodes is touched.
        """

    async def upkeep(self, node_id: str) -> Upkeep:
        """What nobody was woken for: what `rescue` would hand on, and what declaring once more would put right, as it
        would after the nodes of a newer version have left again. One statement."""

    async def rescue(self, suspects: Mapping[str, int], gone: Mapping[str, str] = NOBODY) -> Rescue:
        """Declare dead those of ``suspects`` (id to renewal number) whose lease has expired and whose number is still
        the same, and those of ``gone`` (id to process) that are live under this process still, whatever their lease
        says; and hand on the runs of every dead, stopped or absent node.

        Lock and mark the nodes, passing over locked ones; then, under a new snapshot, requeue their runs
        (``on_lost="retry"``, while losses stay below ``lost_limit``) or fail them; those that somebody asked to end
        become cancelled. Many of them in several transactions, the nodes in the first one: who finds a node dead after
        a failure in between goes on. An attempt whose run is queued again leaves a row with outcome
        ``lost``. The answer has the runs that failed or were cancelled, so that each is told once, by who ended it.
        After it, whoever waits for a turn that is free is let go, and what a pause or a removal has left is ended.
        """

    async def retire_node(self, node_id: str) -> Sequence[Run]:
        """Mark the node stopped and hand back whatever still runs under its name, without using up a retry.

        Runs that may start at most once (``on_lost="fail"``) end as failed: whether a body began is not known here.
        What somebody asked to end is cancelled. Answers the runs that have ended so.
        """

    async def list_nodes(self) -> Sequence[Node]:
        """All nodes that are not pruned yet, live ones first, newest first."""

    async def stranded(self, patience: timedelta) -> Sequence[Stranded]:
        """Which queued runs have been due for so long, and no live node may take them, by queue and task. A node that
        does not say what it can run (see `register_node`; an earlier version) may take any."""

    async def survey(self, patience: timedelta) -> Survey:
        """What stands in the tables that may be in trouble, bounded in size; read part by part. Not for loops."""

    async def next_work(self, node_id: str, question: Question) -> NextWork:
        """When there will be something to do for this node, and which of its runs somebody asked to end.

        One statement, whatever the size of the tables. Runs that were due before the question's ``since`` may be
        left out; the answer says whether they were.
        """


class StoreVerbs(
    ScheduleStore, CalendarStore, RunStore, LogStore, AuditStore, WatchStore, GuardStore, NodeStore, Protocol
):
    """Every verb, whatever it runs on."""


class Store(StoreVerbs, Protocol):
    """The whole port, with the life of the connection itself."""

    @property
    def can_hold(self) -> bool:
        """Whether a firing can wait for its instant without anybody having to wait for more than its schedules."""

    @property
    def leaves_out(self) -> bool:
        """Whether a claim that may leave something out does, and is the quicker for it."""

    @property
    def statements(self) -> int:
        """How many statements this store has sent since it was opened; transaction brackets are not counted."""

    async def within(self, transaction: Transaction, *, may_ask: bool = True) -> StoreVerbs:
        """The verbs in a transaction of the application's: what they write is there if it commits, and only then.

        They begin, commit and repeat nothing, and raise what the session's own database raises. The store may be
        closed. Raises InvalidArguments when the transaction is on another database than this store, as far as that can
        be seen: without ``may_ask`` the store's own connection is not asked, and nothing is waited for.
        """

    def twin(self) -> Store:
        """Another store on the same truth, for use on another event loop. It is opened and closed on its own."""

    async def open(self) -> None:
        """Make ready to be asked, on the running event loop. Does not touch the schema."""

    async def close(self) -> None:
        """Give back every connection and thread. Idempotent."""

    async def migrate(self) -> Sequence[str]:
        """Bring the schema up to this version, once however many nodes ask, and answer what was applied.

        Raises MigrationNeeded when this role may not change the schema and it is too old.
        """

    async def pending(self) -> Sequence[str]:
        """The names of what `migrate` would apply, in their order. Changes nothing, and needs no right to."""

    async def examine(self) -> DatabaseFacts:
        """What the database says of itself, also where the schema is missing or too old. Changes nothing."""

    async def ping(self, *, writing: bool = False) -> datetime:
        """Ask the database for its present instant: the proof that it answers. With ``writing`` StoreUnavailable is
        raised where it says that it would only read (a standby)."""

    async def listen(self, heard: Heard) -> None:
        """Call ``heard``, on the event loop that awaits this, whenever another node hints at new work, until cancelled.
        What it is told is the run that the hint names; None where it names none.

        Calls it once as soon as hints are proven to arrive. Returns when hints cannot arrive (any more). Hints are
        never facts: without them everything is found by the next poll.
        """

    async def hint(self) -> None:
        """Tell other nodes that there is new work. Best effort."""
