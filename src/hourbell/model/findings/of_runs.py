"""Runs that wait although they are due, and runs whose node is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hourbell.model.diagnosis import Finding, ago, counted, some
from hourbell.model.stranded import told_of_stranded
from hourbell.model.survey import COUNTED_WAITING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hourbell.model.survey import Survey, Waiting


def findings(survey: Survey) -> Iterator[Finding]:
    """All findings of runs."""
    if survey.live():  # without any node everything waits, which has a finding of its own
        yield from _stranded(survey)
        yield from _waiting(survey)
    if survey.orphans:
        yield Finding(
            about="orphans",
            severity="problem",
            what=f"nodes that are not live still count as running {counted(len(survey.orphans), 'run')}: "
            f"{some(sorted({one.node_id for one in survey.orphans}))}",
            do="any live node takes them over within a lease and a half; if they stay, its log says why",
            named=tuple(one.run_id for one in survey.orphans),
        )


def _stranded(survey: Survey) -> Iterator[Finding]:
    for one in survey.stranded:
        what, _, do = told_of_stranded(one).partition("; ")
        yield Finding(about="stranded", severity="problem", what=what, do=do, named=(one.task, one.queue))


def _waiting(survey: Survey) -> Iterator[Finding]:
    stranded = {(one.queue, one.task) for one in survey.stranded}
    for one in survey.waiting:
        if (one.queue, one.task) not in stranded:
            yield _unclaimed(survey, one)


def _unclaimed(survey: Survey, one: Waiting) -> Finding:
    limit, running = survey.limit_of(one.task), survey.running.get(one.task, 0)
    named = (one.task, one.queue)
    many = counted(one.count, "due run") + (" or more" if one.count >= COUNTED_WAITING else "")
    what = (
        f"nobody has begun {many} of task {one.task!r} in queue {one.queue!r}, the first {ago(one.since, survey.now)}"
    )
    if limit is not None and running >= limit:
        return Finding(
            about="limit",
            severity="notice",
            what=f"{what}: its limit over all nodes is reached, {running} of {limit} are running",
            do="wait, raise concurrency= of the task, or see what the running ones do: "
            f"`hourbell runs --task {one.task} --state running`",
            named=named,
        )
    return Finding(
        about="unclaimed",
        severity="problem",
        what=f"{what}, although live nodes could take them",
        do="their slots may be full (MAX_RUNS, THREADS): raise these where bodies only wait, start more nodes, or see "
        "what runs: `hourbell runs --state running`; if nothing does, the nodes' logs say why",
        named=named,
    )
