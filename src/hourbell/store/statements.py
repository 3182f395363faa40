"""Named SQL statements, read from the ``.sql`` files beside this module: what you read there is what runs.

``sql/common/`` reads the same in both databases, ``sql/postgres/`` and ``sql/sqlite/`` are what each does in its own
way; a file holds the statements of one noun under ``-- name: noun.verb`` lines. ``:name`` is a parameter, ``{schema}.``
is replaced by the schema (or by nothing where there is none). Every judgement of time is made against ``coalesce(:now,
now())``: production binds null, tests the manual clock, SQLite always the host's clock. Everything is checked at load:
names given twice, names in the wrong file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Dialect = Literal["postgres", "sqlite"]

_NAME = re.compile(r"^-- name: ([a-z_]+\.[a-z_]+)$", re.MULTILINE)
_PARAMETER = re.compile(r"(?<![:\w]):([a-z_]+)")
_INDEX = re.compile(r"^(CREATE|DROP)(?: UNIQUE)? INDEX(?: IF (?:NOT )?EXISTS)? (?:\{schema\}\.)?(\w+)", re.MULTILINE)
_COMMENT = re.compile(r"^\s*--.*\n?", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement: its name, the text as the driver wants it, and its parameters in the order of their numbers."""

    name: str
    text: str
    parameters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered step of the schema, as the text of its file with the schema filled in."""

    version: int
    name: str
    text: str


def load(dialect: Dialect, schema: str | None = None, *, numbered: bool | None = None) -> Mapping[str, Statement]:
    """Every statement of a dialect by its name: the common ones, and the dialect's own in place of them.

    Parameters are as our own driver of the dialect takes them, unless ``numbered`` says otherwise.
    """
    texts = _read("common") | _read(dialect)
    place = _numbered if (dialect == "postgres" if numbered is None else numbered) else _named
    return {name: place(name, _fill(text, schema)) for name, text in texts.items()}


def migrations(dialect: Dialect, schema: str | None = None) -> tuple[Migration, ...]:
    """The migrations of a dialect in their order."""
    folder = files("hourbell.store") / "sql" / "migrations" / dialect
    found = sorted((entry.name, entry) for entry in folder.iterdir() if entry.name.endswith(".sql"))
    steps = []
    for name, entry in found:
        stem = name.removesuffix(".sql")
        steps.append(Migration(int(stem.split("_")[0]), stem, _fill(entry.read_text("utf-8"), schema)))
    return tuple(steps)


def indexes(dialect: Dialect) -> tuple[str, ...]:
    """The names of the indexes that the migrations make and keep, besides those of primary keys."""
    kept: dict[str, None] = {}
    for step in migrations(dialect, None):
        for verb, name in _INDEX.findall(step.text):
            if verb == "CREATE":
                kept[name] = None
            else:
                kept.pop(name, None)
    return tuple(kept)


def quoted(schema: str) -> str:
    """A schema's name as an SQL identifier."""
    return '"' + schema.replace('"', '""') + '"'


def _read(folder: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in (files("hourbell.store") / "sql" / folder).iterdir():
        noun = entry.name.removesuffix(".sql")
        parts = _NAME.split(entry.read_text("utf-8"))
        for name, body in zip(parts[1::2], parts[2::2], strict=True):
            if name in found:
                raise ValueError(f"{folder}/{entry.name} names {name} twice")
            if name.partition(".")[0] != noun:
                raise ValueError(f"{name} stands in {folder}/{entry.name}; its place is the file of its noun")
            found[name] = _COMMENT.sub("", body).strip().removesuffix(";")
    return found


def _fill(text: str, schema: str | None) -> str:
    if schema is None:
        return text.replace("{schema}.", "")
    return text.replace("{schema}.", quoted(schema) + ".").replace("{schema_name}", quoted(schema))


def _named(name: str, text: str) -> Statement:
    return Statement(name, text, tuple(dict.fromkeys(_PARAMETER.findall(text))))


def _numbered(name: str, text: str) -> Statement:
    order = tuple(dict.fromkeys(_PARAMETER.findall(text)))
    number: Callable[[re.Match[str]], str] = lambda match: f"${order.index(match[1]) + 1}"  # noqa: E731
    return Statement(name, _PARAMETER.sub(number, text), order)
