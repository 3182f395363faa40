"""What a module is called in every process: a script has another name where it runs than where it is imported."""

from __future__ import annotations

import sys
from pathlib import Path

MAIN = "__mp_main__"
"""The name under which a script is imported by those who do not run it, so that its `if __name__` is not taken."""

_RUNNING = "__main__"


def is_script(module: str) -> bool:
    """True for the names of a script, where it runs and where it is imported."""
    return module in (_RUNNING, MAIN)


def lasting_name(module: str) -> str:
    """The module's name; of a script the stem of its file, and with ``python -m`` the name that was given.

    A script that is also imported by its name is so the same everywhere.
    """
    if not is_script(module):
        return module
    script = sys.modules.get(module)
    spec = getattr(script, "__spec__", None)
    if spec is not None and not is_script(spec.name):
        return str(spec.name)
    file = getattr(script, "__file__", None)
    return Path(file).stem if file else module
