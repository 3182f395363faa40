"""The command line: `hourbell`."""

from __future__ import annotations


def main() -> None:
    """Run the command that was typed."""
    # Imported here, so that importing this package stays cheap.
    from hourbell.cli.app import build_app

    build_app()()
