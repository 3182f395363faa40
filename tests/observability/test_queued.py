"""Lines written in another thread: nobody waits for them, and none is lost at the end."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hourbell.observability import JsonFormatter, QueuedHandler
from hourbell.tracking import tracked

log = logging.getLogger("queued.child")


class Slow(logging.StreamHandler[io.StringIO]):
    """Writes nothing until it may."""

    def __init__(self) -> None:
        super().__init__(io.StringIO())
        self.may = threading.Event()
        self.writers: set[int] = set()

    def emit(self, record: logging.LogRecord) -> None:
        assert self.may.wait(30)
        self.writers.add(threading.get_ident())
        super().emit(record)

    def lines(self) -> list[str]:
        return self.stream.getvalue().splitlines()


@pytest.fixture
def slow() -> Iterator[Slow]:
    made = Slow()
    yield made
    made.close()


@pytest.fixture
def queued(slow: Slow) -> Iterator[QueuedHandler]:
    made = QueuedHandler(slow, most=100)
    parent = logging.getLogger("queued")
    parent.addHandler(made)
    parent.setLevel(logging.INFO)
    yield made
    slow.may.set()
    parent.removeHandler(made)
    parent.setLevel(logging.NOTSET)
    made.close()


def test_who_logs_waits_for_nobody_and_is_known(queued: QueuedHandler, slow: Slow) -> None:
    slow.setFormatter(JsonFormatter())
    changing = ["as it was"]
    with tracked("order-42"):
        log.info("it is %s", changing)  # nobody can write yet, and this returns
    changing[0] = "as it became"
    slow.may.set()
    queued.flush()
    (told,) = map(json.loads, slow.lines())
    assert (told["message"], told["tracking_id"]) == ("it is ['as it was']", "order-42")
    assert threading.get_ident() not in slow.writers


def test_at_the_end_every_line_is_written(queued: QueuedHandler, slow: Slow) -> None:
    for number in range(50):
        log.info("line %d", number)
    threading.Timer(0.05, slow.may.set).start()
    queued.close()
    assert slow.lines() == [f"line {number}" for number in range(50)]
    log.info("after the end")
    assert slow.lines()[-1] == "after the end"


def test_what_is_too_much_is_counted(queued: QueuedHandler, slow: Slow) -> None:
    for number in range(150):
        log.info("line %d", number)
    slow.may.set()
    queued.flush()
    log.info("last")
    queued.flush()
    lines = slow.lines()
    left_out = 150 - (len(lines) - 2)
    assert 0 < left_out <= 50
    assert lines[-2:] == [f"{left_out} lines were left out: they came faster than they could be written", "last"]


def test_a_handler_that_fails_hinders_no_other(slow: Slow, monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise OSError("the disk is full")

    monkeypatch.setattr(logging, "raiseExceptions", False)
    slow.may.set()
    slow.setLevel(logging.WARNING)
    made = QueuedHandler(Failing(), slow)
    record = logging.getLogger("x").makeRecord("x", logging.WARNING, "", 0, "seen %d %d", (1,), None)
    made.handle(record)
    made.handle(logging.getLogger("x").makeRecord("x", logging.INFO, "", 0, "not seen", None, None))
    made.close()
    assert slow.lines() == ["seen %d %d (its arguments do not fit)"]


PROGRAM = """
import atexit, logging, os, sys, time
from hourbell.observability import QueuedHandler

class Slow(logging.FileHandler):
    def emit(self, record):
        time.sleep(0.002)
        super().emit(record)

logging.basicConfig(level="INFO", handlers=[QueuedHandler(Slow(sys.argv[1]))])
for number in range(100):
    logging.info("line %d", number)
if sys.argv[2] == "fork":
    pid = os.fork()
    logging.info("%s", "child" if pid == 0 else "parent")
    if pid:
        os.waitpid(pid, 0)
elif sys.argv[2] == "raise":
    raise SystemExit(3)
"""


@pytest.mark.parametrize("how", ["return", "raise", "fork"])
def test_the_last_line_of_a_process_is_not_lost(tmp_path: Path, how: str) -> None:
    path = tmp_path / "log"
    ended = subprocess.run([sys.executable, "-c", PROGRAM, str(path), how], timeout=60, check=False)
    assert ended.returncode == (3 if how == "raise" else 0)
    lines = path.read_text().splitlines()
    numbered = [line for line in lines if line.startswith("line")]
    assert numbered == [f"line {number}" for number in range(100)], "lost, doubled by a child, or out of order"
    assert sorted(set(lines) - set(numbered)) == (["child", "parent"] if how == "fork" else [])


def test_it_is_no_thread_of_a_process_that_logs_nothing() -> None:
    made = QueuedHandler()
    assert not [thread for thread in threading.enumerate() if thread.name == "hourbell-log"]
    made.close()
    assert os.getpid() == made._pid
