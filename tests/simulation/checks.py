"""What must be true at the end of every simulation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

from hourbell.model.run import SUSPICIOUS, Run
from hourbell.model.run_state import Outcome as Ended
from hourbell.model.run_state import Reason, RunState

from .operator import PAUSED
from .sim_node import SETTINGS
from .world import LIMIT, Outcome

TAKEOVER = SETTINGS.lease + SETTINGS.poll + 1
NEARBY = SETTINGS.poll + 1


def problems(outcome: Outcome) -> list[str]:
    """Everything that is wrong, in words; nothing when all is well."""
    found = [*outcome.seen.problems, *_fires(outcome), *_runs(outcome), *_bodies(outcome), *_histories(outcome)]
    found += [*_pauses(outcome), *_cancels(outcome)]
    if outcome.seen.most_at_once > LIMIT:
        found.append(f"{outcome.seen.most_at_once} runs of a task with concurrency {LIMIT} at once")
    return found


def late_takeovers(outcome: Outcome) -> list[str]:
    """Runs of killed nodes that did not begin again within the promised time, where nothing but kills happened.

    Those during whose takeover another node was killed are left out: it may have been the one that took them over.
    Where a neighbour can see that the process is gone, less time is promised; not to one that was lost so often that it
    is held alone, which may wait for another such, nor to one whose task is limited, which may wait for its place.
    """
    found, limited = [], {run.id for run in outcome.runs if run.task == "limited"}
    for attempt, killed_at in outcome.seen.killed_at.items():
        run, number = attempt
        losses = sum(one.outcome is Ended.LOST and one.attempt <= number for one in outcome.attempts[run])
        alone = losses >= SUSPICIOUS or run in limited
        most = NEARBY if attempt in outcome.seen.watched and not alone else TAKEOVER
        later = [at for (other, n), at in outcome.seen.begun_at.items() if other == run and n > number]
        disturbed = sum(killed_at <= kill <= killed_at + most for kill in outcome.seen.kills) > 1
        if later and not disturbed and min(later) - killed_at > most:
            found.append(f"run {run} began again {min(later) - killed_at:.2f} s after its node was killed ({most:g})")
    return found


def _fires(outcome: Outcome) -> Iterator[str]:
    fires = [run for run in outcome.runs if run.schedule_id is not None]
    recorded = Counter(fire for run in fires for fire in _covered(run, outcome))
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
        # What was asked for by hand is one of no schedule: nothing may skip it.
        requested = {"overlap": "allow", "on_lost": run.on_lost}
        policies = outcome.policies[run.schedule_id] if run.schedule_id is not None else requested
        if run.state is RunState.FAILED and policies.get("on_lost") != "fail" and run.losses < run.lost_limit:
            yield f"run {run.id} of {run.schedule_id} failed: {run.error}"
        if run.state is RunState.CANCELLED and run.id not in outcome.seen.cancelled:
            yield f"run {run.id} of {run.schedule_id} was cancelled by nobody"
        if run.state is RunState.SKIPPED and not run.reason:
            yield f"run {run.id} of {run.schedule_id} was skipped and does not say why"
        if run.state is RunState.SKIPPED and policies.get("overlap") == "allow" and run.reason != Reason.PAUSED:
            yield f"run {run.id} of {run.schedule_id} was skipped ({run.reason}) although nothing may be"


def _histories(outcome: Outcome) -> Iterator[str]:
    """Every attempt is told once, and what is counted against a run is what its attempts say."""
    for run in outcome.runs:
        attempts = outcome.attempts[run.id]
        if [one.attempt for one in attempts] != list(range(1, run.attempt + 1)):
            yield f"run {run.id} came to attempt {run.attempt}, and tells of {[one.attempt for one in attempts]}"
        ends = Counter(one.outcome for one in attempts)
        if (run.losses, run.failures) != (ends[Ended.LOST], ends[Ended.FAILED]):
            counted = f"{run.losses} losses and {run.failures} failures"
            yield f"run {run.id} counts {counted}; its attempts ended {dict(ends)}"


def _pauses(outcome: Outcome) -> Iterator[str]:
    fires = [run for run in outcome.runs if run.schedule_id == PAUSED and run.reason != Reason.PAUSED]
    for begin, end in outcome.seen.pauses:
        for run in fires:
            if run.fire_at is not None and begin < run.fire_at < end:
                yield f"fire {run.fire_at} of {PAUSED} is {run.state}: it was paused from {begin} to {end}"


def _cancels(outcome: Outcome) -> Iterator[str]:
    """Who was asked to end never starts again: it ended so, or by itself."""
    for run in outcome.runs:
        if run.id not in outcome.seen.cancelled:
            continue
        if run.cancel_requested_at is None:
            yield f"run {run.id} was asked to end, and does not know"
            continue
        if run.state not in (RunState.CANCELLED, RunState.SUCCEEDED, RunState.FAILED):
            yield f"run {run.id} was asked to end, and is {run.state}"
        for number in range(1, run.attempt + 1):
            began = outcome.seen.claimed.get((run.id, number))
            if began is not None and began > run.cancel_requested_at:
                yield f"run {run.id} was given to a node as attempt {number} after it was asked to end"


def unheard_cancels(outcome: Outcome) -> list[str]:
    """Runs asked to end that went on for longer than a poll, or a takeover, allows, under kills alone."""
    most = timedelta(seconds=TAKEOVER + SETTINGS.poll_with_hints)
    return [
        f"run {run.id} was asked to end at {run.cancel_requested_at}, and ended at {run.finished_at}"
        for run in outcome.runs
        if run.id in outcome.seen.cancelled and run.finished_at and run.cancel_requested_at
        if run.finished_at - run.cancel_requested_at > most
    ]


def late_requests(outcome: Outcome) -> list[str]:
    """Runs asked for by hand that no node took within a poll, under kills alone, although no node was killed meanwhile.
    Under a limit others may have been before them."""
    most = timedelta(seconds=SETTINGS.poll_with_hints + 1)
    found = []
    for run in (run for run in outcome.runs if run.id in outcome.seen.requested and run.task != "limited"):
        due, taken = outcome.seen.requested[run.id], outcome.seen.claimed.get((run.id, 1))
        if taken is None or taken - due <= most:
            continue
        if not any(due - most <= kill <= taken for kill in outcome.seen.killed):
            found.append(f"run {run.id} of {run.task} was taken {taken - due} after it was due")
    return found


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
            if (run_id, one.attempt) in outcome.seen.buried_alive:
                continue  # it begins in good faith; that its report is refused is judged where it is written
            if began is not None and one.finished_at is not None and began > one.finished_at:
                yield f"attempt {one.attempt} of {run_id} began after it had ended ({one.outcome})"
    starts = Counter(run for run, _ in outcome.seen.begun)
    for run in outcome.runs:
        if run.state is RunState.SUCCEEDED and not outcome.seen.ended[run.id, run.attempt]:
            yield f"run {run.id} of {run.schedule_id} has succeeded, and its attempt {run.attempt} never ended"
        if run.on_lost == "fail" and starts[run.id] > 1:
            yield f"run {run.id}, which may start once, began {starts[run.id]} times"
