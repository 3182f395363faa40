"""The tables of the reference list what there is: no more, no less, with its true default."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields
from typing import Any

import typer
from fastapi import FastAPI

import hourbell
from hourbell import Context, HourbellError, Scheduler, errors
from hourbell.cli.exit_codes import code_of
from hourbell.cli.main import commands
from hourbell.fastapi import api_router
from hourbell.fastapi.problems import status_of
from hourbell.model.policies import Policies
from hourbell.settings import Settings
from support import python_reference
from support.command_reference import BEGIN, PAGE, reference
from support.pages import ROOT

REFERENCE = ROOT / "docs" / "reference"


def rows(page: str, columns: int) -> list[list[str]]:
    """The rows of a page's tables that have so many columns, without heads and rules."""
    found = []
    for line in (REFERENCE / page).read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == columns and cells[0].startswith("`"):
            found.append(cells)
    return found


def code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_policies() -> None:
    shown = {code(name)[0]: code(default)[0] for name, default, _ in rows("policies.md", 3)}
    assert shown == {field.name: _written(field.default) for field in fields(Policies)}


def test_settings() -> None:
    shown = {code(name)[0]: (code(default) or [""])[0] for name, default, _ in rows("settings.md", 3)}
    # These have no default that could be written down: there is none, or it depends on the machine.
    unwritten = {"direct_url", "queues", "processes"}
    assert shown.keys() == {field.name for field in fields(Settings)}
    for field in fields(Settings):
        wanted = "" if field.name in unwritten else str(field.default).removesuffix(".0")
        assert shown[field.name] == wanted, field.name


def test_verbs_of_the_scheduler() -> None:
    shown = [name.partition("(")[0] for cells in rows("scheduler.md", 2) for name in code(cells[0])]
    text = (REFERENCE / "scheduler.md").read_text(encoding="utf-8")
    public = {name for name in dir(Scheduler) if not name.startswith("_")}
    assert {name for name in public if f"`{name}`" not in text and name not in shown} == set()
    known = {*dir(Context), *(one.name for one in fields(Context))}
    context = {name for name in known if not name.startswith("_") and name not in {"of", "entered"}}
    assert {name for name in shown if name not in public} == context - public


def test_decorators_take_what_is_shown() -> None:
    for (call,) in (code(cells[0]) for cells in rows("scheduler.md", 2) if "(" in cells[0]):
        name, _, arguments = call.partition("(")
        if name == "task":
            continue  # it takes them by overloads
        shown = set(re.findall(r"\b[a-z_]+\b", re.sub(r"=[^,)]*", "", arguments)))
        taken = inspect.signature(getattr(Scheduler, name)).parameters.values()
        # What is given by place is only taken in order to be told that it needs a name.
        named = {one.name for one in taken if one.kind is not inspect.Parameter.VAR_POSITIONAL}
        assert shown == named - {"self"}, name


def test_errors() -> None:
    """Each has a line, by its own name, with what the API and the command line answer for it."""
    there = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, HourbellError)]
    shown = {code(name)[0]: (status, exit_code) for name, _, status, exit_code in rows("errors.md", 4)}
    answered = {kind.__name__: (str(status_of(kind("x"))), str(code_of(kind("x")).value)) for kind in there}
    assert shown == answered


def test_no_error_is_defined_elsewhere() -> None:
    """A narrower kind of one that is shown is a detail of its room, and has no public name."""
    for path in sorted((ROOT / "src" / "hourbell").rglob("*.py")):
        if path.name != "errors.py":
            assert not re.search(r"^ *class \w+\(HourbellError", path.read_text(encoding="utf-8"), re.MULTILINE), path


def test_commands() -> None:
    page = PAGE.read_text(encoding="utf-8")
    made = page.partition(BEGIN)[2].strip()
    assert made == reference().strip(), "run `python tests/support/command_reference.py`, which writes the page anew"
    group = typer.main.get_command(commands())
    named = {code(name)[0].split()[1] for name, _ in rows("command-line.md", 2)}
    named |= {found.split()[1] for name, _ in rows("command-line.md", 2) for found in code(name) if " " in found}
    assert named == set(group.commands)  # type: ignore[attr-defined]


def test_python_names() -> None:
    """All that `hourbell` exports and every verb, in the words of the docstrings."""
    made = python_reference.PAGE.read_text(encoding="utf-8").partition(python_reference.BEGIN)[2].strip()
    told = python_reference.reference().strip()
    assert made == told, "run `PYTHONPATH=tests python tests/support/python_reference.py`, which writes the page anew"
    exported = {getattr(hourbell, name) for name in hourbell.__all__}
    assert exported - python_reference.shown() == python_reference.ERRORS
    assert python_reference.verbs() == {name for name in dir(Scheduler) if not name.startswith("_")}


def test_addresses_of_the_api() -> None:
    shown = {address for name, _ in rows("rest.md", 2) for address in code(name)}
    router = api_router(Scheduler("memory://"))
    found = {f"{method} {path.replace(':path', '')}" for method, path in _routes(router)}
    assert shown == found


def test_shapes_of_the_api() -> None:
    """Each answer has a line that names its fields, all of them."""
    shown = {code(shape)[0]: set(code(named)) for shape, _, named in rows("rest.md", 3)}
    parts = _document(api_router(Scheduler("memory://")))["components"]["schemas"]
    for shape, named in shown.items():
        found = parts.get(f"{shape}Out") or parts[shape]
        assert found["properties"].keys() <= named, shape
    assert {name.removesuffix("Out") for name in parts if name.endswith("Out") and "_" not in name} - shown.keys() == {
        *("HeldUp", "LastDue"),  # whose fields stand beside their addresses
        *("Live", "Logs", "Preview", "Retried", "RunDetails"),  # which add one or two to what has a line
    }


def _routes(router: object) -> set[tuple[str, str]]:
    return {(method.upper(), path) for path, verbs in _document(router)["paths"].items() for method in verbs}


def _document(router: object) -> dict[str, Any]:
    app = FastAPI()
    app.include_router(router)  # type: ignore[arg-type]
    return app.openapi()


def _written(default: object) -> str:
    return f'"{default}"' if isinstance(default, str) else str(default)


def test_the_tables_are_found() -> None:
    pages = [page for page in REFERENCE.glob("*.md") if page != python_reference.PAGE]
    assert all(any(rows(page.name, columns) for columns in range(2, 6)) for page in pages)
