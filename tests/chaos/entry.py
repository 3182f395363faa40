"""One scenario as the laboratory knows it: what is done, where, with which arguments, and what it is judged by."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from .site import KINDS, Scenario

POSTGRES, SQLITE = ("postgres",), ("sqlite",)


class Group(StrEnum):
    """What breaks."""

    CRASHES = "crashes"
    DATABASE = "database"
    NETWORK = "network"
    POOLER = "pooler"
    TIME = "time"
    LOAD = "load"
    SQLITE = "SQLite"
    VERSIONS = "versions"
    DEATHS = "deaths beside the work"
    POLICIES = "policies"


@dataclass(frozen=True, kw_only=True)
class Need:
    """Something that not every machine has. ``is_there`` looks for it, without leaving anything behind."""

    name: str
    is_there: Callable[[], bool]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A scenario with its name.

    ``done``  what is done, in one sentence. ``judged``  the limits that it is judged by, beyond those of every
    scenario. ``short`` and ``long``  its arguments in either form. ``minutes``  what the long form takes on one
    database.
    """

    name: str
    group: Group
    done: str
    judged: str
    scenario: Scenario
    minutes: float
    databases: Sequence[str] = KINDS
    needs: Sequence[Need] = ()
    short: Mapping[str, Any] = field(default_factory=dict)
    long: Mapping[str, Any] = field(default_factory=dict)

    def missing(self) -> str | None:
        """What it needs and what is not there, in words."""
        names = [need.name for need in self.needs if not need.is_there()]
        return " and ".join(names) or None
