"""Writing inside the application's own transactions: SQLAlchemy's sessions and connections, asyncpg's connections."""

from hourbell.sessions.choice import transaction_of

__all__ = ["transaction_of"]
