"""The reference of the Python names, made from their signatures and docstrings.

``python tests/support/python_reference.py`` writes it into its page; a test compares the two.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import textwrap
import typing
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import hourbell
import hourbell.acting
import hourbell.events
import hourbell.fastapi
import hourbell.observability
import hourbell.tracking
from hourbell import Calendar, Context, HourbellError, Retry, Scheduler, Task, Trigger
from hourbell.effects import Effect
from hourbell.guards.lock import Lock
from hourbell.model.change import Change
from hourbell.model.diagnosis import Diagnosis, Finding
from hourbell.model.held_up import HeldUp
from hourbell.model.last_due import LastDue
from hourbell.model.log_line import LogLine, LogPage
from hourbell.model.node import Node, NodeState
from hourbell.model.page import Page
from hourbell.model.progress import Progress
from hourbell.model.run import Attempt
from hourbell.model.run_state import Outcome, Reason, RunState
from hourbell.model.schedule import ScheduleState
from hourbell.model.stranded import Stranded
from hourbell.once import Once
from hourbell.scheduler.health import DatabaseHealth, Health, NodeHealth
from hourbell.task import RequestedTask
from hourbell.triggers.lint import Advice
from hourbell.triggers.preview import PreviewedFire

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "python.md"
BEGIN = "<!-- From here on: made by tests/support/python_reference.py from the docstrings. -->\n"
_WIDTH = 118

_VERBS: Mapping[str, str] = {
    "Declare": "task cron every calendar at",
    "Live": "lifespan start stop open close on add_middleware stopping settings clock",
    "Schedules": "add_schedule get_schedule list_schedules update_schedule pause_schedule resume_schedule "
    "remove_schedule trigger_schedule backfill_schedule preview preview_marked",
    "Runs": "get_run list_runs list_attempts list_logs cancel_run retry_run retry_runs wait",
    "Calendars": "add_calendar get_calendar list_calendars remove_calendar",
    "Work done once, and locks": "once lock",
    "Looking in": "health diagnose last_due held_up watch list_audit list_tasks list_nodes",
    "The schema": "migrate pending_migrations migration_script",
}
_METHODS: Mapping[type, str] = {
    Task: "__call__ enqueue options bound",
    RequestedTask: "enqueue enqueue_sync",
    Context: "progress effect once log cancelled fence",
    Effect: "result",
    Once: "keep result fence lost done done_sync",
    Lock: "fence lost",
    LogLine: "level_name cursor",
    Retry: "later give_up",
    Trigger: "next_after prev_before count_between fires_between preview explain to_spec from_spec except_ between "
    "within_hours limit",
    Calendar: "covers explain to_spec from_spec from_ics",
    Progress: "fraction",
    hourbell.Schedule: "revision trigger effective",
    hourbell.Backfill: "origin",
    hourbell.NamedCalendar: "calendar",
}
_MADE = (hourbell.Cron, hourbell.Every, hourbell.CalendarEvery, hourbell.RRule, hourbell.At, Calendar, Retry)
"""What is made by those who write an application; of everything else the fields are shown."""
_SECTIONS: Mapping[str, tuple[object, ...]] = {
    "Tasks": (Task, RequestedTask),
    "In a body": (Context, hourbell.current_run, Effect, Once, Lock),
    "Policies that are objects": (Retry,),
    "Triggers": (*_MADE[:5], Trigger, hourbell.any_of, Calendar, hourbell.lint, hourbell.lint_all),
    "What is answered": (
        *(hourbell.Schedule, ScheduleState, hourbell.Run, RunState, Reason, Attempt, Outcome, Progress),
        *(Page, LogPage, LogLine, hourbell.Backfill, hourbell.NamedCalendar, hourbell.AuditEntry, Node, NodeState),
        *(Health, DatabaseHealth, NodeHealth, Stranded, Diagnosis, Finding, LastDue, HeldUp, Change),
        *(PreviewedFire, Advice),
    ),
    "`hourbell.fastapi`": tuple(getattr(hourbell.fastapi, name) for name in hourbell.fastapi.__all__),
    "`hourbell.events`": tuple(
        one
        for one in vars(hourbell.events).values()
        if isinstance(one, type) and issubclass(one, hourbell.events.Event)
    ),
    "`hourbell.tracking` and `hourbell.acting`": (
        *(hourbell.tracking.tracked, hourbell.tracking.current_tracking_id, hourbell.tracking.new_tracking_id),
        *(hourbell.acting.acting, hourbell.acting.current_actor),
    ),
    "`hourbell.observability`": tuple(getattr(hourbell.observability, name) for name in hourbell.observability.__all__),
}


def reference() -> str:
    """Every name that users hold, with its signature and what its docstring says."""
    lines = ["\n## `Scheduler`\n", *_of_class(Scheduler, "Scheduler", made=True)]
    for title, names in _VERBS.items():
        lines.append(f"\n### {title}\n")
        for name in names.split():
            lines += _of_member(Scheduler, "scheduler", name)
    for title, things in _SECTIONS.items():
        lines.append(f"\n## {title}\n")
        for thing in things:
            lines += _of_thing(thing)
    return "\n".join(lines).replace("\n\n\n", "\n\n")


def shown() -> set[object]:
    """What stands in the reference."""
    return {Scheduler, *(thing for things in _SECTIONS.values() for thing in things)}


def verbs() -> set[str]:
    """The names of the scheduler's verbs that stand there."""
    return set(" ".join(_VERBS.values()).split())


