"""Addresses: what is understood, what is refused, and that no message shows a password."""

from __future__ import annotations

import pytest

from hourbell.database_url import DatabaseUrl
from hourbell.errors import InvalidArguments

UNDERSTOOD = [
    ("postgresql://u:p@h:5433/db", "postgres", "postgresql://u:p@h:5433/db"),
    ("postgres://u:p@h/db", "postgres", "postgresql://u:p@h/db"),
    ("postgresql+asyncpg://u:p@h/db", "postgres", "postgresql://u:p@h/db"),
    ("postgresql+psycopg://h/db", "postgres", "postgresql://h/db"),
    ("postgresql://u:p%40ss@h/db", "postgres", "postgresql://u:p%40ss@h/db"),
    ("postgresql://u:p@h/db?sslmode=require", "postgres", "postgresql://u:p@h/db?sslmode=require"),
    ("postgresql+asyncpg://u@h/db?ssl=true", "postgres", "postgresql://u@h/db?sslmode=require"),
    ("postgresql:///db?host=/tmp/pg", "postgres", "postgresql:///db?host=/tmp/pg"),
    ("postgresql://u:p@a:1,b:2/db", "postgres", "postgresql://u:p@a:1,b:2/db"),
    ("postgresql://u@a,b/db", "postgres", "postgresql://u@a,b/db"),
    ("postgresql+asyncpg://u@/db?host=a:1&host=b:2", "postgres", "postgresql://u@/db?host=a:1,b:2"),
    (
        "postgresql://u@a,b/db?target_session_attrs=read-write",
        "postgres",
        "postgresql://u@a,b/db?target_session_attrs=read-write",
    ),
    ("postgresql://u:p@ss@h/db", "postgres", "postgresql://u:p%40ss@h/db"),
    ("postgresql://u@tenant:p@h/db", "postgres", "postgresql://u%40tenant:p@h/db"),
    ("postgresql://u@[::1]:5433/db", "postgres", "postgresql://u@[::1]:5433/db"),
    ("sqlite:///app.db", "sqlite", "app.db"),
    ("sqlite+aiosqlite:///app.db", "sqlite", "app.db"),
    ("sqlite:////var/lib/app.db", "sqlite", "/var/lib/app.db"),
    ("sqlite:///with%20space.db", "sqlite", "with space.db"),
    ("memory://", "memory", ""),
]


@pytest.mark.parametrize("url, kind, place", UNDERSTOOD, ids=[url for url, *_ in UNDERSTOOD])
def test_understands(url: str, kind: str, place: str) -> None:
    parsed = DatabaseUrl.parse(url)
    assert (parsed.kind, parsed.dsn or parsed.path) == (kind, place)


REFUSED = [
    ("mysql://u:secret@h/db", "'mysql'", "PostgreSQL"),
    ("mssql+pyodbc://u:secret@h/db", "'mssql'", "SQLite"),
    ("just-a-file.db", "no scheme", "sqlite:///"),
    ("sqlite://", "memory://", "sqlite:///hourbell.db"),
    ("sqlite:///", "memory://", "sqlite:///hourbell.db"),
    ("sqlite:///:memory:", "memory://", "every connection"),
    ("sqlite://file.db", "two slashes", "sqlite:///file.db"),
    ("sqlite:///a.db?mode=ro", "'mode'", "none"),
    ("memory://x", "memory://", "neither"),
    ("postgresql://u:secret@h/db?foo=1", "'foo'", "take it out"),
    ("postgresql://u:secret@h/db?sslmode=sometimes", "sslmode='sometimes'", "verify-full"),
    ("postgresql://u:secret@h:port/db", "cannot be read", "percent form"),
    ("postgresql://u:secret@h:99999/db", "cannot be read", "percent form"),
    ("postgresql://u:secret@a:1,b:99999/db", "cannot be read", "65535"),
    ("postgresql://u:secret@h/db?target_session_attrs=writable", "'writable'", "read-write"),
    ("postgresql://", "no host", "postgresql://user"),
]


@pytest.mark.parametrize("url, problem, advice", REFUSED, ids=[url for url, *_ in REFUSED])
def test_refuses_and_says_what_to_do(url: str, problem: str, advice: str) -> None:
    with pytest.raises(InvalidArguments) as raised:
        DatabaseUrl.parse(url)
    assert problem in str(raised.value)
    assert advice in str(raised.value)
    assert "secret" not in str(raised.value)


def test_shows_everything_but_the_password() -> None:
    parsed = DatabaseUrl.parse("postgresql://anna:secret@host:5433/db?sslmode=require")
    for text in (repr(parsed), str(parsed), parsed.shown, f"{parsed}"):
        assert "secret" not in text
        assert "anna:***@host:5433/db" in text
