"""How long to wait after failures in a row."""

from __future__ import annotations

import random


class Backoff:
    """Waits that double from ``first`` seconds up to ``cap``, each drawn from its upper half.

    The jitter keeps many nodes from asking a database that has just come back all at the same moment.
    """

    def __init__(self, first: float = 0.1, cap: float = 3.0) -> None:
        self._first = first
        self._cap = cap
        self._failures = 0

    @property
    def failures(self) -> int:
        """How many failures there were since the last success."""
        return self._failures

    def failed(self) -> float:
        """Count a failure and answer the seconds to wait before the next try."""
        full = min(self._cap, self._first * 2.0 ** min(self._failures, 30))
        self._failures += 1
        return random.uniform(full / 2, full)

    def succeeded(self) -> None:
        """Begin again with the shortest wait."""
        self._failures = 0
