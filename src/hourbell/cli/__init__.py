"""The command line: ``hourbell``."""

from __future__ import annotations

__all__ = ["main"]

_INTERRUPTED = 130
"""As shells count it: 128 and the number of SIGINT."""


def main() -> None:
    """Run the command that the arguments name. Ctrl-C ends it without a traceback, also while it is being loaded."""
    try:
        from hourbell.cli.main import main as run

        run()
    except KeyboardInterrupt:
        raise SystemExit(_INTERRUPTED) from None
