"""From a claimed run to its settlement: starts bodies and judges how they end. Never touches the store."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections import deque
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from hourbell.context import Context, lend, take_back
from hourbell.engine import verdict
from hourbell.engine.ahead import Ahead
from hourbell.engine.attempt_hold import AttemptHold
from hourbell.engine.holding import Execution
from hourbell.errors import InvalidArguments
from hourbell.events import RunStarted
from hourbell.executors.describing import summary
from hourbell.executors.protocol import Call, Dumped, Ending, How, Order
from hourbell.model.policies import Policies
from hourbell.model.retry import GaveUp
from hourbell.model.run_state import RunState
from hourbell.telling import Telling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from hourbell.engine.holding import Holdings
    from hourbell.engine.notes import Notes
    from hourbell.engine.parts import Parts
    from hourbell.engine.settling import Settling
    from hourbell.engine.trust import Trust
    from hourbell.executors.choice import Kind
    from hourbell.executors.protocol import Executor
    from hourbell.model.run import CancelRequest, Run, Settlement
    from hourbell.task import Task

CHUNK = 30
"""Bodies started before the event loop gets its turn, so that requests are served and the next claim is sent.

More would cost more: a body has about 17 objects that Python's collector counts. When there are 700 more than were let
go of, it looks through all young ones; what it finds alive grows old, and then it looks through the whole application.
"""

LAST_GRACE = 0.2
"""Seconds that a body gets to end when its run is another node's: less than trust ends before the lease does."""

UNREADABLE_WAIT = 10.0
"""Seconds for which a run that only another version understands is left to others."""

_log = Telling(logging.getLogger("hourbell.engine"))


