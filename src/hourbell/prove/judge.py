"""A verdict on each promise, from the evidence alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from hourbell.model.run_state import Outcome, RunState
from hourbell.prove.course import DRAIN, LEASE, POLL, Blow
from hourbell.prove.figures import TROUBLE, Evidence, at_share

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TAKEOVER = LEASE + POLL + 1
RETURN = 5.0
EXIT = DRAIN + 2


class Word(StrEnum):
    """What is said of a promise. ``not tried``: nothing happened that could have broken it."""

    KEPT = "kept"
    BROKEN = "BROKEN"
    NOT_TRIED = "not tried"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """``promise``  in a few words; ``seen``  the figures that the word rests on."""

    promise: str
    word: Word
    seen: str


def judged(evidence: Evidence) -> list[Verdict]:
    """One verdict a promise, always the same promises in the same order."""
    return [judge(evidence) for judge in _JUDGES]


def _verdict(promise: str, seen: str, *, kept: bool, tried: bool = True, untried: str = "") -> Verdict:
    """``untried`` says why, where it was not: what could have broken the promise did not happen. What is broken is
    told whether it was tried or not."""
    if not kept:
        return Verdict(promise=promise, word=Word.BROKEN, seen=seen)
    if not tried:
        return Verdict(promise=promise, word=Word.NOT_TRIED, seen=untried)
    return Verdict(promise=promise, word=Word.KEPT, seen=seen)


def _recorded_once(evidence: Evidence) -> Verdict:
    expected, recorded = evidence.expected(), evidence.recorded()
    missing = len(expected - recorded.keys())
    double = sum(count - 1 for count in recorded.values())
    strange = len(recorded.keys() - expected)
    seen = f"{len(expected)} expected, {len(recorded)} recorded, {missing} lost, {double} doubled"
    return _verdict(
        "each fire is recorded exactly once",
        seen + (f", {strange} at times that are none" if strange else ""),
        kept=not (missing or double or strange),
    )


def _run(evidence: Evidence) -> Verdict:
    """Every run ended; its body began; each attempt's body began at most once; every second start is explained."""
    begun = evidence.attempts_begun()
    started = {run for run, _ in begun}
    ran = [run for run in evidence.record.runs if run.state is not RunState.SKIPPED]
    unfinished = evidence.record.unfinished
    never = sum(1 for run in ran if run.state is RunState.SUCCEEDED and run.id not in started)
    twice = sum(count - 1 for count in begun.values())
    unexplained = len(evidence.unexplained())
    failed = sum(run.state is RunState.FAILED and run.on_lost != "fail" for run in ran)
    seen = f"{len(ran)} runs, {sum(begun.values())} starts of their bodies, {unfinished} unfinished, {failed} failed"
    wrong = [
        (never, "never began"),
        (twice, "attempts begun twice"),
        (unexplained, "starts that the history does not know"),
    ]
    seen += "".join(f", {count} {what}" for count, what in wrong if count)
    return _verdict(
        "each body starts at least once, and the history knows each start",
        seen,
        kept=not (unfinished or failed or never or twice or unexplained),
        tried=bool(ran),
        untried="no run was recorded",
    )


def _at_most_once(evidence: Evidence) -> Verdict:
    ids = {run.id for run in evidence.record.runs if run.on_lost == "fail"}
    starts = Counter(run for run, _ in evidence.attempts_begun() if run in ids)
    again = sum(count - 1 for count in starts.values())
    failed = sum(run.state is RunState.FAILED for run in evidence.record.runs if run.id in ids)
    return _verdict(
        "where on_lost is “fail”, a body starts at most once",
        f"{len(ids)} runs, {again} started again, {failed} failed because their node died",
        kept=not again,
        tried=failed > 0,
        untried=f"of {len(ids)} such runs none was under way on a node when that died; a longer proof will meet one",
    )


def _one_success(evidence: Evidence) -> Verdict:
    latest = {run.id: run for run in evidence.record.runs}
    double = sum(len(attempts) > 1 for attempts in evidence.accepted().values())
    wrong = sum(
        run not in latest or latest[run].state is not RunState.SUCCEEDED or latest[run].attempt not in attempts
        for run, attempts in evidence.accepted().items()
    )
    refused = len(evidence.fenced())
    frozen = sum(deed.blow is Blow.FREEZE for deed in evidence.deeds)
    return _verdict(
        "only one attempt of a run succeeds; who lost its lease is refused",
        f"{refused} late reports refused, {double} double successes, {wrong} successes that are not recorded so",
        kept=not (double or wrong),
        tried=frozen > 0 and refused > 0,
        untried="no node that had been stopped came back with a late report; a longer proof will see one",
    )


def _no_delay(evidence: Evidence) -> Verdict:
    late = evidence.lateness()
    p99, deaths = at_share(late, 0.99), sum(len(deed.pids) for deed in evidence.deeds if deed.blow is not Blow.DEPLOY)
    return _verdict(
        "no death of a node delays a fire: any other records it",
        f"recorded after p50 {at_share(late, 0.5):.3f} s, p99 {p99:.3f} s, with {deaths} nodes killed or stopped",
        kept=p99 <= POLL + 1,
        tried=bool(late) and deaths > 0,
        untried="no node was killed or stopped",
    )


