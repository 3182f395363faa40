"""What asyncpg raises, told in the store's own words: wait, mend, or look at the data."""

from __future__ import annotations

import asyncio

import asyncpg

from hourbell.errors import (
    HourbellError,
    MigrationNeeded,
    StoreMisconfigured,
    StoreRejected,
    StoreUnavailable,
)

REPEATABLE = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.InvalidCachedStatementError,  # a newer version has just added a column to a table
)
"""The database undid the transaction and asks for it again."""

CAUGHT = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    asyncio.TimeoutError,
    EOFError,
)

_MISCONFIGURED = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidPasswordError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.ClientConfigurationError,
    asyncpg.FeatureNotSupportedError,
    asyncpg.UnsupportedClientFeatureError,
)
_OLD_SCHEMA = (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError, asyncpg.InvalidSchemaNameError)
_TOO_LONG = (asyncpg.QueryCanceledError, asyncpg.LockNotAvailableError, TimeoutError)


def said(error: BaseException) -> str:
    """What the driver or the server says, in one line: hints of theirs come on lines of their own."""
    return " ".join(str(error).split()) or type(error).__name__


def translated(error: BaseException) -> HourbellError:
    """The store's error for one of `CAUGHT`. The message never holds the connection string."""
    told = said(error)
    if isinstance(error, _OLD_SCHEMA):
        return MigrationNeeded(f"Hourbell's tables are missing or too old ({told}); run `hourbell migrate`")
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        return StoreMisconfigured(f"the database role lacks a right ({told}); grant it, or run `hourbell migrate`")
    if isinstance(error, _MISCONFIGURED):
        return StoreMisconfigured(f"PostgreSQL refuses the connection ({told}); check the database URL and the role")
    if isinstance(error, asyncpg.PostgresError) and (error.sqlstate or "")[:2] in ("22", "23"):
        return StoreRejected(f"PostgreSQL refused the data: {told}")
    if isinstance(error, asyncpg.PostgresError) and (error.sqlstate or "").startswith("42"):
        return StoreMisconfigured(f"Hourbell's tables do not fit this version ({told}); run `hourbell migrate`")
    if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
        return StoreUnavailable(f"PostgreSQL only reads just now ({told}); the database URL must lead to the primary")
    if isinstance(error, _TOO_LONG) and "user request" not in told:
        return StoreUnavailable(
            f"PostgreSQL takes too long to answer ({told}): it has too much to do, or a table is locked; "
            "`hourbell doctor` says by whom"
        )
    if isinstance(error, OSError) and not isinstance(error, TimeoutError):
        return StoreUnavailable(
            f"PostgreSQL cannot be reached ({told}); check that it runs, and the host and port of the database URL"
        )
    return StoreUnavailable(
        f"PostgreSQL does not answer just now ({type(error).__name__}: {told}); its own log says more if this lasts"
    )
