"""A file of the package as the bans see it, and what a ban finds in it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path


@dataclass(frozen=True)
class Source:
    """One ``.py`` or ``.sql`` file. ``path`` is relative to the package, with forward slashes."""

    path: str
    text: str

    @property
    def is_python(self) -> bool:
        return self.path.endswith(".py")

    @property
    def is_sql(self) -> bool:
        return self.path.endswith(".sql")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, filename=self.path)

    @cached_property
    def imported(self) -> dict[str, str]:
        """What each name stands for that an import gave: ``dt`` -> ``datetime.datetime``."""
        names: dict[str, str] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    local = alias.asname or alias.name.partition(".")[0]
                    names[local] = alias.name if alias.asname else local
            elif isinstance(node, ast.ImportFrom):
                names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        return names

    def dotted(self, node: ast.expr) -> str:
        """The full name of an expression such as ``dt.now``, by the file's imports; empty for anything else."""
        if isinstance(node, ast.Name):
            return self.imported.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            owner = self.dotted(node.value)
            return f"{owner}.{node.attr}" if owner else ""
        return ""

    @cached_property
    def docstrings(self) -> set[ast.expr]:
        """Texts that nobody reads at run time: docstrings, and strings that stand alone."""
        return {
            node.value
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        }


@dataclass(frozen=True)
class Finding:
    """What is banned, and where."""

    path: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}"


@dataclass(frozen=True)
class Ban:
    """A rule of the house. ``bad`` is a file that it must find fault with, ``good`` one that it must let pass."""

    name: str
    find: Callable[[Source], Iterator[Finding]]
    bad: tuple[Source, ...]
    good: tuple[Source, ...]


def read_package(package: Path) -> list[Source]:
    """All Python and SQL files of a package."""
    files = sorted([*package.rglob("*.py"), *package.rglob("*.sql")])
    return [Source(file.relative_to(package).as_posix(), file.read_text(encoding="utf-8")) for file in files]
