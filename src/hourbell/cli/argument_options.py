"""The options that say a task's arguments, typed as the task's own JSON schema has them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from hourbell import HourbellError, InvalidArguments, Scheduler, Task

_PANEL = "Arguments of the task"
_KINDS: Mapping[type, str] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    list: "array",
    dict: "object",
    type(None): "null",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ArgumentOptions:
    """Arguments by name, as they were typed."""

    arg: Annotated[
        list[str] | None,
        typer.Option(
            "--arg",
            metavar="NAME=VALUE",
            help="One argument; may be repeated. The task's types say whether VALUE is a text, a number or other JSON.",
            rich_help_panel=_PANEL,
        ),
    ] = None
    args: Annotated[
        str | None,
        typer.Option("--args", metavar="JSON", help="All arguments, as a JSON object.", rich_help_panel=_PANEL),
    ] = None

    @property
    def given(self) -> bool:
        """Whether any was typed."""
        return bool(self.arg) or self.args is not None

    def refuse_without(self, app: str | None) -> None:
        """Raises InvalidArguments where arguments were typed that nobody could check."""
        if self.given and app is None:
            raise InvalidArguments(
                "--arg and --args need --app MODULE:SCHEDULER, as in myapp.main:scheduler: only the application knows "
                "what its task takes, and nothing is stored unchecked"
            )

    def read(self, task: Task[..., Any]) -> dict[str, Any]:
        """The arguments by name. Raises InvalidArguments; whether they fit is the scheduler's to say."""
        found = _whole(self.args) if self.args is not None else {}
        schema = _schema(task)
        for text in self.arg or ():
            name, equals, value = text.partition("=")
            if not equals or not name:
                raise InvalidArguments(f"--arg {text[:40]!r}: give NAME=VALUE, as in --arg to=ada")
            found[name] = _value(value, frozenset(_kinds(schema.get("properties", {}).get(name, {}), schema)))
        return found


def known_task(scheduler: Scheduler, name: str, tasks: list[Task[..., Any]]) -> Task[..., Any]:
    """The task of this name or alias among these, which are the scheduler's. Raises InvalidArguments."""
    for task in tasks:
        if name == task.name or name in task.aliases:
            return task
    known = ", ".join(task.name for task in tasks[:8]) or "none"
    raise InvalidArguments(f"{scheduler!r} registers no task {name!r}; those that it registers: {known}")


def _whole(text: str) -> dict[str, Any]:
    try:
        given = json.loads(text)
    except ValueError as error:
        raise InvalidArguments(f"--args is no JSON: {error}") from None
    if not isinstance(given, dict):
        raise InvalidArguments('--args: give a JSON object with the arguments by name, as in {"to": "ada"}')
    return given


def _schema(task: Task[..., Any]) -> Mapping[str, Any]:
    try:
        return task.arguments.json_schema()
    except HourbellError:  # a type without a JSON schema: JSON where it is JSON, text where it is not
        return {}


def _kinds(part: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[str]:
    """The kinds of JSON that a parameter takes; none where its schema does not say."""
    reference = part.get("$ref")
    if isinstance(reference, str):
        yield from _kinds(schema.get("$defs", {}).get(reference.rpartition("/")[2], {}), schema)
    kinds = part.get("type", [])
    yield from [kinds] if isinstance(kinds, str) else kinds
    for choice in (*part.get("anyOf", ()), *part.get("oneOf", ()), *part.get("allOf", ())):
        yield from _kinds(choice, schema)
    for value in (*part.get("enum", ()), *([part["const"]] if "const" in part else [])):
        yield _KINDS[type(value)]


def _value(text: str, kinds: frozenset[str]) -> Any:
    """JSON of a kind that the parameter takes; a text, where it takes texts; otherwise JSON if it is any."""
    try:
        parsed = json.loads(text)
    except ValueError:
        return text
    kind = _KINDS[type(parsed)]
    fits = kind in kinds or (kind == "integer" and "number" in kinds)
    return text if not fits and "string" in kinds else parsed
