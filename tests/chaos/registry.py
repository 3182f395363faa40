"""Every scenario that there is, group by group."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from . import (
    group_crashes,
    group_database,
    group_deaths,
    group_hardship,
    group_load,
    group_network,
    group_policies,
    group_pooler,
    group_sqlite,
    group_times,
    group_versions,
)
from .entry import Entry

_GROUPS = (
    group_crashes,
    group_database,
    group_hardship,
    group_network,
    group_pooler,
    group_times,
    group_load,
    group_sqlite,
    group_versions,
    group_deaths,
    group_policies,
)


def all_entries() -> Sequence[Entry]:
    """In the order in which they are told. Raises ValueError when two have the same name."""
    entries = [entry for group in _GROUPS for entry in group.ENTRIES]
    doubled = [name for name, count in Counter(entry.name for entry in entries).items() if count > 1]
    if doubled:
        raise ValueError(f"two scenarios have the name {doubled[0]!r}: each needs its own")
    return entries
