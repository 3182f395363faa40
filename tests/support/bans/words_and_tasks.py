"""Bans that keep one word for one thing, and every asyncio task in somebody's hands and ready to be cancelled."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from support.bans.source import Ban, Finding, Source
from support.bans.time_and_sql import without_comments

# The few files that start tasks: they keep them, and report how they ended.
STARTS_TASKS = frozenset(
    {"engine/loop.py", "engine/tasks.py", "at_once.py", "executors/process/child.py", "subscribers.py"}
)


def bare_tasks(source: Source) -> Iterator[Finding]:
    """A task that nobody holds may vanish half done, and its error with it. A TaskGroup holds its own."""
    if not source.is_python or source.path in STARTS_TASKS:
        return
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else source.dotted(node.func).rpartition(".")[2]
        if name == "ensure_future" or (name == "create_task" and not _is_group(node.func)):
            yield Finding(source.path, node.lineno, f"bare {name}: use a TaskGroup or the helper that keeps tasks")


def _is_group(function: ast.expr) -> bool:
    owner = function.value if isinstance(function, ast.Attribute) else None
    name = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
    return name.lower().endswith("group")


def deaf_waits(source: Source) -> Iterator[Finding]:
    """Up to Python 3.11 ``asyncio.wait_for`` forgets that it was cancelled when what it waits for comes just then."""
    if not source.is_python:
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and source.dotted(node.func) == "asyncio.wait_for":
            yield Finding(source.path, node.lineno, "asyncio.wait_for: use `async with asyncio.timeout(…):`")


# Words that this house has another one for, and where each may be said all the same.
_SYNONYMS = {
    "job": ("say task, schedule or run", re.compile(r"^fastapi/jobs_api\.py$")),
    "broker": ("there is none; say store", None),
    "leader": ("there is none", None),
    "worker": ("say node", re.compile(r"^cli/")),
}
_PIECES = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def synonyms(source: Source) -> Iterator[Finding]:
    """Names that we give. What a name of somebody else's is called (`uvicorn.run(workers=4)`) is theirs."""
    named = [(1, piece) for piece in source.path.rpartition(".")[0].split("/")]
    if source.is_python:
        named += _given_names(source.tree)
    elif source.is_sql:
        lines = enumerate(without_comments(source.text).splitlines(), 1)
        named += [(number, word) for number, line in lines for word in re.findall(r"\w+", line)]
    for line, name in named:
        for word in _PIECES.findall(name):
            instead, allowed = _SYNONYMS.get(word.lower().removesuffix("s"), (None, None))
            if instead and not (allowed and allowed.search(source.path)):
                yield Finding(source.path, line, f"{name!r}: {instead}")


def _given_names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.attr
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((node.lineno, alias.asname) for alias in node.names if alias.asname)


BANS = (
    Ban(
        "bare tasks",
        bare_tasks,
        bad=(
            Source("a.py", "import asyncio\nasyncio.create_task(f())"),
            Source("a.py", "from asyncio import create_task\nt = create_task(f())"),
            Source("a.py", "loop.create_task(f())"),
            Source("a.py", "from asyncio import ensure_future as go\ngo(f())"),
        ),
        good=(
            Source("engine/loop.py", "import asyncio\nasyncio.create_task(f())"),
            Source("a.py", "async with asyncio.TaskGroup() as group:\n    group.create_task(f())"),
        ),
    ),
    Ban(
        "deaf waits",
        deaf_waits,
        bad=(
            Source("a.py", "import asyncio\nasync def f(): await asyncio.wait_for(g(), 1)"),
            Source("a.py", "from asyncio import wait_for\nasync def f(): await wait_for(g(), 1)"),
        ),
        good=(Source("a.py", "async def f():\n    async with asyncio.timeout(1): await self.wait_for(g())"),),
    ),
    Ban(
        "synonyms",
        synonyms,
        bad=(
            Source("a.py", "job_id = 1"),
            Source("a.py", "class JobStore: pass"),
            Source("a.py", "def f(self, worker): pass"),
            Source("a.py", "self.is_leader = True"),
            Source("a.py", "import x as broker"),
            Source("engine/worker.py", ""),
            Source("a.sql", "CREATE TABLE jobs (id text)"),
        ),
        good=(
            Source("a.py", "uvicorn.run(app, workers=4)\nx = parent.workers"),
            Source("a.py", "def jobless(leadership): 'every job'"),
            Source("cli/worker.py", "def worker(): pass"),
            Source("fastapi/jobs_api.py", "job_id = 1"),
            Source("a.sql", "SELECT 1 -- no job"),
        ),
    ),
)
