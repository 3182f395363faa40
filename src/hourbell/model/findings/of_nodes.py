"""Is there a node, did some die, do their clocks and versions agree?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hourbell.model.diagnosis import Finding, ago, counted, some
from hourbell.model.node import NodeState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hourbell.model.diagnosis import Facts
    from hourbell.model.node import Node
    from hourbell.model.survey import Survey

OFFSET = 2.0
"""Seconds by which a clock may differ before it is worth a word."""


def findings(facts: Facts) -> Iterator[Finding]:
    """All findings of nodes and clocks."""
    if abs(facts.offset) > OFFSET:
        yield _clock([f"this host by {facts.offset:+.1f} s"])
    survey = facts.survey
    if survey is None:
        return
    yield from _living(survey)
    off = [
        f"{node.host} (node {node.id}) by {node.clock_offset:+.1f} s"
        for node in survey.live()
        if node.clock_offset is not None and abs(node.clock_offset) > OFFSET
    ]
    if off:
        yield _clock(off)
    versions = sorted({node.version for node in survey.live()})
    if len(versions) > 1:
        yield Finding(
            about="versions",
            severity="notice",
            what=f"live nodes are of {len(versions)} versions of Hourbell: {', '.join(versions)}",
            do="finish the deploy, or its roll-back",
        )


def _living(survey: Survey) -> Iterator[Finding]:
    waiting = sum(one.count for one in survey.waiting)
    if not survey.live() and (survey.states.get("active") or waiting or survey.orphans):
        active = survey.states.get("active", 0)
        yield Finding(
            about="no-node",
            severity="problem",
            what=f"no node is live: nobody fires {counted(active, 'active schedule')} or begins "
            f"{counted(waiting, 'due run')}",
            do="start the application, or `hourbell worker MODULE:SCHEDULER`; if one runs, its log says why it holds "
            "no lease",
        )
    expired = [node for node in survey.nodes if node.state is NodeState.LIVE and node.lease_until <= survey.now]
    gone = [*expired, *(node for node in survey.nodes if node.state is NodeState.DEAD)]
    reborn = [one for one in gone if any(one.is_process_of(other) for other in survey.live())]
    died = [one for one in gone if one not in reborn]
    if died:
        yield Finding(
            about="dead-nodes",
            severity="notice",
            what=f"{counted(len(died), 'node')} of the last day died without saying so: {some(_told(survey, died))}",
            do="see why their processes ended (out of memory? kill -9?), or whether they stand still (a suspended "
            "machine?); what they ran is taken over by the others",
            named=tuple(one.id for one in died),
        )
    if reborn:
        yield Finding(
            about="lost-leases",
            severity="notice",
            what=f"{counted(len(reborn), 'lease')} of the last day ended while the process lived, which has a new one "
            f"since: {some(_told(survey, reborn))}",
            do="its log says `lost its lease`, and why: see whether the database was away then, or the process or its "
            "machine stood still",
            named=tuple(one.id for one in reborn),
        )


def _told(survey: Survey, nodes: list[Node]) -> list[str]:
    # A process that is seen to be gone is dead before its lease ends.
    ended = [min(one.lease_until, survey.now) for one in nodes]
    return [f"{one.host} pid {one.pid} ({ago(at, survey.now)})" for one, at in zip(nodes, ended, strict=True)]


def _clock(off: list[str]) -> Finding:
    return Finding(
        about="clock",
        severity="notice",
        what=f"clocks differ from the database's: {some(off)}. What is due is judged by the database; lists of runs "
        "may be out of order",
        do="let these hosts set their clocks by NTP",
        named=tuple(off),
    )
