"""A program that is measured: what it tells is heard, and one that fails is not waited for."""

from __future__ import annotations

import os
import sys

import pytest

from benchmarks.frame.program import Program, ProgramFailed

PATIENCE = 60.0


def program(code: str) -> Program:
    return Program([sys.executable, "-c", code], "work", {"url": "x"}, os.environ)


def test_what_it_tells_is_heard_and_what_it_prints_is_passed_over() -> None:
    code = """
import json, sys
print("a library says hello")
print(json.dumps({"count": 3, "at": 1.5}), flush=True)
assert sys.stdin.readline() == "enough\\n"
assert sys.argv[1:] == ["work", json.dumps({"url": "x"})], sys.argv
print(json.dumps({"result": {"cpu": 2.0}}), flush=True)
"""
    with program(code) as child:
        assert child.wait_for("at", PATIENCE) == 1.5
        assert child.count == 3
        assert child.stop(PATIENCE) == {"cpu": 2.0}


def test_one_that_ends_without_a_result_is_told_with_its_last_words() -> None:
    with program("raise SystemExit('its last words')") as child, pytest.raises(ProgramFailed, match="last words"):
        child.finish(PATIENCE)


def test_one_that_says_nothing_is_not_waited_for_for_ever_and_is_ended() -> None:
    with program("import time; time.sleep(600)") as child:
        with pytest.raises(ProgramFailed, match="did not tell started"):
            child.wait_for("started", 0.1)
        pid = child.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
