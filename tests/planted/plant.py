"""What a planted fault is."""

from __future__ import annotations

from dataclasses import dataclass

STORES = "tests/conformance/test_stores.py"
MACHINE = "tests/statemachine/test_machine.py"


@dataclass(frozen=True)
class Plant:
    """One fault: in ``file`` of the package ``old``, which stands there once, becomes ``new``.

    ``finders``  what pytest is asked to run; one failing test is enough.
    """

    name: str
    file: str
    old: str
    new: str
    finders: tuple[str, ...]