def _taken_over(evidence: Evidence) -> Verdict:
    found, killed, stopped = evidence.takeovers(), evidence.takeovers(Blow.KILL), evidence.takeovers(Blow.FREEZE)
    p99 = at_share(found, 0.99)
    # Processes of one machine see that another is gone, and wait for the lease of one that only stands still.
    apart = f"; one killed alone p50 {at_share(killed, 0.5):.2f} s" if killed else ""
    apart += f"; one stopped p50 {at_share(stopped, 0.5):.2f} s" if stopped else ""
    return _verdict(
        f"what a dead node ran is taken over within {TAKEOVER:g} s (lease + poll + 1)",
        f"{len(found)} taken over after p50 {at_share(found, 0.5):.2f} s, p99 {p99:.2f} s, "
        f"max {max(found, default=0.0):.2f} s{apart}",
        kept=p99 <= TAKEOVER,
        tried=bool(found),
        untried="no node had anything under way when it was killed or stopped",
    )


def _long_bodies(evidence: Evidence) -> Verdict:
    long = {one.id for one in evidence.course.schedules if one.args.get("pause", 0) > LEASE}
    runs = [run for run in evidence.record.runs if run.schedule_id in long]
    undisturbed = sum(run.attempt == 1 and run.state is RunState.SUCCEEDED for run in runs)
    # A second attempt is right where a node died. Where none did, the machine kept a node from renewing: that costs an
    # attempt, and is told, but breaks no promise.
    fell = {pid for deed in evidence.deeds for pid in deed.pids}
    ids = {run.id for run in runs}
    late = sum(one.run_id in ids and evidence.record.pids.get(one.node_id) not in fell for one in evidence.lost())
    return _verdict(
        "a body may run longer than the lease",
        f"{len(runs)} runs of twice the lease, {undisturbed} succeeded at the first attempt"
        + (f", {late} lost by nodes that could not renew" if late else ""),
        kept=undisturbed > 0 or not runs,
        tried=bool(runs),
        untried="no such run was recorded",
    )


def _says_why(evidence: Evidence) -> Verdict:
    skipped = [run for run in evidence.record.runs if run.state is RunState.SKIPPED]
    silent = sum(not run.reason for run in skipped)
    covered = sum(run.covers_count or 1 for run in skipped)
    reasons = Counter(run.reason for run in skipped for _ in range(run.covers_count or 1))
    told = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items(), key=str))
    wrongly = sum(run.schedule_id in evidence.counted() for run in skipped)
    return _verdict(
        "every due time that did not run says why",
        f"{covered} did not run: {told}" + (f"; {wrongly} rows of schedules that skip nothing" if wrongly else ""),
        kept=not (silent or wrongly),
        tried=bool(skipped),
        untried="every due time ran",
    )


def _clock(evidence: Evidence) -> Verdict:
    bends = [abs(bend) for bend in evidence.course.bends]
    runs = [run for run in evidence.record.runs if run.fire_at is not None]
    early = sum(run.created_at < run.fire_at for run in runs if run.fire_at is not None)
    return _verdict(
        "only the database's clock decides what is due",
        f"clocks of the nodes wrong by up to {max(bends):.0f} s, {early} fires recorded before their time",
        kept=not early,
        tried=any(bends) and bool(runs),
        untried="a file has no clock of its own: all nodes share that of their host. --postgres tries it",
    )


def _outlives(evidence: Evidence) -> Verdict:
    found = evidence.returns()
    ended = sum(deed.count for deed in evidence.deeds)
    died = sum(deed.blow in TROUBLE for deed in evidence.deeds)
    sessions = f"{ended} sessions ended, " if evidence.course.kind == "postgres" else ""
    return _verdict(
        f"nodes outlive trouble of the database, and fire again within {RETURN:g} s",
        f"{sessions}in trouble {died} time{'' if died == 1 else 's'}, "
        f"fired again after at most {max(found, default=0.0):.2f} s",
        kept=max(found, default=0.0) <= RETURN,
        tried=bool(found),
        untried="nothing was done to the database in so short a time",
    )


def _quiet_deploys(evidence: Evidence) -> Verdict:
    exits = [one for deed in evidence.deeds for one in deed.exits]
    slowest = max((one.seconds for one in exits), default=0.0)
    untidy = sum(one.code != 0 for one in exits)
    back = sum(one.outcome is Outcome.HANDED_BACK for one in evidence.record.attempts)
    asked = {pid for deed in evidence.deeds if deed.blow is Blow.DEPLOY for pid in deed.pids}
    others = {pid for deed in evidence.deeds if deed.blow is not Blow.DEPLOY for pid in deed.pids}
    lost = sum(evidence.record.pids.get(one.node_id) in asked - others for one in evidence.lost())
    return _verdict(
        f"a node that is asked to end does so within {EXIT:g} s and leaves nothing behind",
        f"{len(exits)} asked, slowest {slowest:.2f} s, {untidy} with an error, "
        f"{back} runs handed back, {lost} left to their lease",
        kept=slowest <= EXIT and not untidy and not lost,
        tried=bool(exits),
        untried="no node was asked to end while schedules fired",
    )


_JUDGES: Sequence[Callable[[Evidence], Verdict]] = (
    _recorded_once,
    _run,
    _at_most_once,
    _one_success,
    _no_delay,
    _taken_over,
    _long_bodies,
    _says_why,
    _clock,
    _outlives,
    _quiet_deploys,
)
