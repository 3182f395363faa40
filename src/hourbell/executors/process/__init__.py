"""Bodies in processes of their own: what happens to one of them happens to no other, and it can be killed."""

from .executor import ProcessExecutor

__all__ = ["ProcessExecutor"]
