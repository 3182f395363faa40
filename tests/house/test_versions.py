"""What is pinned agrees with what is declared, and names nothing but packages and versions."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PIN = re.compile(r"^(?P<name>[a-z0-9][a-z0-9-]*)==(?P<version>[0-9][0-9a-z.]*)$")
FILES = ("constraints.txt", "constraints-lowest.txt")


def pins(file: str) -> dict[str, str]:
    lines = [line for line in (ROOT / file).read_text(encoding="utf-8").splitlines() if line.strip()]
    found = [PIN.match(line) for line in lines if not line.startswith("#")]
    assert all(found), f"{file}: every line is name==version"
    return {pin["name"]: pin["version"] for pin in found if pin}


def declared(group: str | None = None) -> dict[str, str]:
    """Names and lower bounds of pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = project["optional-dependencies"][group] if group else project["dependencies"]
    bounds = [re.fullmatch(r"([a-z-]+)(?:\[[a-z]+\])?>=([0-9.]+)", line) for line in wanted]
    assert all(bounds), "every dependency is name>=lowest"
    return {bound[1]: bound[2] for bound in bounds if bound}


@pytest.mark.parametrize("file", FILES)
def test_all_that_is_declared_is_pinned(file: str) -> None:
    assert (declared() | declared("dev")).keys() <= pins(file).keys()


def test_the_lowest_pins_are_the_declared_bounds() -> None:
    lowest = pins("constraints-lowest.txt")
    assert {name: lowest[name] for name in declared()} == declared()
    # An adapter is written against it, so its lower bound is a promise too.
    assert lowest["sqlalchemy"] == declared("dev")["sqlalchemy"]


def test_dev_py_can_tell_an_old_python_that_it_is_too_old() -> None:
    """A SyntaxError would be all that its user sees."""
    source = (ROOT / "dev.py").read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 6))
    assert "from __future__ import annotations" not in source
