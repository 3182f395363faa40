"""What commands print: tables that fit the terminal for people, JSON in the shapes of the REST API for programs."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

import typer

from hourbell.cli.table import plain, table

if TYPE_CHECKING:
    from pydantic import BaseModel

    from hourbell.model.page import Page

T = TypeVar("T")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, in the shapes of the REST API.")]
Limit = Annotated[int, typer.Option(min=1, max=100_000, help="How many at most.")]

_FINE = re.compile(r"(?<=T\d\d:\d\d:\d\d)(\.\d{3})\d+Z$")
_PAGE = 1_000
_NAME = 14


@dataclass(frozen=True, slots=True)
class Listed(Generic[T]):
    """The beginning of a list; ``more`` says that it goes on."""

    items: Sequence[T]
    more: bool


async def listed(page_after: Callable[[str | None, int], Awaitable[Page[T]]], limit: int) -> Listed[T]:
    """At most ``limit`` items, asked for page by page as (cursor, limit)."""
    items: list[T] = []
    cursor: str | None = None
    while True:
        page = await page_after(cursor, min(_PAGE, limit - len(items)))
        items += page
        cursor = page.next_cursor
        if cursor is None or len(items) >= limit:
            return Listed(items, cursor is not None)


def show_list(
    items: Sequence[BaseModel],
    columns: Sequence[str],
    as_json: bool,
    *,
    spared: Sequence[str] = (),
    whole: Sequence[str] = (),
    more: bool = False,
) -> None:
    """A line an item, or all of them as JSON. ``more`` is told on stderr, where no program takes it for an item."""
    shown = [item.model_dump(mode="json") for item in items]
    show_rows(shown, columns, as_json, spared=spared, whole=whole, more=more)


def show_rows(
    shown: Sequence[dict[str, Any]],
    columns: Sequence[str],
    as_json: bool,
    *,
    spared: Sequence[str] = (),
    whole: Sequence[str] = (),
    more: bool = False,
) -> None:
    """The same for items that are JSON already."""
    if as_json:
        show_json(shown)
    else:
        rows = [{name: _short(value) for name, value in item.items()} for item in shown]
        print(table(columns, rows, width=width(), spared=spared, whole=whole))
    if more:
        print(f"hourbell: these are the first {len(shown)}; --limit N shows more", file=sys.stderr)


def show_json(value: object) -> None:
    """One JSON value, indented."""
    print(json.dumps(value, indent=2))


def show_fields(fields: dict[str, Any]) -> None:
    """Names and values, one a line; what is None is left out."""
    for name, value in fields.items():
        if value is not None:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            print(f"{name:<{_NAME}}{plain(text)}")


def show_paragraph(text: str, indent: str = "") -> None:
    """Lines that fit, those after the first set in; where nobody sees a terminal, one line."""
    columns, more = width(), f"{indent}    "
    if columns is None:
        print(f"{indent}{plain(text)}")
        return
    for line in textwrap.wrap(
        plain(text), columns, initial_indent=indent, subsequent_indent=more, break_on_hyphens=False
    ):
        print(line)


def width() -> int | None:
    """How wide a line may be; None where nobody sees a terminal: a pipe gets everything."""
    if sys.stdout.isatty() or "COLUMNS" in os.environ:
        return shutil.get_terminal_size((80, 24)).columns
    return None


def _short(value: object) -> object:
    """The first line of a text, as an error's; and an instant to the millisecond."""
    return _FINE.sub(r"\1Z", value.partition("\n")[0]) if isinstance(value, str) else value
