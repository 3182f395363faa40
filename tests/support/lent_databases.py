"""Databases with Hourbell's tables in them, lent to one test after the other and emptied in between.

To make a database and apply all migrations costs the server and us a tenth of a second of processor time; to empty one
costs a tenth of that. A test that changes more than rows and tables of its own, or leaves a connection, spoils its
database for the next: it is thrown away then, and another is made when somebody asks.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass

import psycopg
from psycopg import sql

from hourbell.clock import ManualClock
from hourbell.store.postgres import PostgresStore
from hourbell.testing.own_loop import on_own_loop
from hourbell.testing.postgres_server import PostgresServer
from support.leaks import GRACE

_CONNECTED = """
    SELECT concat_ws(' ', 'pid', pid, application_name, state, query) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
# Everything that a test can make, change or grant in a database but rows; what a plan or a vacuum changes is no part.
_SHAPE = """
    SELECT jsonb_build_array(
        (SELECT jsonb_agg(jsonb_build_array(n.nspname, n.nspacl) ORDER BY n.nspname)
         FROM pg_namespace n WHERE n.nspname !~ '^pg_(toast|temp)'),
        (SELECT jsonb_agg(jsonb_build_array(c.oid, c.relname, c.relacl, c.reloptions, c.relchecks, c.relnatts,
                                            c.relhastriggers, c.relhasrules, c.relrowsecurity) ORDER BY c.oid)
         FROM pg_class c WHERE c.oid >= 16384 AND c.relnamespace <> 'pg_toast'::regnamespace),
        (SELECT jsonb_agg(jsonb_build_array(a.attrelid, a.attname, a.atttypid, a.attnotnull, a.attacl, a.atthasdef)
                          ORDER BY a.attrelid, a.attnum)
         FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
         WHERE a.attrelid >= 16384 AND c.relnamespace <> 'pg_toast'::regnamespace),
        (SELECT jsonb_agg(d.oid ORDER BY d.oid) FROM pg_attrdef d WHERE d.oid >= 16384),
        (SELECT jsonb_agg(o.oid ORDER BY o.oid) FROM pg_constraint o WHERE o.oid >= 16384),
        (SELECT jsonb_agg(p.oid ORDER BY p.oid) FROM pg_proc p WHERE p.oid >= 16384),
        (SELECT jsonb_agg(t.oid ORDER BY t.oid) FROM pg_trigger t WHERE t.oid >= 16384),
        (SELECT jsonb_agg(e.extname ORDER BY e.extname) FROM pg_extension e),
        (SELECT jsonb_agg(s.setconfig) FROM pg_db_role_setting s
         WHERE s.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()))
    )::text
"""
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY tablename"

Connection = psycopg.Connection[tuple[str]]


@dataclass(frozen=True)
class Lent:
    """A database as it was when its tables had just been made."""

    name: str
    url: str
    connection: Connection
    """Ours, which stays: a new one for each test would have to learn all tables anew."""
    shape: str
    empty: tuple[str, ...]
    """Tables in which no migration puts a row."""
    filled: tuple[tuple[str, str], ...]
    """The other tables, each with its rows as JSON."""


class Lending:
    """What comes back in order is lent again; ``schema`` is where our tables are."""

    def __init__(self, server: PostgresServer, schema: str = "hourbell") -> None:
        self._server = server
        self._schema = schema
        self._ready: list[Lent] = []

    def lend(self) -> Lent:
        """A database with all migrations applied, and nothing in it."""
        return self._ready.pop() if self._ready else self._made()

    def take_back(self, lent: Lent) -> list[str]:
        """Empty it for the next, or throw it away; answers the connections that were left open to it."""
        try:
            left = _left(lent.connection)
            as_made = not left and self._emptied(lent.connection, lent)
        except psycopg.OperationalError:  # the test has ended every session, ours as well
            left, as_made = [], False
        if as_made:
            self._ready.append(lent)
        else:
            self._throw_away(lent)
        return left

    def close(self) -> None:
        """Throw away what is not lent."""
        while self._ready:
            self._throw_away(self._ready.pop())

    def _throw_away(self, lent: Lent) -> None:
        lent.connection.close()
        with psycopg.connect(self._server.url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(lent.name)))

    def _made(self) -> Lent:
        name = f"hourbell_lent_{secrets.token_hex(6)}"
        url = self._server.create_database(name)
        _migrate(url, self._schema)
        connection = psycopg.connect(url, autocommit=True)
        tables = [table for (table,) in connection.execute(_TABLES, [self._schema])]
        full = self._full(connection, tables)
        filled = tuple((table, self._rows(connection, table)) for table in full)
        empty = tuple(table for table in tables if table not in full)
        return Lent(name, url, connection, _shape(connection), empty, filled)

    def _emptied(self, connection: Connection, lent: Lent) -> bool:
        """Make its rows what they were, drop an application's tables; False when more than that has changed."""
        for (table,) in connection.execute(_TABLES, ["public"]).fetchall():
            connection.execute(sql.SQL("DROP TABLE public.{} CASCADE").format(sql.Identifier(table)))
        if _shape(connection) != lent.shape:
            return False
        with connection.transaction():
            full = self._full(connection, lent.empty)
            if full:
                names = sql.SQL(", ").join(map(self._table, full))
                connection.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY CASCADE").format(names))
            for table, rows in lent.filled:
                if self._rows(connection, table) != rows:
                    connection.execute(sql.SQL("DELETE FROM {}").format(self._table(table)))
                    again = sql.SQL("INSERT INTO {0} SELECT * FROM jsonb_populate_recordset(NULL::{0}, %s::jsonb)")
                    connection.execute(again.format(self._table(table)), [rows])
        return True

    def _full(self, connection: Connection, tables: list[str] | tuple[str, ...]) -> list[str]:
        """Those of the tables that have a row."""
        asked = sql.SQL(" UNION ALL ").join(
            sql.SQL("(SELECT {} FROM {} LIMIT 1)").format(sql.Literal(table), self._table(table)) for table in tables
        )
        return [table for (table,) in connection.execute(asked)]

    def _rows(self, connection: Connection, table: str) -> str:
        asked = sql.SQL("SELECT coalesce(jsonb_agg(r ORDER BY r::text), '[]')::text FROM {} r").format(
            self._table(table)
        )
        return _one(connection, asked)

    def _table(self, name: str) -> sql.Identifier:
        return sql.Identifier(self._schema, name)


def _left(connection: Connection) -> list[str]:
    """What is connected to the database besides us, after it had the grace to end."""
    deadline = time.monotonic() + GRACE
    while left := [what for (what,) in connection.execute(_CONNECTED)]:
        if time.monotonic() > deadline:
            break
        time.sleep(0.01)
    return left


def _shape(connection: Connection) -> str:
    return _one(connection, _SHAPE)


def _one(connection: Connection, asked: str | sql.Composed) -> str:
    row = connection.execute(asked).fetchone()
    assert row is not None
    return row[0]


def _migrate(url: str, schema: str) -> None:
    async def migrate() -> None:
        store = PostgresStore(url, ManualClock(), schema=schema)
        await store.open()
        try:
            await store.migrate()
        finally:
            await store.close()

    on_own_loop(migrate)
