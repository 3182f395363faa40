"""What others document for the same faults, in our words, each with the page where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .entry import Group


@dataclass(frozen=True)
class Said:
    """One statement of somebody's documentation."""

    group: Group
    who: str
    what: str
    where: str


PEERS: Sequence[Said] = (
    Said(
        Group.CRASHES,
        "Solid Queue",
        "runs of a killed process are marked as failed, to be looked at and retried by hand; a process counts as dead "
        "five minutes after its last heartbeat unless configured",
        "https://github.com/rails/solid_queue/blob/main/README.md",
    ),
    Said(
        Group.CRASHES,
        "Oban",
        "a plugin makes jobs available again that have been executing for 60 minutes, by time alone; jobs that are "
        "still at work may be run twice by it",
        "https://hexdocs.pm/oban/Oban.Plugins.Lifeline.html",
    ),
)
