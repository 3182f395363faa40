"""A schedule as code or a caller says it, checked and made comparable."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hourbell.errors import InvalidArguments
from hourbell.model.policies import without_tasks_own
from hourbell.model.schedule import Declaration, Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hourbell.task import Task
    from hourbell.triggers import Trigger

_LONGEST_ID = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A schedule as it was said. It becomes a declaration later: types of arguments may be defined further down.

    ``policies`` are JSON already. ``source`` says whether a decorator or a call said it.
    """

    id: str
    task: Task[..., Any]
    trigger: Trigger
    args: Mapping[str, Any]
    policies: Mapping[str, Any]
    source: Source = Source.CODE
    paused: bool = False
    note: str | None = None

    def declaration(self, *, timezone: str, defaults: Mapping[str, Any]) -> Declaration:
        """What is stored, under the scheduler's zone and default policies. Raises InvalidArguments."""
        declaration = Declaration(
            id=self.id,
            task=self.task.name,
            trigger=self.trigger.localized(timezone),
            args=checked_args(self.id, self.task, self.args),
            policies=self.policies,
            inherited=without_tasks_own({**defaults, **self.task.policies}),
            source=self.source,
            digest="",
            paused=self.paused,
            note=self.note,
        )
        return replace(declaration, digest=digest_of(declaration))


def checked_args(schedule_id: str, task: Task[..., Any], args: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a schedule as JSON. Raises InvalidArguments naming the schedule, the task and the argument."""
    try:
        return task.arguments.dump(args)
    except InvalidArguments as error:
        raise error.below("args", f"schedule {schedule_id!r}") from None


def replaced_args(task: Task[..., Any], args: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a run as JSON. Raises InvalidArguments naming the task and the argument."""
    try:
        return task.arguments.dump(args)
    except InvalidArguments as error:
        raise error.below("args") from None


def digest_of(declaration: Declaration) -> str:
    """What tells two declarations apart: the hash of all that is said, inherited policies included."""
    said = {**declaration.spoken(), "inherited": dict(declaration.inherited)}
    text = json.dumps(said, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def checked_id(given: object) -> str:
    """A schedule's id: 1 to 200 printable characters. Raises InvalidArguments."""
    if not isinstance(given, str) or not 0 < len(given) <= _LONGEST_ID or not given.isprintable():
        raise InvalidArguments(
            f"schedule id {str(given)[:60]!r}: give 1 to {_LONGEST_ID} printable characters", at="id"
        )
    if given != given.strip() or not given.strip("."):
        raise InvalidArguments(
            f"schedule id {given!r}: it may not be dots alone, nor begin or end with a space", at="id"
        )
    return given
