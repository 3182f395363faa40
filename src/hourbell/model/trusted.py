"""For how long whoever holds a lease counts on it."""

from __future__ import annotations

LEAST_MARGIN = 0.3
"""Seconds before a lease's end at which its holder stops counting on it at the latest, whatever the lease."""


def trusted(lease: float) -> float:
    """Seconds from the *start* of the last good renewal: the store counts the lease from its receipt, which is later,
    and others see it end later still."""
    return lease - max(LEAST_MARGIN, lease / 10)