class Executing:
    """Starts what is held unstarted, as executors have room; each ending becomes one settlement."""

    def __init__(
        self,
        parts: Parts,
        trust: Trust,
        holdings: Holdings,
        settling: Settling,
        notes: Notes,
        executors: Mapping[Kind, Executor],
        freed: Callable[[], None],
    ) -> None:
        self.ahead = Ahead(parts.clock, holdings, executors, parts.settings.max_runs, self.give_back)
        self._parts = parts
        self._trust = trust
        self._holdings = holdings
        self._settling = settling
        self._notes = notes
        self._executors = executors
        self._freed = freed
        self._task_policies: dict[str, Policies] = {}
        self._variables = contextvars.Context()
        self._kinds = deque(executors)
        self._pumping = self._telling = False
        self.stopping = False

    def start(self) -> None:
        """Bodies begin with the context variables of this moment: those of the application's start."""
        self._variables = contextvars.copy_context()

    def pump(self) -> None:
        """Start what can be started."""
        if not self._pumping:
            self._pump()

    def freed(self) -> None:
        """A body has ended, or its thread has returned. Who waits for that is told once in each turn of the loop."""
        if not self._telling:
            self._telling = True
            asyncio.get_running_loop().call_soon(self._tell_freed)

    def cancel(self, grace: float) -> None:
        """Ask every body to end within so many seconds."""
        for execution in list(self._holdings.running.values()):
            if execution.body is not None:
                execution.body.cancel(grace)

    def end(self, requests: Iterable[CancelRequest]) -> None:
        """Ask the bodies of these attempts to end for good. What is not under way yet is asked for again by the next
        poll, and what has ended is told as it ended."""
        for request in requests:
            execution = self._holdings.running.get(request.run_id)
            waiting = self._holdings.withdraw(request.run_id, request.attempt) if execution is None else None
            if waiting is not None:
                # Not queued again by that: the store knows that it was asked to end.
                self._settling.add(waiting, verdict.handed_back(waiting))
            if execution is None or execution.run.attempt != request.attempt or execution.unwanted:
                continue
            execution.unwanted = True
            _log.info("run %s of %s is asked to end: %s", execution.run.id, execution.run.task, request.reason)
            if execution.body is not None:
                execution.body.cancel()

    def give_up(self, execution: Execution) -> None:
        """Cancel a body and ignore whatever it still says."""
        self._holdings.ended(execution)
        self._notes.end(execution.context)
        if execution.body is not None:
            execution.body.cancel(LAST_GRACE)

    def give_back(self, run: Run) -> None:
        """A run that was taken and will not start here."""
        self._leave(run, verdict.handed_back(run))

    def _tell_freed(self) -> None:
        self._telling = False
        if self._holdings.waiting():
            self.pump()
        self._freed()

    def _pump(self) -> None:
        self._pumping = False
        left = CHUNK
        for kind in self._kinds:
            left -= self._start_some(kind, left)
        # Each kind has its turn to be first: they share the slots.
        self._kinds.rotate()
        if not left:
            self._pumping = True
            asyncio.get_running_loop().call_soon(self._pump)
        elif self._holdings.waiting():
            self.ahead.watch()

    def _start_some(self, kind: Kind, most: int) -> int:
        if not self._holdings.unstarted[kind]:
            return 0
        executor, started = self._executors[kind], 0
        for _ in range(min(most, self.ahead.slots(kind))):
            run = self._holdings.take(kind)
            if run is None:
                break
            self._start(run, kind, executor)
            started += 1
        return started

    def _start(self, run: Run, kind: Kind, executor: Executor) -> None:
        task = self._parts.tasks.find(run.task)
        if task is None:
            self._leave(run, verdict.handed_back(run, delay=UNREADABLE_WAIT))
            return
        try:
            policies = self._policies(task, run)
        except (InvalidArguments, TypeError, ValueError) as error:
            _log.error("run %s of %s has policies that cannot be read here: %s", run.id, run.task, summary(error))
            # What another version stored waits for a node of that version; what is no JSON, none can read.
            nonsense = "" in (run.policies or {})
            refused = verdict.refused(run, error, self._now())
            self._leave(run, refused if nonsense else verdict.handed_back(run, delay=UNREADABLE_WAIT))
            return
        context = Context.of(run, self._notes)
        order = None
        try:
            if task.place is not None:
                order = Order(task.place, task.name, run.args, self._parts.settings.result_max)
            # Elsewhere the arguments are checked where the body runs.
            invoke = task.prepare_run(run, context) if order is None else _elsewhere
        except BaseException as error:  # noqa: BLE001 - the types in the signature are the user's own code
            self._leave(run, verdict.refused(run, error, self._now()))
            _log.error("run %s of %s was not started: %s", run.id, run.task, summary(error))
            return
        execution = Execution(run, task, kind, policies, context)
        lend(context, AttemptHold(execution, self._trust, self._parts))
        self._holdings.running[run.id] = execution
        self._holdings.beginning.add(execution)
        begin, variables = partial(self._begin, execution), self._variables.copy()
        call = Call(begin, invoke, context, variables, policies.timeout, policies.timeout_grace, order)
        try:
            body = executor.start(call, partial(self._ended, execution))
        except (RuntimeError, OSError, MemoryError) as error:
            self._ended(execution, Ending(How.NOT_BEGUN, error=error))
            return
        if not execution.given_up:
            execution.body = body

    def _not_to_be_started(self, execution: Execution, error: BaseException, *, hand_back: bool) -> None:
        """The system gives no thread or process for it. Another node may have one, and this one a little later."""
        run = execution.run
        if hand_back:
            self._settling.add(run, verdict.handed_back(run, delay=UNREADABLE_WAIT))
        _log.error("run %s of %s cannot be started here just now: %s", run.id, run.task, summary(error))

    def _now(self) -> float:
        return self._parts.clock.stamp(self._parts.clock.elapsed())

    def _leave(self, run: Run, settlement: Settlement) -> None:
        self._holdings.not_started(run)
        self._settling.add(run, settlement)

    def _begin(self, execution: Execution) -> bool:
        """May this body begin? Asked in its own task or thread, right before its first line."""
        clock = self._parts.clock
        since = clock.elapsed()
        if not self._holdings.may_begin(execution) or not self._trust.holds_at(since):
            return False
        execution.since = since
        execution.started = clock.stamp(since)
        if self._parts.events.wants(RunStarted):
            self._parts.events.emit(RunStarted(run=execution.run, node_id=self._trust.node_id))
        return True

    def _policies(self, task: Task[Any, Any], run: Run) -> Policies:
        if run.policies:
            return Policies.layered(self._parts.defaults, task.policies, run.policies)
        known = self._task_policies.get(task.name)
        if known is None:
            known = self._task_policies[task.name] = Policies.layered(self._parts.defaults, task.policies)
        return known

    def _ended(self, execution: Execution, ending: Ending) -> None:
        if not ending.stuck:
            # Execution, body and context name each other. Left so, each run is garbage that only the collector finds.
            execution.body = None
            take_back(execution.context)
        if execution.stuck:
            self._parts.stuck.over(execution.run)
            _log.warning("run %s of %s ended after it was let go of; ignored", execution.run.id, execution.run.task)
            self.freed()
            return
        if ending.stuck:
            self._left_behind(execution, ending)
        if execution.given_up:
            if execution.settled is not None:
                # The lease was lost after the commit of its effect, which nobody takes back.
                self._settling.tell_committed(execution.run, execution.settled)
            return
        waited = ending.how is How.NOT_BEGUN and self._holdings.may_begin(execution)
        now = self._parts.clock.elapsed()
        self._holdings.ended(execution)
        self.ahead.ended(execution.kind, execution.run.task, execution.since, now)
        if execution.settled is not None and ending.error is not None:
            with suppress(Exception):  # as `Telling`: the run's own logger belongs to its body
                execution.context.log.error(
                    "the body ended with an error after its effect was committed, which stands: %s",
                    summary(ending.error),
                    exc_info=ending.error,
                )
        self._notes.end(execution.context)
        if execution.settled is not None:
            # The store knows it already, and says so when it is told again.
            self._settling.add(execution.run, execution.settled, stands=True)
        elif ending.how is not How.NOT_BEGUN:
            self._settle(execution, ending, self._parts.clock.stamp(now))
        elif ending.error is not None:
            # Around a body the middleware has begun; where nothing has, it may have been handed back already.
            self._not_to_be_started(execution, ending.error, hand_back=waited or execution.started is not None)
        elif waited:
            # Cancelled while it waited for its turn. Otherwise it was handed back already, or trust is gone.
            self._settling.add(execution.run, verdict.handed_back(execution.run))
        self.freed()

    def _left_behind(self, execution: Execution, ending: Ending) -> None:
        run = execution.run
        execution.stuck = True
        self._parts.stuck.add(run, self._parts.clock.now())
        where = f". It is here:\n{ending.stack}" if ending.stack else ""
        _log.warning("run %s of %s (%s) does not end; it is let go of%s", run.id, run.task, ending.how.value, where)

    def _settle(self, execution: Execution, ending: Ending, now: float) -> None:
        """Report how it ended, whatever that takes: a run without a report would be held for as long as this node."""
        run = execution.run
        try:
            settlement = self._judge(execution, ending, now)
        except BaseException as error:  # noqa: BLE001 - values and errors of the user's are looked at: their code runs
            settlement = verdict.unjudged(run, error, execution.started, now)
        self._settling.add(run, settlement)
        if settlement.failed:
            self._log_failure(run, ending, settlement)

    def _judge(self, execution: Execution, ending: Ending, now: float) -> Settlement:
        run, started = execution.run, execution.started
        if ending.how is How.REFUSED and ending.error is not None:
            return verdict.refused(run, ending.error, now)
        if ending.how is How.RETURNED:
            try:
                if isinstance(ending.value, Dumped):
                    result = ending.value.kept()
                else:
                    result = execution.task.dump_result(ending.value, self._parts.settings.result_max)
            except BaseException as error:  # noqa: BLE001 - serialising runs code of the user's
                return verdict.unkept(run, error, started, now)
            return verdict.succeeded(run, result, started, now)
        interrupted = self.stopping and isinstance(ending.error, KeyboardInterrupt)
        if execution.unwanted and ending.how is How.CANCELLED:
            return verdict.cancelled(run, ending, started, now)
        if ending.how is How.CANCELLED or interrupted:
            return verdict.interrupted(run, started, now)
        return verdict.failed(run, execution.policies, ending, started, now)

    def _log_failure(self, run: Run, ending: Ending, settlement: Settlement) -> None:
        what = settlement.error if ending.how is How.TIMED_OUT or ending.error is None else summary(ending.error)
        if ending.how is How.REFUSED:
            _log.error("run %s of %s was not started: %s", run.id, run.task, what)
        elif settlement.state is RunState.QUEUED:
            wait = settlement.delay.total_seconds()
            _log.warning("run %s of %s failed and is tried again in %.3g s: %s", run.id, run.task, wait, what)
        else:
            # Who gives up says why; where in its body it did is of no interest to the log.
            trace = None if isinstance(ending.error, GaveUp) else ending.error
            _log.error("run %s of %s failed: %s", run.id, run.task, what, exc_info=trace)


def _elsewhere() -> None:
    raise RuntimeError("this body runs in a process of its own")
