"""Who was there when something was due and nobody fired it: judged from the rows of nodes."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING

from hourbell.model.node import NodeState

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from hourbell.model.node import Node
    from hourbell.model.survey import Survey

KEPT = timedelta(days=1)
"""For so long the rows of nodes that are no more are there for certain."""


def presence(survey: Survey, at: datetime) -> str | None:
    """Why nobody may have fired what was due ``at`` then, in words; None where the rows do not tell any more.

    A node that loses the database loses its lease, and its process takes a new id afterwards: so an outage of the
    database is told from one of the application.
    """
    live = sorted(survey.live(), key=lambda node: node.started_at)
    if survey.now - at > KEPT or not live:
        return None
    there = [node for node in live if node.started_at <= at]
    if there:
        return f"{_named(there[0])} held its lease then and was kept from it: its log of that time says by what"
    lost = [node for node in survey.nodes if node.started_at <= at and node.state is not NodeState.STOPPED]
    for node in live:
        before = _last(other for other in lost if other.is_process_of(node))
        if before is not None:
            return (
                f"{_named(node)} was there and had no lease from {told(before.lease_until)} to "
                f"{told(node.started_at)}: the database was away from it, or it stood still"
            )
    first = live[0]
    words = f"no node was there then, the first that is live now started at {told(first.started_at)}"
    last = _last(node for node in survey.nodes if node.lease_until < first.started_at)
    return words if last is None else f"{words}, the last one before had ended by {told(last.lease_until)}"


def nobody(survey: Survey) -> str:
    """That no node is live, and since when, where a row still tells."""
    last = _last(survey.nodes)
    if last is None:
        return "no node is live"
    # One that stopped by itself did so before the end of its lease.
    return f"no node is live, the last one had ended by {told(min(last.lease_until, survey.now))}"


def told(instant: datetime) -> str:
    """An instant to the second, in UTC."""
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _named(node: Node) -> str:
    return f"the process {node.pid} on {node.host}"


def _last(nodes: Iterable[Node]) -> Node | None:
    return max(nodes, key=lambda node: node.lease_until, default=None)
