"""What only SQLite has: one file, and several that write to it."""

from __future__ import annotations

from collections.abc import Sequence

from .entry import Entry

ENTRIES: Sequence[Entry] = ()
