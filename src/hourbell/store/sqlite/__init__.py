"""SQLite in a file, by the standard library's ``sqlite3``."""

from hourbell.store.sqlite.sqlite_store import SqliteStore

__all__ = ["SqliteStore"]
