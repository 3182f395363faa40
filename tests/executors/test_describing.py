"""An error as text: bounded, with the frames nearest to what went wrong, whatever was raised."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

import pytest

from hourbell.engine.cleaning import LONGEST_ERROR, clean
from hourbell.executors.describing import MOST_FRAMES, describe, summary
from hourbell.model.retry import Retry


class Mute(Exception):
    def __str__(self) -> str:
        raise ValueError("cannot say")


def deep(left: int) -> None:
    deeper(left - 1) if left else at_the_bottom()


def deeper(left: int) -> None:
    deep(left - 1) if left else at_the_bottom()


def at_the_bottom() -> NoReturn:
    raise KeyError("the cause")


def raised(act: Callable[[], object]) -> BaseException:
    with pytest.raises(BaseException) as caught:  # noqa: PT011 - whatever it is
        act()
    return caught.value


def kept(error: BaseException) -> str:
    """What stands in the database of it."""
    return clean(describe(error), LONGEST_ERROR)


def test_the_first_line_tells_the_error_and_the_rest_where() -> None:
    text = kept(raised(at_the_bottom))
    assert text.splitlines()[0] == "KeyError: 'the cause'"
    assert "in at_the_bottom" in text
    assert text.rstrip().endswith("KeyError: 'the cause'")


def test_of_many_frames_the_newest_are_kept() -> None:
    text = kept(raised(lambda: deep(400)))
    assert "in at_the_bottom" in text
    assert 10 < text.count(", in deep") <= MOST_FRAMES
    assert "in raised" not in text
    assert len(text) <= LONGEST_ERROR


def test_a_huge_message_does_not_push_out_the_frames() -> None:
    def fail() -> NoReturn:
        raise ValueError("x" * 5_000_000)

    text = kept(raised(fail))
    assert ", in fail" in text
    assert "characters left out" in text
    assert len(text) <= LONGEST_ERROR
    assert len(summary(raised(fail))) < 2_000


def test_a_cause_is_told_too() -> None:
    def fail() -> None:
        try:
            at_the_bottom()
        except KeyError as cause:
            raise RuntimeError("no report") from cause

    text = kept(raised(fail))
    assert text.splitlines()[0] == "RuntimeError: no report"
    assert "in at_the_bottom" in text
    assert "direct cause" in text


def test_a_chain_without_end_is_bounded() -> None:
    error: BaseException = ValueError("first")
    for number in range(500):
        following = ValueError(f"number {number}")
        following.__cause__ = error
        error = following
    text = kept(error)
    assert text.splitlines()[0] == "ValueError: number 499"
    assert text.rstrip().endswith("ValueError: number 499")
    assert len(text) <= LONGEST_ERROR


def test_a_group_tells_its_members() -> None:
    text = kept(ExceptionGroup("two", [ValueError("one"), OSError("other")]))
    assert "ValueError: one" in text
    assert "OSError: other" in text


def test_of_a_large_group_no_more_is_looked_at_than_is_told() -> None:
    """As a task group raises it. To look at each member's frames held up the event loop."""
    asked = list[int]()

    class Member(ValueError):
        def __str__(self) -> str:
            asked.append(1)
            return "member"

    members = ExceptionGroup("inner", [Member() for _ in range(500)])
    text = kept(
        ExceptionGroup("outer", [ExceptionGroup("middle", [members, members]), *(Member() for _ in range(5000))])
    )
    assert text.splitlines()[0] == "ExceptionGroup: outer (5001 sub-exceptions)"
    assert "Member: member" in text
    assert len(asked) < 50


def test_a_large_group_tells_its_cause() -> None:
    def fail() -> None:
        try:
            at_the_bottom()
        except KeyError as cause:
            raise ExceptionGroup("many", [ValueError("one") for _ in range(100)]) from cause

    text = kept(raised(fail))
    assert "in at_the_bottom" in text
    assert "in fail" in text


def test_who_gives_up_says_why() -> None:
    def fail() -> None:
        try:
            at_the_bottom()
        except KeyError as cause:
            raise Retry.give_up("no such account") from cause

    text = kept(raised(fail))
    assert text.splitlines()[0] == "gave up: no such account"
    assert "in at_the_bottom" in text


def test_an_error_that_cannot_say_what_it_is() -> None:
    assert summary(Mute()) == "Mute: (its message cannot be read)"
    assert kept(Mute()).startswith("Mute: ")
