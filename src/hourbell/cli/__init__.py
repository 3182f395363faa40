"""The command line: ``hourbell``."""

from hourbell.cli.main import main

__all__ = ["main"]
