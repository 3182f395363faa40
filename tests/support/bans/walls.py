"""A wall that the layers do not draw: the web and the command line come in by the front door."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from support.bans.source import Ban, Finding, Source

_OUTSIDE = re.compile(r"^(cli|fastapi|demo)/")
_BEHIND_THE_FACADE = re.compile(r"^hourbell\.(engine|executors|guards|sessions|store)\b")


def back_doors(source: Source) -> Iterator[Finding]:
    """Web and command line use only the facade, so that whatever they can do, an application can do too."""
    if not source.is_python or not _OUTSIDE.match(source.path):
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in filter(_BEHIND_THE_FACADE.match, names):
            yield Finding(source.path, node.lineno, f"{name}: ask the scheduler instead")


BANS = (
    Ban(
        "back doors",
        back_doors,
        bad=(
            Source("cli/runs.py", "from hourbell.store.postgres import PostgresStore"),
            Source("fastapi/api.py", "import hourbell.engine.loop"),
            Source("demo/app.py", "from hourbell import store"),
        ),
        good=(
            Source("cli/runs.py", "from hourbell import Scheduler\nfrom hourbell.model.run import Run"),
            Source("scheduler/core.py", "from hourbell.engine import node"),
        ),
    ),
)
