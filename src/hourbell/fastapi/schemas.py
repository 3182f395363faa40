"""The shapes of the REST API's answers: what a schedule, a run, a node, a task and the health look like outside."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, WithJsonSchema

from hourbell.errors import HourbellError
from hourbell.model.backfill import Backfill
from hourbell.model.log_line import LogLine
from hourbell.model.node import Node
from hourbell.model.progress import Progress
from hourbell.model.run import Attempt, Run
from hourbell.model.schedule import Schedule
from hourbell.scheduler.health import Health, told_of_stranded
from hourbell.task import Task
from hourbell.triggers import PreviewedFire

T = TypeVar("T")
Instant = Annotated[datetime, AfterValidator(lambda instant: instant.astimezone(UTC))]
"""RFC 3339 in UTC."""
WallClock = Annotated[datetime, WithJsonSchema({"type": "string", "examples": ["2030-03-31T02:30:00"]})]
"""A time of the wall clock, without an offset: no instant."""


class ListOut(BaseModel, Generic[T]):
    """A page; ``next_cursor`` is the ``cursor`` of the next one, null at the end."""

    items: list[T]
    next_cursor: str | None = None


class ScheduleOut(BaseModel):
    """A schedule. ``policies`` are all of them with their values, inherited ones included; durations are seconds.

    ``next_fire_at``  of one that is paused is the first due time that the pause passes over. ``resume_at``  when a
    pause ends by itself. ``revision``  is what its ETag says; every edit changes it.
    """

    id: str
    task: str
    trigger: dict[str, Any]
    explain: str
    args: dict[str, Any]
    policies: dict[str, Any]
    state: str
    note: str | None
    resume_at: Instant | None
    next_fire_at: Instant | None
    last_fire_at: Instant | None
    created_at: Instant
    updated_at: Instant
    revision: str

    @classmethod
    def of(cls, schedule: Schedule) -> ScheduleOut:
        """The schedule as it looks outside, also when another version wrote what this one cannot read."""
        trigger, explain = _trigger(schedule)
        return cls(
            id=schedule.id,
            task=schedule.task,
            trigger=trigger,
            explain=explain,
            args=dict(schedule.args),
            policies=_policies(schedule),
            state=schedule.state.value,
            note=schedule.note,
            resume_at=schedule.resume_at,
            next_fire_at=schedule.next_fire_at,
            last_fire_at=schedule.last_fire_at,
            created_at=schedule.created_at,
            updated_at=schedule.updated_at,
            revision=schedule.revision,
        )


class ProgressOut(BaseModel):
    """How far attempt ``attempt`` of a run said it has come."""

    done: float
    total: float | None
    note: str | None
    attempt: int
    said_at: Instant

    @classmethod
    def of(cls, progress: Progress | None) -> ProgressOut | None:
        """The progress as it looks outside."""
        if progress is None:
            return None
        return cls.model_validate({name: getattr(progress, name) for name in cls.model_fields})


class RunOut(BaseModel):
    """A run."""

    id: str
    schedule_id: str | None
    task: str
    args: dict[str, Any]
    state: str
    reason: str | None
    origin: str
    fire_at: Instant | None
    run_at: Instant | None
    started_at: Instant | None
    finished_at: Instant | None
    attempt: int
    node_id: str | None
    error: str | None
    result: Any
    tracking_id: str | None
    yielded_to: str | None
    progress: ProgressOut | None

    @classmethod
    def of(cls, run: Run) -> RunOut:
        """The run as it looks outside."""
        shown = {name: getattr(run, name) for name in cls.model_fields}
        return cls.model_validate({**shown, "progress": ProgressOut.of(run.progress)})


class AttemptOut(BaseModel):
    """One execution of a run by a node. While it goes on, ``finished_at`` and ``outcome`` are null."""

    attempt: int
    node_id: str
    started_at: Instant | None
    finished_at: Instant | None
    outcome: str | None
    error: str | None

    @classmethod
    def of(cls, attempt: Attempt) -> AttemptOut:
        """The attempt as it looks outside."""
        return cls.model_validate({name: getattr(attempt, name) for name in cls.model_fields})


class RunDetailsOut(RunOut):
    """A run with all its attempts, oldest first."""

    attempts: list[AttemptOut]

    @classmethod
    def told(cls, run: Run, attempts: Iterable[Attempt]) -> RunDetailsOut:
        """The run as it looks outside, with its history."""
        known = RunOut.of(run).model_dump()
        return cls.model_validate({**known, "attempts": [AttemptOut.of(one) for one in attempts]})


class ResultOut(BaseModel):
    """How a run has ended: what its body returned, or why there is nothing."""

    id: str
    state: str
    reason: str | None
    result: Any
    error: str | None

    @classmethod
    def of(cls, run: Run) -> ResultOut:
        """The result as it looks outside."""
        return cls.model_validate({name: getattr(run, name) for name in cls.model_fields})


class RetriedOut(BaseModel):
    """How many runs are queued again."""

    retried: int


class LogLineOut(BaseModel):
    """A line that a body logged. ``cursor`` asks for what came after it; ``number`` counts within the attempt."""

    attempt: int
    number: int
    logged_at: Instant
    level: str
    logger: str
    message: str
    cursor: str

    @classmethod
    def of(cls, line: LogLine) -> LogLineOut:
        """The line as it looks outside."""
        shown = {name: getattr(line, name) for name in cls.model_fields}
        return cls.model_validate({**shown, "level": line.level_name})


class LogsOut(ListOut[LogLineOut]):
    """A page of a run's log. ``dropped`` counts the lines between these that are not kept any more."""

    dropped: int


