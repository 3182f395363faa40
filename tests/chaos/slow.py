"""A module that takes an hour to import where bodies run, and no time in the application."""

import sys
import time

if "hourbell.executors.process.child" in sys.modules:
    time.sleep(3600)


def bad_import() -> None:
    """Never comes to run."""
