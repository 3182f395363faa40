"""A pooler stands between the nodes and their database."""

from __future__ import annotations

from collections.abc import Sequence

from .entry import Entry

ENTRIES: Sequence[Entry] = ()
