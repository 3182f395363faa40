"""The verdicts: a good story is found good, and each way to spoil it is found by the promise that it breaks."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import pytest
from rich.console import Console

from hourbell.model.run_state import Outcome, RunState
from hourbell.prove.course import Blow
from hourbell.prove.judge import Word, judged
from hourbell.prove.ledger import Phase
from hourbell.prove.mayhem import Deed
from hourbell.prove.nodes import Exit
from hourbell.prove.result import Result
from hourbell.prove.telling import conclude

from .evidence import KILLED, REPLACED, Story, after, attempt, line, run


def words(story: Story) -> dict[str, Word]:
    return {one.promise: one.word for one in judged(story.evidence())}


def test_where_all_went_well_every_promise_was_kept() -> None:
    found = judged(Story().evidence())
    assert [one for one in found if one.word is not Word.KEPT] == []
    result = Result.of(Story().evidence(), "a place")
    assert result.exit_code == 0
    assert result.to_json()["fires_expected"] == 7


def a_fire_is_lost(story: Story) -> None:
    story.runs.remove(story.plain[2])


def a_fire_is_doubled(story: Story) -> None:
    again = run("again", "plain", 2)
    story.runs.append(again)
    story.lines.append(line(Phase.BEGAN, again, 2.1))


def a_fire_at_a_time_that_is_none(story: Story) -> None:
    strange = run("strange", "plain", 1.5)
    story.runs.append(strange)
    story.lines.append(line(Phase.BEGAN, strange, 2.1))


def a_body_never_began(story: Story) -> None:
    story.lines = [one for one in story.lines if one.run != "plain-0"]


def an_attempt_began_twice(story: Story) -> None:
    story.lines.append(line(Phase.BEGAN, story.plain[0], 2.5, pid=KILLED))


def a_start_that_the_history_does_not_know(story: Story) -> None:
    story.attempts = story.attempts[1:]


def a_run_does_not_end(story: Story) -> None:
    story.runs[1] = replace(story.runs[1], state=RunState.RUNNING)


def a_run_fails(story: Story) -> None:
    story.runs[1] = replace(story.runs[1], state=RunState.FAILED)


def an_at_most_once_body_began_twice(story: Story) -> None:
    story.lines.append(line(Phase.BEGAN, story.once, 6, attempt=2))
    story.attempts.append(attempt(story.once, 2, Outcome.LOST, node="killed", until=6))


def two_successes(story: Story) -> None:
    story.lines.append(line(Phase.ACCEPTED, story.thawed, 7.1, attempt=1))


def a_success_that_is_not_recorded(story: Story) -> None:
    story.runs[story.runs.index(story.thawed)] = replace(story.thawed, attempt=3)


def fires_are_late(story: Story) -> None:
    story.runs = [replace(one, created_at=after(5)) if one.schedule_id == "plain" else one for one in story.runs]


def a_takeover_is_late(story: Story) -> None:
    late = line(Phase.BEGAN, story.taken, 9, attempt=2)
    story.lines = [late if (one.run, one.attempt) == ("plain-1", 2) else one for one in story.lines]


def no_long_body_comes_through(story: Story) -> None:
    story.runs[story.runs.index(story.long)] = replace(story.long, attempt=4)
    known = [attempt(story.long, number, Outcome.LOST, node="survivor", until=5) for number in (1, 2, 3)]
    story.attempts += known
    story.lines = [replace(one, attempt=4) if one.run == "long" else one for one in story.lines]


def a_skip_without_a_reason(story: Story) -> None:
    story.runs[story.runs.index(story.skipped)] = replace(story.skipped, reason=None)


def a_skip_where_nothing_may_be_skipped(story: Story) -> None:
    story.runs[story.runs.index(story.plain[0])] = run(
        "plain-0", "plain", 0, state=RunState.SKIPPED, reason="missed", attempt=0
    )


def a_fire_before_its_time(story: Story) -> None:
    story.runs[story.runs.index(story.plain[0])] = replace(story.plain[0], created_at=after(-0.5))


def no_fire_for_long_after_the_sessions_were_ended(story: Story) -> None:
    story.runs = story.runs[1:]
    story.deeds[-1] = replace(story.deeds[-1], ended=after(-5.5))


def a_slow_end(story: Story) -> None:
    story.deeds[2] = replace(story.deeds[2], exits=(Exit(0, 7.0),))


def an_end_with_an_error(story: Story) -> None:
    story.deeds[2] = replace(story.deeds[2], exits=(Exit(1, 1.0),))


def runs_left_to_their_lease(story: Story) -> None:
    story.deeds.remove(story.deeds[0])
    story.deeds.append(Deed(blow=Blow.DEPLOY, began=after(2), ended=after(3), pids=(KILLED, REPLACED)))


@pytest.mark.parametrize(
    "spoil, promise",
    [
        (a_fire_is_lost, "each fire is recorded"),
        (a_fire_is_doubled, "each fire is recorded"),
        (a_fire_at_a_time_that_is_none, "each fire is recorded"),
        (a_body_never_began, "each body starts"),
        (an_attempt_began_twice, "each body starts"),
        (a_start_that_the_history_does_not_know, "each body starts"),
        (a_run_does_not_end, "each body starts"),
        (a_run_fails, "each body starts"),
        (an_at_most_once_body_began_twice, "where on_lost"),
        (two_successes, "only one attempt"),
        (a_success_that_is_not_recorded, "only one attempt"),
        (fires_are_late, "no death of a node"),
        (a_takeover_is_late, "what a dead node ran"),
        (no_long_body_comes_through, "a body may run longer"),
        (a_skip_without_a_reason, "every due time"),
        (a_skip_where_nothing_may_be_skipped, "every due time"),
        (a_fire_before_its_time, "only the database's clock"),
        (no_fire_for_long_after_the_sessions_were_ended, "nodes outlive"),
        (a_slow_end, "a node that is asked"),
        (an_end_with_an_error, "a node that is asked"),
        (runs_left_to_their_lease, "a node that is asked"),
    ],
)
def test_what_is_wrong_is_found(spoil: Callable[[Story], None], promise: str) -> None:
    story = Story()
    spoil(story)
    found = {name: word for name, word in words(story).items() if name.startswith(promise)}
    assert list(found.values()) == [Word.BROKEN]
    assert Result.of(story.evidence(), "a place").exit_code == 1


def test_what_nothing_could_have_broken_is_not_called_kept() -> None:
    story = Story()
    story.deeds, story.bends = [], (0.0, 0.0)
    story.attempts, story.runs = [], [one for one in story.plain if one is not story.taken]
    story.lines = [one for one in story.lines if one.run in {run.id for run in story.runs}]
    found = words(story)
    untried = [name for name, word in found.items() if word is Word.NOT_TRIED]
    assert len(untried) == len(found) - 2  # what is recorded and what began is told all the same
    assert all(one.seen for one in judged(story.evidence())), "it says why"
    said = io.StringIO()
    conclude(Console(file=said, width=200), Result.of(story.evidence(), "a place"))
    assert "9 not tried" in said.getvalue()
    assert "nothing happened here that could have broken it" in said.getvalue()
