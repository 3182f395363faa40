"""Nodes of different versions, and nodes that know different things."""

from __future__ import annotations

from collections.abc import Sequence

from .entry import Entry

ENTRIES: Sequence[Entry] = ()