class PreviewedOut(BaseModel):
    """A fire to come. ``local``: the time of the wall clock that the rule names. No ``fire_at``: nothing runs there."""

    fire_at: Instant | None
    local: WallClock
    mark: Literal["moved", "dropped", "first", "second"] | None
    note: str
    count: int

    @classmethod
    def of(cls, fire: PreviewedFire) -> PreviewedOut:
        """The fire as it looks outside."""
        return cls(fire_at=fire.fire_at, local=fire.local, mark=fire.mark, note=fire.note(), count=fire.count)


class PreviewOut(BaseModel):
    """Fires to come, in their order."""

    items: list[PreviewedOut]


class BackfillOut(BaseModel):
    """What a backfill made. It has ``count`` due times, from ``first_fire_at`` to ``last_fire_at``.

    ``made``  of them got a run by this request. ``origin``  is that of its runs.
    """

    id: str
    schedule_id: str
    start: Instant
    end: Instant
    origin: str
    count: int
    made: int
    first_fire_at: Instant | None
    last_fire_at: Instant | None

    @classmethod
    def of(cls, backfill: Backfill) -> BackfillOut:
        """The backfill as it looks outside."""
        fires = backfill.fires
        return cls(
            id=backfill.id,
            schedule_id=backfill.schedule_id,
            start=backfill.start,
            end=backfill.end,
            origin=backfill.origin,
            count=len(fires),
            made=backfill.made,
            first_fire_at=fires[0] if fires else None,
            last_fire_at=fires[-1] if fires else None,
        )


class NodeOut(BaseModel):
    """A node. ``clock_offset``  by how many seconds its host was ahead of the database at its last renewal."""

    id: str
    host: str
    pid: int
    started_at: Instant
    lease_until: Instant
    running: int
    state: str
    clock_offset: float | None

    @classmethod
    def of(cls, node: Node) -> NodeOut:
        """The node as it looks outside."""
        return cls.model_validate({name: getattr(node, name) for name in cls.model_fields})


class TaskOut(BaseModel):
    """A task that this process has registered. ``arguments`` is the JSON schema of what it takes."""

    name: str
    aliases: list[str]
    policies: dict[str, Any]
    arguments: dict[str, Any] | None

    @classmethod
    def of(cls, task: Task[..., Any]) -> TaskOut:
        """The task as it looks outside; ``arguments`` is null when a type has no JSON schema."""
        try:
            arguments = task.arguments.json_schema()
        except HourbellError:
            arguments = None
        return cls(name=task.name, aliases=list(task.aliases), policies=dict(task.policies), arguments=arguments)


class LiveOut(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class HealthOut(BaseModel):
    """``status`` is ok, degraded or down; ``reasons`` say why it is not ok, and the errors below what exactly was said.

    The node's error is null when it is the database's once more.
    """

    status: str
    database: dict[str, Any]
    node: dict[str, Any]
    reasons: list[str]

    @classmethod
    def of(cls, health: Health, *, everything: bool) -> HealthOut:
        """The health as it looks outside: whole for those who may read, else only what stands and what does not."""
        if not everything:
            return cls(
                status=health.status,
                database={"ok": health.database.ok},
                node={"state": health.node.state},
                reasons=_reasons(health, everything=False),
            )
        database, node = health.database, health.node
        return cls(
            status=health.status,
            database={"ok": database.ok, "kind": database.kind, "error": database.error},
            node={
                "id": node.id,
                "state": node.state,
                "running": node.running,
                "hints": node.hints,
                "error": None if _repeats(node.error, database.error) else node.error,
                "lag": round(node.lag, 3),
                "blocked": node.blocked,
            },
            reasons=_reasons(health, everything=True),
        )


def _reasons(health: Health, *, everything: bool) -> list[str]:
    """What is wrong, in few words; the errors themselves stand where they belong, once."""
    reasons = []
    if not health.database.ok:
        reasons.append("the database does not answer")
    elif health.database.error is not None:
        reasons.append("the database answers, and cannot be used as it is")
    elif health.node.state not in ("live", "none"):
        reasons.append(f"the node of this process is {health.node.state}")
    elif health.node.error is not None:
        reasons.append("something that the node of this process does fails again and again")
    if health.clock_back:
        reasons.append(f"the database's clock has gone back by {health.clock_back:.0f} s or more")
    if health.node.stuck:
        named = f": {'; '.join(health.node.stuck)}" if everything else ""
        reasons.append(f"bodies do not end although they were asked to{named}")
    if health.node.blocked is not None:
        by = f": {health.node.blocked}" if everything else ""
        reasons.append(f"the event loop of this process was blocked{by}")
    if health.undeclared:
        named = f": {', '.join(health.undeclared)}" if everything else ""
        reasons.append(f"schedules that no live node declares do not fire{named}")
    if health.stranded:
        told = [told_of_stranded(one) for one in health.stranded]
        reasons += told if everything else ["runs wait that no live node may take"]
    return reasons


def _repeats(error: str | None, known: str | None) -> bool:
    return error is not None and known is not None and known in error


def _trigger(schedule: Schedule) -> tuple[dict[str, Any], str]:
    try:
        trigger = schedule.trigger
        return dict(trigger.declared_spec()), trigger.explain()
    except HourbellError:
        return dict(schedule.trigger_spec), "this version cannot read it"


def _policies(schedule: Schedule) -> dict[str, Any]:
    try:
        return schedule.effective.to_spec()
    except (HourbellError, TypeError, ValueError):
        return {**schedule.inherited, **schedule.policies}
