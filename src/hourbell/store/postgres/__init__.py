"""PostgreSQL 14 and newer, by asyncpg."""

from hourbell.store.postgres.postgres_store import PostgresStore

__all__ = ["PostgresStore"]
