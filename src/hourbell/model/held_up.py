"""What keeps a queued run from beginning: judged from what is stored, in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

from hourbell.model.diagnosis import ago, some
from hourbell.model.presence import nobody

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from hourbell.model.run import Run
    from hourbell.model.survey import Survey


@dataclass(frozen=True, slots=True)
class HeldUp:
    """``why``  what a queued run waits for; ``do``  what would have it begin, where something would."""

    why: str
    do: str | None = None


def held_up(survey: Survey, run: Run, unfinished: Sequence[Run]) -> HeldUp:
    """What keeps a queued run from beginning. ``unfinished``  the runs of its schedule that are not final."""
    if run.run_at is None:
        before = [one.id for one in unfinished if one.id != run.id]
        shown = f": {some(before)}" if before else ""
        return HeldUp(f"it waits for its turn behind unfinished runs of the schedule{shown}")
    if run.run_at > survey.now:
        return _later(run, f"{run.run_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}")
    return _by_nodes(survey, run) or _by_limit(survey, run) or _by_slots(survey, run.run_at)


def _later(run: Run, at: str) -> HeldUp:
    """It was put off, and its time has not come."""
    if run.attempt:
        return HeldUp(f"attempt {run.attempt} did not succeed, and the next one begins at {at}")
    if run.schedule_id is None:
        return HeldUp(f"it was asked to begin at {at}")
    return HeldUp(f"its start is put off to {at}, by jitter or to catch up step by step")


def _by_nodes(survey: Survey, run: Run) -> HeldUp | None:
    """No node is there that may take it."""
    if not survey.live():
        return HeldUp(nobody(survey), "start the application, or `hourbell worker MODULE:SCHEDULER`")
    if not survey.knows(run.task):
        return HeldUp(
            f"no live node knows the task {run.task!r}",
            f"start a node whose code registers it, or give the renamed task aliases=[{run.task!r}]",
        )
    if not any(one.takes(run.task, run.queue) for one in survey.serving):
        return HeldUp(
            f"no live node that knows its task serves the queue {run.queue!r}",
            f"start a node with {run.queue!r} in its setting `queues`",
        )
    return None


def _by_limit(survey: Survey, run: Run) -> HeldUp | None:
    """As many runs of its task are running as may."""
    limit, running = survey.limit_of(run.task), survey.running.get(run.task, 0)
    if limit is None or running < limit:
        return None
    return HeldUp(
        f"the limit of its task over all nodes is reached: {running} of {limit} are running",
        f"`hourbell runs --task {run.task} --state running`",
    )


def _by_slots(survey: Survey, since: datetime) -> HeldUp:
    return HeldUp(
        f"it is due {ago(since, survey.now)}, and the nodes that could take it have not yet",
        "if it stays so, their slots are full: `hourbell runs --state running`",
    )
