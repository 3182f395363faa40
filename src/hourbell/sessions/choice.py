"""Which kind of session was given. No library is imported for that: who gives a session has imported its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hourbell.errors import InvalidArguments

if TYPE_CHECKING:
    from hourbell.store.transaction import Transaction


def transaction_of(session: Any) -> Transaction:
    """The transaction of a session or connection. Raises InvalidArguments for anything else, without touching it."""
    libraries = {kind.__module__.partition(".")[0] for kind in type(session).__mro__}
    if "sqlalchemy" in libraries:
        from hourbell.sessions.sqlalchemy_transaction import recognised

        found = recognised(session)
        if found is not None:
            return found
    if "asyncpg" in libraries and hasattr(session, "is_in_transaction"):
        from hourbell.sessions.asyncpg_transaction import AsyncpgTransaction

        return AsyncpgTransaction(session)
    raise InvalidArguments(
        f"session={type(session).__name__}: give a Session, AsyncSession, Connection or AsyncConnection of SQLAlchemy, "
        "a session of SQLModel, or a connection of asyncpg"
    )
