"""The verbs of schedules that come and go at run time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hourbell.effects import effect_session
from hourbell.errors import InvalidArguments
from hourbell.model.audit import Action
from hourbell.model.editing import expecting, pausing, resuming, updating
from hourbell.model.overlap import takes_turns
from hourbell.model.policies import checked_names, checked_policies, refuse_tasks_own
from hourbell.model.run import NewRun, Run
from hourbell.model.run_state import Origin, RunState
from hourbell.model.schedule import Schedule, ScheduleState, Source
from hourbell.model.schedule_filter import ScheduleFilter
from hourbell.scheduler.calendars import check_blackout
from hourbell.scheduler.declarations import Declared, checked_args, checked_id, replaced_args
from hourbell.scheduler.pages import checked_instant, checked_limit, checked_state, checked_text, checked_year
from hourbell.scheduler.previews import marked, marked_schedule, previewed, previewed_schedule
from hourbell.scheduler.requests import ancestry, checked_key
from hourbell.scheduler.transactions import joined
from hourbell.scheduler.verbs import Verbs, id_of_schedule
from hourbell.triggers import Trigger

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from typing import Unpack

    from hourbell.model.page import Page
    from hourbell.model.schedule_filter import ScheduleSort
    from hourbell.scheduler.options import PolicyOptions
    from hourbell.scheduler.requests import Ancestry
    from hourbell.store.protocol import OnConflict
    from hourbell.task import Task
    from hourbell.triggers import PreviewedFire

_ON_CONFLICT = ("update", "keep", "error")
_SORTS = ("id", "next_fire_at")
_LONGEST_NOTE = 1_000


class ScheduleVerbs(Verbs):
    """Add, read, change, pause, resume, remove and trigger schedules, and look ahead."""

    async def add_schedule(
        self,
        task: Task[..., Any] | str,
        trigger: Trigger,
        *,
        id: str | None = None,  # noqa: A002 - a public name
        args: Mapping[str, Any] | None = None,
        on_conflict: OnConflict = "update",
        paused: bool = False,
        note: str | None = None,
        session: Any = None,
        **policies: Unpack[PolicyOptions],
    ) -> Schedule:
        """Store a schedule for a registered task and answer it as stored.

        ``task``  a task, or the name of one that this process has registered. ``id``  the task's name unless given.
        ``args``  its arguments by name, checked by the signature. ``paused``  it is stored without firing, ``note``
        says why. ``on_conflict``  when the id exists: ``"update"`` changes what
        differs and keeps the next fire where the trigger is the same, ``"keep"`` changes nothing, ``"error"`` raises
        Conflict. What code had declared and a call updates is the caller's from then on. ``session``  the application's
        transaction, with which the schedule stands or falls, as for `Task.options`. Before anything is stored it raises
        UnknownTask, InvalidArguments, and NotFound for a calendar that ``blackout`` names.
        """
        core = self._core
        found = core.find_task(task)
        if on_conflict not in _ON_CONFLICT:
            raise InvalidArguments(f"on_conflict={on_conflict!r}: choose 'update', 'keep' or 'error'")
        said = Declared(
            id=checked_id(id if id is not None else found.name),
            task=found,
            trigger=core.find_trigger(trigger),
            args=args or {},
            policies=_of_schedule(policies),
            source=Source.CALL,
            paused=paused,
            note=_checked_note(note),
        )
        declaration = core.declaration_of(said)
        act = core.act(Action.ADD)
        session = session if session is not None else effect_session()
        if session is not None:
            own = await joined(core, session)
            await check_blackout(own.verbs, said.policies)
            schedule = await own.verbs.audited(act).add_schedule(declaration, on_conflict)
            own.wake_after_commit(core.wake_firing)
            return schedule
        await check_blackout(core.store, said.policies)
        schedule = await core.store.audited(act).add_schedule(declaration, on_conflict)
        await core.wake_firing()
        return schedule

    async def get_schedule(self, id: str) -> Schedule:  # noqa: A002 - a public name
        """The schedule of this id as it is stored now. Raises NotFound."""
        return await self._core.store.get_schedule(id_of_schedule(id))

    async def list_schedules(
        self,
        *,
        state: ScheduleState | str | None = None,
        task: str | None = None,
        text: str | None = None,
        sort: ScheduleSort = "id",
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[Schedule]:
        """Schedules in the order of their ids, at most ``limit`` (1 to 1000) after ``cursor``.

        Each other argument narrows the list: ``state``  a `ScheduleState` or its text; ``task``  the task's name;
        ``text``  what the id, the task's name or the note contains. ``sort="next_fire_at"`` begins with what fires
        next. The answer is a sequence; its ``next_cursor`` is the
        ``cursor`` of the next page, None at the end. Raises InvalidArguments.
        """
        if sort not in _SORTS:
            raise InvalidArguments(f"sort={str(sort)[:40]!r}: choose 'id' or 'next_fire_at'", at="sort")
        wanted = ScheduleFilter(
            state=checked_state(ScheduleState, state),
            task=checked_text("task", task),
            text=checked_text("text", text) or None,
            sort=sort,
            cursor=checked_text("cursor", cursor),
            limit=checked_limit(limit),
        )
        return await self._core.store.list_schedules(wanted)

    async def update_schedule(
        self,
        id: str,  # noqa: A002 - a public name
        *,
        trigger: Trigger | None = None,
        args: Mapping[str, Any] | None = None,
        inherit: Iterable[str] = (),
        revision: str | None = None,
        **policies: Unpack[PolicyOptions],
    ) -> Schedule:
        """Change what is given and keep the rest; ``args`` are replaced whole, policies by name.

        ``inherit``  names policies that the schedule shall no longer have for itself. ``revision``  that of the
        `Schedule` which the caller has seen: when the stored one has been edited since, StaleRevision is raised and
        nothing is written. Without it the last of two edits of one field wins.

        For a schedule that is declared in code, the change survives restarts until the code changes that same field.
        Raises NotFound, UnknownTask, InvalidArguments.
        """
        core = self._core
        schedule_id = id_of_schedule(id)
        plain = None
        if args is not None:
            schedule = await core.store.get_schedule(schedule_id)
            plain = checked_args(schedule_id, core.find_task(schedule.task), args)
        given = _of_schedule(policies) if policies else None
        await check_blackout(core.store, given or {})
        change = updating(
            trigger=core.find_trigger(trigger) if trigger is not None else None,
            args=plain,
            policies=given,
            inherit=checked_names(inherit),
        )
        changed = await core.store.audited(core.act(Action.UPDATE)).edit_schedule(
            schedule_id, expecting(revision, change)
        )
        await core.wake_firing()
        return changed

    async def pause_schedule(
        self,
        id: str,  # noqa: A002 - a public name
        *,
        note: str | None = None,
        until: datetime | None = None,
        revision: str | None = None,
    ) -> Schedule:
        """Stop firing until it is resumed, through restarts and deploys; ``note`` says why.

        ``until``  an aware instant to come, at which it is resumed by itself, by whichever node is there: what is due
        from then on fires, however late that is noticed, as ``catch_up`` says. Fires that wait in the queue end as
        skipped; running bodies go on. What the pause passes over is recorded and never caught up. A schedule that is
        paused already takes the new note and end. ``revision``  as for `update_schedule`.

        Raises NotFound, InvalidArguments, StaleRevision, and Conflict when the schedule is finished.
        """
        change = pausing(_checked_note(note), checked_year("until", checked_instant("until", until)))
        schedule_id, edit = id_of_schedule(id), expecting(revision, change)
        store = self._core.store.audited(self._core.act(Action.PAUSE))
        schedule = await store.edit_schedule(schedule_id, edit, ended=self._core.tell_ends)
        if until is not None:
            await self._core.wake_firing()  # a node that sleeps beyond that instant would not know of it
        return schedule

    async def resume_schedule(
        self,
        id: str,  # noqa: A002 - a public name
        *,
        revision: str | None = None,
    ) -> Schedule:
        """Fire again from now on. A schedule that is not paused stays as it is.

        ``revision``  as for `update_schedule`. Raises NotFound, StaleRevision.
        """
        store = self._core.store.audited(self._core.act(Action.RESUME))
        schedule = await store.edit_schedule(id_of_schedule(id), expecting(revision, resuming()))
        await self._core.wake_firing()
        return schedule

    async def remove_schedule(
        self,
        id: str,  # noqa: A002 - a public name
        *,
        revision: str | None = None,
    ) -> Schedule:
        """Delete the schedule and answer it as it was. Its queued runs end as skipped, its history stays.

        One that is declared in code comes back with the next start: pause it, or take it out of the code.
        ``revision``  as for `update_schedule`. Raises NotFound, StaleRevision.
        """
        store = self._core.store.audited(self._core.act(Action.REMOVE))
        return await store.remove_schedule(id_of_schedule(id), revision, ended=self._core.tell_ends)

    async def trigger_schedule(
        self,
        id: str,  # noqa: A002 - a public name
        *,
        args: Mapping[str, Any] | None = None,
        key: str | None = None,
    ) -> Run:
        """Ask for one run of the schedule now, besides its fires, and answer it as stored. Works while paused too.

        ``args``  take the place of those of the schedule that have the same names. ``key``  a second request with it
        answers the first one's run. Under ``overlap="skip"`` the run is recorded as skipped while another is
        unfinished. Raises NotFound, UnknownTask, InvalidArguments.
        """
        core = self._core
        schedule_id = id_of_schedule(id)
        given = await self._replacing(schedule_id, args) if args else {}
        asked = checked_key(key)
        origin = ancestry(core.clock)

        def build(schedule: Schedule) -> NewRun:
            return _requested(schedule, given, asked, origin)

        store = core.store.audited(core.act(Action.TRIGGER))
        run = await store.trigger_schedule(schedule_id, build, ended=core.tell_ends)
        if run.state is RunState.SKIPPED and run.id == origin["id"]:  # not the run of an earlier request with the key
            core.tell_ends([run])
        await core.wake(run.task, run.queue)
        return run

    async def preview(
        self, id_or_trigger: str | Schedule | Trigger, count: int = 5, *, after: datetime | None = None
    ) -> list[datetime]:
        """The next ``count`` fires (1 to 1000) of a schedule or of a trigger, in the trigger's zone.

        They are those after ``after`` (aware), or after now; for a stored schedule without ``after`` the first is its
        next fire, even when that is overdue. Raises NotFound, TriggerError, InvalidArguments.
        """
        most = checked_limit(count, name="count")
        now = self._core.clock.now()
        if isinstance(id_or_trigger, Trigger):
            return previewed(self._core.find_trigger(id_or_trigger).anchored(now), most, after or now)
        schedule = await self._core.store.get_schedule(id_of_schedule(id_or_trigger))
        return previewed_schedule(schedule, most, after, now)

    async def preview_marked(
        self, id_or_trigger: str | Schedule | Trigger, count: int = 5, *, after: datetime | None = None
    ) -> list[PreviewedFire]:
        """The fires of `preview`, each with the time of the wall clock that the rule names and what becomes of it.

        A fire that a change of the clock moves or repeats is marked so. Times that it drops stand in between, as
        further entries without a fire. Raises NotFound, TriggerError, InvalidArguments.
        """
        most = checked_limit(count, name="count")
        now = self._core.clock.now()
        if isinstance(id_or_trigger, Trigger):
            return marked(self._core.find_trigger(id_or_trigger).anchored(now), most, after or now)
        schedule = await self._core.store.get_schedule(id_of_schedule(id_or_trigger))
        return marked_schedule(schedule, most, after, now)

    async def _replacing(self, schedule_id: str, args: Mapping[str, Any]) -> dict[str, Any]:
        """These arguments, checked together with the schedule's own; validators of users never run under its lock."""
        schedule = await self._core.store.get_schedule(schedule_id)
        task = self._core.find_task(schedule.task)
        task.arguments.refuse_unnamed(args)
        plain = replaced_args(task, {**schedule.args, **args})
        return {name: plain[name] for name in args}


def _requested(schedule: Schedule, args: Mapping[str, Any], key: str | None, ancestry: Ancestry) -> NewRun:
    """The run as a fire would have it: what its task says is read where it runs, from the code there."""
    effective = schedule.effective
    turns = {"overlap": effective.overlap} if takes_turns(effective.overlap, Origin.TRIGGER) else {}
    return NewRun(
        **ancestry,
        task=schedule.task,
        origin=Origin.TRIGGER,
        schedule_id=schedule.id,
        args={**schedule.args, **args},
        key=key,
        queue=effective.queue,
        priority=effective.priority,
        on_lost=effective.on_lost,
        lost_limit=effective.lost_limit,
        policies={**schedule.policies, **turns} or None,
    )


def _of_schedule(policies: Mapping[str, Any]) -> dict[str, Any]:
    refuse_tasks_own(policies)
    return checked_policies(policies)


def _checked_note(note: object) -> str | None:
    if note is None:
        return None
    if not isinstance(note, str) or len(note) > _LONGEST_NOTE or not note.replace("\n", "").isprintable():
        raise InvalidArguments(f"note: give printable text of at most {_LONGEST_NOTE} characters, or None", at="note")
    return note