def _of_thing(thing: Any) -> Iterator[str]:
    if thing is hourbell.fastapi.TrackingId:
        yield "\n### `TrackingId`\n\nAs a parameter of a path operation: the id of this request."
        return
    name = str(thing.__name__)
    yield f"\n### `{name}`\n"
    if inspect.isclass(thing):
        yield from _of_class(thing, name, made=thing in _MADE or _is_made(thing))
        for member in _METHODS.get(thing, "").split():
            yield from _of_member(thing, _as_held(name), member)
    else:
        yield from _signature(thing, name)
        yield _told(thing.__doc__)


def _is_made(thing: type) -> bool:
    return thing.__module__.startswith(("hourbell.fastapi", "hourbell.observability")) and "__init__" in vars(thing)


def _as_held(name: str) -> str:
    if name == "RequestedTask":
        return "task.options(…)"
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _of_class(thing: type, name: str, *, made: bool) -> Iterator[str]:
    if made:
        yield from _signature(thing, name)
    yield _told(thing.__doc__)
    if issubclass(thing, Enum):
        yield "\nOne of " + ", ".join(f"`{one.value}`" for one in thing) + "."
    if dataclasses.is_dataclass(thing) and not made and thing is not RequestedTask:
        fields = [one for one in dataclasses.fields(thing) if not one.name.startswith("_")]
        if fields:
            yield "\nFields: " + ", ".join(f"`{one.name}: {one.type}`" for one in fields) + "."


def _of_member(thing: type, held: str, name: str) -> Iterator[str]:
    found = inspect.getattr_static(thing, name)
    if isinstance(found, property):
        answers = inspect.signature(found.fget).return_annotation  # type: ignore[arg-type]
        yield f"\n**`{held}.{name}`** `: {answers}`\n"
        yield _told(found.__doc__)
        return
    function: Callable[..., Any] = getattr(found, "__func__", found)
    overloads = typing.get_overloads(function)
    call = f"{thing.__name__}.{name}" if isinstance(found, classmethod | staticmethod) else f"{held}.{name}"
    yield f"\n**`{call}`**\n" if name != "__call__" else f"\n**`{held}(…)`**\n"
    yield from _signature(overloads[-1] if overloads else function, name)
    yield _told(function.__doc__)


def _signature(function: Any, name: str) -> Iterator[str]:
    signature = inspect.signature(function)
    taken = [_parameter(one) for one in _named(signature)]
    answer = signature.return_annotation
    said = "" if answer is inspect.Signature.empty or inspect.isclass(function) else f" -> {answer}"
    before = "async " if inspect.iscoroutinefunction(function) else ""
    # Lines end between parameters, and nowhere else.
    whole = [one.replace(" ", "\N{NO-BREAK SPACE}") for one in _starred(signature, taken)]
    line = f"{before}{name}({', '.join(whole)}){said}"
    wrapped = textwrap.wrap(line, _WIDTH, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
    yield "```text\n" + "\n".join(wrapped).replace("\N{NO-BREAK SPACE}", " ") + "\n```\n"


def _parameter(one: inspect.Parameter) -> str:
    kind = str(one.annotation)
    if kind.startswith("Unpack["):
        return "**policies" if "PolicyOptions" in kind else "**settings_and_policies"
    stars = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}.get(one.kind, "")
    typed = f": {kind}" if one.annotation is not inspect.Parameter.empty else ""
    default = "" if one.default is inspect.Parameter.empty else f" = {_written(one.default)}"
    return f"{stars}{one.name}{typed}{default}"


def _written(default: object) -> str:
    if inspect.isfunction(default):
        return "…"
    return repr(default.value if isinstance(default, Enum) else default)


def _named(signature: inspect.Signature) -> list[inspect.Parameter]:
    hidden = {"self", "cls", "unnamed", "anchor", "function"}
    return [one for one in signature.parameters.values() if one.name not in hidden and not one.name.startswith("_")]


def _starred(signature: inspect.Signature, taken: list[str]) -> Iterator[str]:
    """With the ``*`` behind which names are needed."""
    is_told = False
    for one, text in zip(_named(signature), taken, strict=True):
        if one.kind is inspect.Parameter.VAR_POSITIONAL:
            is_told = True
        if one.kind is inspect.Parameter.KEYWORD_ONLY and not is_told:
            is_told = True
            yield "*"
        yield text


def _told(doc: str | None) -> str:
    """A docstring as Markdown: names in code, and what is raised as a sentence."""
    text = inspect.cleandoc(doc or "").replace("``", "`")
    text = re.sub(r"(`[^`\n]+`(?:(?:,| and) `[^`\n]+`)*)  (?=\S)", r"\1: ", text)
    text = re.sub(r"\nRaises:\n((?: +.*\n?)+)", lambda found: "\nRaises " + _sentence(found[1]), text)
    text = re.sub(r"^Args:\n((?: +.*\n?)+)", lambda found: _listed(found[1]), text, flags=re.MULTILINE)
    return re.sub(r"^ +(?!- )", "", text, flags=re.MULTILINE).strip()


def _listed(arguments: str) -> str:
    """``name: meaning``, set in by four; what goes on is set in further."""
    lines = inspect.cleandoc(arguments).splitlines()
    return "\n".join(re.sub(r"^([a-z_, ]+): ", r"- `\1`: ", line) for line in lines) + "\n"


def _sentence(raised: str) -> str:
    return re.sub(r"(\w+): ", r"\1 ", " ".join(raised.split()), count=1)


ERRORS = {one for one in vars(hourbell).values() if isinstance(one, type) and issubclass(one, HourbellError)}
"""They have a page of their own."""

if __name__ == "__main__":
    kept = PAGE.read_text(encoding="utf-8").partition(BEGIN)[0]
    PAGE.write_text(f"{kept}{BEGIN}{reference()}\n", encoding="utf-8")
