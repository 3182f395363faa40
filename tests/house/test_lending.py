"""A database that is lent again is as if it had just been made, whatever the test before did to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest

from hourbell.testing.postgres_server import PostgresServer
from support.lent_databases import Lending, Lent


@pytest.fixture
def lending(postgres_server: PostgresServer) -> Iterator[Lending]:
    """One of the test's own, so that nobody else's databases come between."""
    with closing(Lending(postgres_server)) as lending:
        yield lending


def given_back_after(lending: Lending, lent: Lent, *statements: str) -> Lent:
    """The database that is lent next, when one has been used like this."""
    with psycopg.connect(lent.url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)
    assert lending.take_back(lent) == []
    return lending.lend()


def counted(lent: Lent, asked: str) -> int:
    with psycopg.connect(lent.url, autocommit=True) as connection:
        row = connection.execute(asked).fetchone()
        assert row is not None
        return int(row[0])


def test_rows_are_gone_and_those_of_the_migrations_are_back(lending: Lending) -> None:
    lent = lending.lend()
    again = given_back_after(
        lending,
        lent,
        "INSERT INTO hourbell.nodes (id, host, pid, version, state, started_at, lease_until) "
        "VALUES ('n', 'h', 1, '1', 'live', now(), now())",
        "UPDATE hourbell.paces SET free_at = now()",
        "CREATE TABLE public.users (name text PRIMARY KEY)",
        "DELETE FROM hourbell.migrations WHERE version = (SELECT max(version) FROM hourbell.migrations)",
    )
    assert again.name == lent.name, "rows alone are no reason to make another"
    assert counted(again, "SELECT count(*) FROM hourbell.nodes") == 0
    assert counted(again, "SELECT count(*) FROM pg_tables WHERE tablename = 'users'") == 0
    assert counted(again, "SELECT count(*) FROM hourbell.paces WHERE free_at = 'epoch'") == 1
    assert given_back_after(lending, again).name == lent.name
    assert counted(again, "SELECT max(version) FROM hourbell.migrations") > 1
    lending.take_back(again)


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE hourbell.runs ADD COLUMN newer text",
        "ALTER TABLE hourbell.runs ALTER COLUMN queue SET DEFAULT 'x'",
        "DROP INDEX hourbell.runs_claim",
        "GRANT SELECT ON hourbell.runs TO PUBLIC",
        "CREATE SCHEMA by_hand",
        "CREATE FUNCTION hourbell.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET work_mem = 1024', current_database()); END $$",
    ],
)
def test_what_is_changed_is_not_lent_again(lending: Lending, statement: str) -> None:
    lent = lending.lend()
    again = given_back_after(lending, lent, statement)
    assert again.name != lent.name
    lending.take_back(again)


def test_a_connection_that_is_left_is_told_and_its_database_thrown_away(
    lending: Lending, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("support.lent_databases.GRACE", 0.05)
    lent = lending.lend()
    with psycopg.connect(lent.url, application_name="forgotten"):
        (left,) = lending.take_back(lent)
        assert "forgotten" in left
    again = lending.lend()
    assert again.name != lent.name
    lending.take_back(again)


def test_a_database_whose_sessions_were_ended_is_thrown_away(lending: Lending) -> None:
    lent = lending.lend()
    ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> "
    again = given_back_after(lending, lent, ended + "pg_backend_pid()")
    assert again.name != lent.name
    lending.take_back(again)
