"""``hourbell tasks``: the tasks that an application registers."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import typer

from hourbell.cli.loading import load_scheduler
from hourbell.cli.showing import AsJson, show_rows


def list_tasks(
    address: Annotated[str, typer.Argument(metavar="MODULE:SCHEDULER", help="As in myapp.main:scheduler.")],
    as_json: AsJson = False,
) -> None:
    """The tasks that a scheduler registers when its module is imported, with what each takes."""
    from hourbell.fastapi.schemas import TaskOut

    tasks = asyncio.run(load_scheduler(address).list_tasks())
    shown = [TaskOut.of(one).model_dump(mode="json") for one in tasks]
    if not as_json:
        shown = [{**one, "takes": _taken(one["arguments"]), "policies": _said(one["policies"])} for one in shown]
    show_rows(shown, ("name", "takes", "policies", "aliases"), as_json, spared=("aliases",), whole=("name",))


def _taken(schema: dict[str, Any] | None) -> str | None:
    """The names of the arguments, those with a question mark that may be left out."""
    if schema is None:
        return None
    needed = schema.get("required", ())
    names = (name if name in needed else f"{name}?" for name in schema.get("properties", {}))
    return ", ".join(names) or None


def _said(policies: dict[str, Any]) -> str | None:
    """Policies in few words; of a retry, how many attempts it has."""
    plain = {name: value["attempts"] if name == "retry" and value else value for name, value in policies.items()}
    return ", ".join(f"{name}={value}" for name, value in plain.items()) or None
