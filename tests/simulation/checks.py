"""What must be true at the end of every simulation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

from hourbell.model.run import Run
from hourbell.model.run_state import RunState

from .sim_node import SETTINGS
from .world import LIMIT, Outcome

TAKEOVER = SETTINGS.lease + SETTINGS.poll + 1


def problems(outcome: Outcome) -> list[str]:
    """Everything that is wrong, in words; nothing when all is well."""
    found = [*outcome.seen.problems, *_fires(outcome), *_runs(outcome), *_bodies(outcome)]
    if outcome.seen.most_at_once > LIMIT:
        found.append(f"{outcome.seen.most_at_once} runs of a task with concurrency {LIMIT} at once")
    return found


def late_takeovers(outcome: Outcome) -> list[str]:
    """Runs of killed nodes that did not begin again within the promised time, where nothing but kills happened.

    Those during whose takeover another node was killed are left out: it may have been the one that took them over.
    """
    kills = outcome.seen.kills
    found = []
    for (run, attempt), killed_at in outcome.seen.killed_at.items():
        later = [at for (other, n), at in outcome.seen.begun_at.items() if other == run and n > attempt]
        disturbed = any(killed_at < kill <= killed_at + TAKEOVER for kill in kills)
        if later and not disturbed and min(later) - killed_at > TAKEOVER:
            found.append(f"run {run} began again {min(later) - killed_at:.2f} s after its node was killed")
    return found


def _fires(outcome: Outcome) -> Iterator[str]:
    recorded = Counter(fire for run in outcome.runs for fire in _covered(run, outcome))
    expected = set()
    for schedule, seconds in outcome.periods.items():
        count = (outcome.last - outcome.first) // timedelta(seconds=seconds)
        expected |= {(schedule, outcome.first + step * timedelta(seconds=seconds)) for step in range(count + 1)}
    for fire in sorted(expected - recorded.keys()):
        yield f"fire {fire} is lost"
    for fire in sorted(recorded.keys() - expected):
        yield f"fire {fire} is none"
    for fire, count in recorded.items():
        if count > 1:
            yield f"fire {fire} is recorded {count} times"


def _covered(run: Run, outcome: Outcome) -> Iterator[tuple[str, datetime]]:
    assert run.schedule_id is not None
    assert run.fire_at is not None
    at, until = run.fire_at, run.covers_until or run.fire_at
    while at <= until:
        yield run.schedule_id, at
        at += timedelta(seconds=outcome.periods[run.schedule_id])


def _runs(outcome: Outcome) -> Iterator[str]:
    for run in outcome.runs:
        policies = outcome.policies[run.schedule_id or ""]
        if run.state is RunState.FAILED and policies.get("on_lost") != "fail" and run.losses < run.lost_limit:
            yield f"run {run.id} of {run.schedule_id} failed: {run.error}"
        if run.state is RunState.CANCELLED:
            yield f"run {run.id} of {run.schedule_id} was cancelled by nobody"
        if run.state is RunState.SKIPPED and not run.reason:
            yield f"run {run.id} of {run.schedule_id} was skipped and does not say why"
        if run.state is RunState.SKIPPED and policies.get("overlap") == "allow":
            yield f"run {run.id} of {run.schedule_id} was skipped ({run.reason}) although nothing may be"


def _bodies(outcome: Outcome) -> Iterator[str]:
    known = {(run, one.attempt) for run, attempts in outcome.attempts.items() for one in attempts}
    for attempt, count in outcome.seen.begun.items():
        if count > 1:
            yield f"the body of {attempt} began {count} times"
        if attempt not in known:
            yield f"the body of {attempt} began, and the history does not know"
    for run_id, attempts in outcome.attempts.items():
        for one in attempts:
            began = outcome.seen.began.get((run_id, one.attempt))
            if began is not None and one.finished_at is not None and began > one.finished_at:
                yield f"attempt {one.attempt} of {run_id} began after it had ended ({one.outcome})"
    starts = Counter(run for run, _ in outcome.seen.begun)
    for run in outcome.runs:
        if run.state is RunState.SUCCEEDED and not outcome.seen.ended[run.id, run.attempt]:
            yield f"run {run.id} of {run.schedule_id} has succeeded, and its attempt {run.attempt} never ended"
        if run.on_lost == "fail" and starts[run.id] > 1:
            yield f"run {run.id}, which may start once, began {starts[run.id]} times"
