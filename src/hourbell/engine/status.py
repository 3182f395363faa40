"""How a node is: a frozen snapshot for health and for pages."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from hourbell.engine.stuck import StuckBody


class Life(StrEnum):
    """``starting`` has not registered yet; ``live`` holds its lease; ``away`` lost it or cannot reach the database;
    ``stopping`` drains; ``stopped`` does nothing any more."""

    STARTING = "starting"
    LIVE = "live"
    AWAY = "away"
    STOPPING = "stopping"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStatus:
    """What a node knows of itself. ``id`` is None until it has registered; ``since`` is when ``state`` began.

    ``hints``: hints from other nodes are proven to arrive. ``last_error``: the trouble that is not over yet.
    ``stuck``: bodies that did not end when their time was over, and still go on.
    """

    id: str | None
    state: Life
    since: datetime
    running: int
    hints: bool
    stuck: tuple[StuckBody, ...]
    last_error: str | None
