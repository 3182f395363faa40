"""``hourbell tasks``: the tasks that an application registers."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from hourbell.cli.loading import load_scheduler
from hourbell.cli.showing import AsJson, show_list


def list_tasks(
    address: Annotated[str, typer.Argument(metavar="MODULE:SCHEDULER", help="As in myapp.main:scheduler.")],
    as_json: AsJson = False,
) -> None:
    """The tasks that a scheduler registers when its module is imported, with what each takes."""
    from hourbell.fastapi.schemas import TaskOut

    tasks = asyncio.run(load_scheduler(address).list_tasks())
    show_list([TaskOut.of(one) for one in tasks], ("name", "aliases", "policies"), as_json)
