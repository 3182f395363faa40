"""Clocks that are wrong, that jump, and nights on which they are changed."""

from __future__ import annotations

from collections.abc import Sequence

from .entry import Entry

ENTRIES: Sequence[Entry] = ()
