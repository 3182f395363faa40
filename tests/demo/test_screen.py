"""What people see: columns that fit, a zone beside each time, and no command to the terminal from outside."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from hourbell.demo.screen import Screen, clock_time, printable

NOON = datetime(2030, 7, 1, 12, 0, 5, tzinfo=UTC)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Closed(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError


@pytest.fixture(params=["UTC", "Europe/Berlin", "America/St_Johns"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    if not hasattr(time, "tzset"):
        pytest.skip("this system's zone cannot be changed for one process")
    with monkeypatch.context() as changed:
        changed.setenv("TZ", request.param)
        time.tzset()
        yield request.param
    time.tzset()


def test_a_time_says_its_zone(zone: str) -> None:
    shown = {"UTC": "12:00:05 UTC", "Europe/Berlin": "14:00:05 +02:00", "America/St_Johns": "09:30:05 -02:30"}
    assert clock_time(NOON) == shown[zone]


@pytest.mark.parametrize("columns", [60, 80, 132])
def test_a_row_fits_whatever_it_says(zone: str, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    stream = io.StringIO()
    screen = Screen(stream)
    screen.row(NOON, "a-name-that-is-far-too-long", "what happened " * 20, "node abcd pid 4194304")
    screen.row(NOON, "short", "done", "node abcd pid 7")
    long, short = stream.getvalue().splitlines()
    assert len(long) < columns
    assert long.endswith("…  node abcd pid 4194304")
    assert "short" in short
    assert "done" in short


def test_a_paragraph_is_broken_into_lines_that_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    stream = io.StringIO()
    Screen(stream).paragraph("words " * 40, indent="    ")
    assert len(stream.getvalue().splitlines()) > 1
    assert all(len(line) < 80 and line.startswith("    words") for line in stream.getvalue().splitlines())


def test_on_paper_every_line_is_plain() -> None:
    stream = io.StringIO()
    screen = Screen(stream)
    screen.standing("fires 1")
    screen.line("one")
    screen.standing("fires 1")
    screen.drop_standing()
    assert stream.getvalue() == "fires 1\none\nfires 1\n"


def test_on_a_terminal_the_standing_line_stays_below() -> None:
    stream = Terminal()
    screen = Screen(stream)
    screen.standing("fires 1")
    screen.line("one")
    screen.drop_standing()
    assert stream.getvalue() == "\r\033[Kfires 1\r\033[Kone\nfires 1\r\033[K"


def test_a_reader_that_is_gone_is_noticed_and_is_no_error() -> None:
    screen = Screen(Closed())
    screen.line("one")
    screen.line("two")
    assert screen.gone


def test_text_from_outside_commands_nothing() -> None:
    assert printable("Hi\x1b[31m\r\n\u202eolleh\x07 ä") == "Hi·[31m···olleh· ä"
