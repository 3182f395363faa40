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
class Blockage:
    """The application's event loop did not move for ``seconds``, up to ``seen_at``; which run held it, where known."""

    seconds: float
    seen_at: datetime
    task: str | None
    run_id: str | None

    def __str__(self) -> str:
        who = (
            f"run {self.run_id} of {self.task}"
            if self.run_id is not None
            else "something that is not known to be a run"
        )
        return f"{who} kept the event loop for {self.seconds:.1f} s, until {self.seen_at:%H:%M:%S} UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStatus:
    """What a node knows of itself. ``id`` is None until it has registered; ``since`` is when ``state`` began.

    ``hints``: hints from other nodes are proven to arrive. ``last_error``: the trouble that is not over yet.
    ``stuck``: bodies that did not end when their time was over, and still go on.
    ``lag``: seconds by which the application's event loop was late last; ``blocked``: what held it up within the last
    minute.
    """

    id: str | None
    state: Life
    since: datetime
    running: int
    hints: bool
    stuck: tuple[StuckBody, ...]
    last_error: str | None
    lag: float = 0.0
    blocked: Blockage | None = None
