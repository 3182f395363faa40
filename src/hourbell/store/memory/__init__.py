"""The store without a database: the semantics of the port, written to be read. Its truth ends with the process."""

from .store import MemoryStore

__all__ = ["MemoryStore"]
