"""Bans that keep one clock and one place for SQL."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from support.bans.source import Ban, Finding, Source

# Where the machine's clock may be asked.
CLOCK = "clock.py"

_WALL_CLOCK = frozenset(
    {
        *(f"datetime.datetime.{name}" for name in ("now", "utcnow", "today")),
        *("datetime.date.today", "email.utils.localtime", "uuid.uuid1", "uuid.uuid6", "uuid.uuid7"),
        *(f"time.{name}" for name in ("time", "time_ns", "localtime", "gmtime", "ctime", "asctime", "strftime")),
        *(f"time.{name}" for name in ("clock_gettime", "clock_gettime_ns")),
    }
)


def wall_clock(source: Source) -> Iterator[Finding]:
    """The database says what time it is; the machine may be asked in one file only."""
    if not source.is_python or source.path == CLOCK:
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute | ast.Name) and source.dotted(node) in _WALL_CLOCK:
            yield Finding(source.path, node.lineno, f"{source.dotted(node)}: ask the injected Clock")


# Makes whole databases on a test server, which is no part of the store.
SQL_IN_PYTHON = frozenset({"testing/postgres_databases.py"})

_THINGS = r"(table|(unique\s+)?index|schema|database|extension|function|trigger|type|view|sequence)"
_STATEMENT = re.compile(
    r"""^\s*(?:
        (?i:select\s+(.*\bfrom\b|[\d':(*$%]) | insert\s+(or\s+\w+\s+)?into\s | update\s+[\w.{}"]+\s+(\w+\s+)?set\s
          | delete\s+from\s | with\s+(recursive\s+)?\w+\s*(\([^)]*\))?\s+as\s | merge\s+into\s
          | (create|alter|drop)\s+(or\s+replace\s+)?"""
    + _THINGS
    + r""" | truncate\s+table\s | set\s+local\s | begin\s+(immediate|exclusive|transaction|isolation))
      | (?: PRAGMA | SAVEPOINT | LISTEN | UNLISTEN | NOTIFY | VACUUM | ANALYZE | EXPLAIN | LOCK\sTABLE )\s
      | (?: BEGIN | COMMIT | ROLLBACK | VACUUM | ANALYZE ) \s* ;? \s* $
    )""",
    re.VERBOSE | re.DOTALL,
)


def sql_in_python(source: Source) -> Iterator[Finding]:
    """What you read in the .sql files is what runs."""
    if not source.is_python or source.path in SQL_IN_PYTHON:
        return
    for node in ast.walk(source.tree):
        text = _text(node) if isinstance(node, ast.expr) and node not in source.docstrings else ""
        if text and _STATEMENT.match(text):
            yield Finding(source.path, node.lineno, f"SQL in Python: {text.strip()[:40]!r} belongs into a .sql file")


def _text(node: ast.expr) -> str:
    """A string as it begins; what is computed stands as a name, which is what it would be in a statement."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values)
    return ""


_ALLOWED_NOW = re.compile(r"coalesce\(\s*:now\s*,\s*now\(\)\s*\)", re.IGNORECASE)
_NOW = re.compile(
    r"""\b(?: (?: now | clock_timestamp | statement_timestamp | transaction_timestamp | timeofday )\s*\(
      | current_timestamp\b | current_date\b | current_time\b | localtimestamp\b | localtime\b
      | (?: datetime | date | time | julianday | unixepoch | strftime )\s*\([^)]*'now'
      | (?: datetime | date | time | julianday | unixepoch )\s*\(\s*\) )""",
    re.IGNORECASE | re.VERBOSE,
)


def sql_clock(source: Source) -> Iterator[Finding]:
    """One form for the clock: production binds null and gets the database's, tests bind their own."""
    if not source.is_sql:
        return
    for number, line in enumerate(without_comments(source.text).splitlines(), 1):
        for found in _NOW.finditer(_ALLOWED_NOW.sub("", line)):
            yield Finding(source.path, number, f"{found.group()!r}: only coalesce(:now, now()) tells the time")


def without_comments(sql: str) -> str:
    """The statements alone, line for line."""
    sql = re.sub(r"/\*.*?\*/", lambda found: "\n" * found.group().count("\n"), sql, flags=re.DOTALL)
    return re.sub(r"--[^\n]*", "", sql)


BANS = (
    Ban(
        "wall clock",
        wall_clock,
        bad=(
            Source("a.py", "import time\nstarted = time.time()"),
            Source("a.py", "from datetime import datetime as dt\nf = dt.now"),
            Source("a.py", "import datetime\ndatetime.datetime.now(datetime.UTC)"),
            Source("a.py", "from time import time\nx = time()"),
            Source("engine/clock.py", "from datetime import date\ndate.today()"),
        ),
        good=(
            Source("clock.py", "import time\nstarted = time.time()"),
            Source("a.py", "def f(clock): return clock.now()"),
            Source("a.py", "import time\ntime.monotonic()"),
        ),
    ),
    Ban(
        "SQL in Python",
        sql_in_python,
        bad=(
            Source("a.py", "q = 'SELECT id FROM runs'"),
            Source("a.py", "q = f'''\n  update {schema}runs set state = 1'''"),
            Source("a.py", "q = 'BEGIN IMMEDIATE'"),
            Source("a.py", "q = 'commit' and 'COMMIT'"),
            Source("a.py", "q = f'LISTEN {channel}'"),
            Source("a.py", "q = 'create table t (a)'"),
            Source("a.py", "q = 'with c as (select 1)'"),
        ),
        good=(
            Source("testing/postgres_databases.py", "q = 'SELECT id FROM runs'"),
            Source("a.py", "def f():\n    '''SELECT id FROM runs'''"),
            Source("a.py", "m = 'Update the schedule first, then set it', 'commit', 'Select one of these'"),
            Source("a.sql", "SELECT id FROM runs"),
        ),
    ),
    Ban(
        "SQL's clock",
        sql_clock,
        bad=(
            Source("a.sql", "SELECT now()"),
            Source("a.sql", "SELECT coalesce(:at, now())"),
            Source("a.sql", "SELECT coalesce(:now, now()) - NOW ()"),
            Source("a.sql", "DEFAULT current_timestamp"),
            Source("a.sql", "WHERE a < clock_timestamp()"),
            Source("a.sql", "SELECT strftime('%s', 'now')"),
        ),
        good=(
            Source("a.sql", "SELECT COALESCE(:now, now()) AS now_at -- not now()"),
            Source("a.sql", "SELECT now_at /* now()\n */ FROM t"),
        ),
    ),
)
