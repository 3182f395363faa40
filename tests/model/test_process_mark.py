"""Whether a process is gone: three answers, from what the kernel says of the one that has its number now."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hourbell.model.process_mark import Fate, ProcessMark, Standing

MARK = ProcessMark(boot="29019120-2f35-49c7-b056-b2270021c3a9", pids=4026531836, times=4026531834, pid=77, began=123456)
THERE = Standing(began=123456, state="S", threads=4)


@pytest.mark.parametrize(
    "standing, exists, fate",
    [
        (THERE, None, Fate.ALIVE),
        (replace(THERE, state="R"), None, Fate.ALIVE),
        (replace(THERE, state="T"), None, Fate.ALIVE),  # stopped: its lease decides
        (replace(THERE, state="T", threads=1), None, Fate.ALIVE),
        (replace(THERE, threads=1), None, Fate.ALIVE),
        (replace(THERE, state="t"), None, Fate.ALIVE),  # under a debugger
        (replace(THERE, state="D"), None, Fate.ALIVE),  # waiting for a disk
        (replace(THERE, state="Z"), None, Fate.ALIVE),  # the first thread has ended, others have not
        (replace(THERE, state="Z", threads=1), None, Fate.GONE),
        (replace(THERE, state="X", threads=0), None, Fate.GONE),
        (replace(THERE, began=123457), None, Fate.GONE),  # the number was given to another
        (replace(THERE, began=1), None, Fate.GONE),
        (None, False, Fate.GONE),
        (None, True, Fate.UNKNOWN),  # /proc hides it, and it may be another by now
        (None, None, Fate.UNKNOWN),
    ],
)
def test_only_what_is_certain_is_a_death(standing: Standing | None, exists: bool | None, fate: Fate) -> None:
    assert MARK.fate(standing, exists=exists) is fate


@pytest.mark.parametrize(
    "other, near",
    [
        (MARK, True),
        (replace(MARK, pid=78, began=5), True),
        (replace(MARK, boot="another"), False),
        (replace(MARK, pids=4026532001), False),  # a container on this machine
        (replace(MARK, times=4026532002), False),  # it counts its ticks from another moment
    ],
)
def test_near_is_who_counts_the_same_processes(other: ProcessMark, near: bool) -> None:
    assert MARK.is_near(other) is near
    assert other.is_near(MARK) is near


def test_a_mark_is_read_as_it_was_written() -> None:
    assert ProcessMark.parse(str(MARK)) == MARK


@pytest.mark.parametrize(
    "text",
    [
        None, "", " ", "host", "b 1 2 3", "b 1 2 3 4 5", " 1 2 3 4", "b 1 2 0 4", "b 1 2 -3 4", "b 1 2 x 4",
        "b 1 2 3 4.5", "b 1 2 2147483648 4", "b 1 2 3 " + "9" * 5000, "b  1 2 3", "b\t1\t2\t3\t4",
    ],
)  # fmt: skip
def test_what_is_no_mark_is_no_evidence(text: str | None) -> None:
    assert ProcessMark.parse(text) is None


@pytest.mark.parametrize("name", ["python", "a) S 1 (b", "two words", ")", "", "(((", "R 1 2 3 4 5 6 7 8 9 10"])
def test_the_name_of_a_program_may_hold_anything(name: str) -> None:
    after = "T 1 77 77 0 -1 4194304 99 0 0 0 1 2 3 4 20 0 9 0 123456 22 33"
    assert Standing.parse(f"77 ({name}) {after}\n") == Standing(began=123456, state="T", threads=9)


@pytest.mark.parametrize(
    "text", ["", "77", "77 (python) S", "77 (python) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 x 18 19"]
)
def test_what_cannot_be_read_says_nothing(text: str) -> None:
    assert Standing.parse(text) is None
