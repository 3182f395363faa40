"""The demo for real: its processes, its databases, its ends."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

HOURBELL = Path(sys.executable).with_name("hourbell")
SUMMARY = re.compile(
    r"^fires (?P<fires>\d+) · runs (?P<runs>\d+) · duplicates (?P<duplicates>\d+) · missed (?P<missed>\d+)$",
    re.MULTILINE,
)
posix = pytest.mark.skipif(os.name != "posix", reason="sends signals")


class RunningDemo:
    """`hourbell demo` as somebody starts it, its lines read as they come."""

    def __init__(self, *options: str) -> None:
        environment = {**os.environ, "COLUMNS": "80", "PYTHONUTF8": "1"}
        self.process = subprocess.Popen(
            [HOURBELL, "demo", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=environment,
            encoding="utf-8",
        )
        self.lines: list[str] = []

    def read_until(self, found: Callable[[str], object]) -> str:
        """Read until a line for which this is true, and answer it. Fails at the end of the output."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if found(line):
                return self.lines[-1]
        pytest.fail("the demo ended before:\n" + "\n".join(self.lines))

    def read_to_the_end(self) -> int:
        assert self.process.stdout is not None
        self.lines += [line.rstrip("\n") for line in self.process.stdout]
        return self.process.wait(60)

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def pids(self) -> set[int]:
        return {int(found) for found in re.findall(r" pid (\d+)", self.text)}

    @property
    def address(self) -> str:
        found = re.search(r"http://127\.0\.0\.1:\d+", self.text)
        assert found, self.text
        return found[0]

    def ask(self, method: str, path: str) -> dict[str, object]:
        request = urllib.request.Request(self.address + path, method=method)
        with urllib.request.urlopen(request, timeout=30) as response:
            answer: dict[str, object] = json.load(response)
            return answer

    def summary(self) -> dict[str, int]:
        """The last count that it told."""
        *_, last = SUMMARY.finditer(self.text)
        return {name: int(value) for name, value in last.groupdict().items()}


@contextmanager
def running_demo(*options: str) -> Iterator[RunningDemo]:
    demo = RunningDemo(*options)
    try:
        yield demo
    finally:
        if demo.process.poll() is None:
            demo.process.terminate()
            demo.process.communicate(timeout=60)
        elif demo.process.stdout is not None:
            demo.process.stdout.close()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def gone_within(pids: set[int], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while any(map(alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not any(map(alive, pids))


@pytest.mark.frontdoor
@pytest.mark.parametrize(
    "options",
    [pytest.param((), id="sqlite"), pytest.param(("--postgres",), id="postgres", marks=pytest.mark.slow)],
)
def test_it_ends_by_itself_with_every_fire_run_once(options: tuple[str, ...]) -> None:
    with running_demo("--seconds", "4", *options) as demo:
        assert demo.read_to_the_end() == 0, demo.text
    summary = demo.summary()
    assert summary["fires"] >= 2
    assert summary["runs"] >= summary["fires"]
    assert (summary["duplicates"], summary["missed"]) == (0, 0)
    assert demo.lines[-1] == "Every fire was run, and none was run twice."
    assert "Traceback" not in demo.text
    assert max(map(len, demo.lines)) <= 80
    assert not any(map(alive, demo.pids))


@posix
@pytest.mark.slow
def test_what_is_asked_over_http_runs_a_signal_ends_it_and_nothing_is_left() -> None:
    with running_demo("--workers", "2") as demo:
        demo.read_until(lambda line: "heartbeat" in line)
        asked = demo.ask("PUT", "/send_email_notification?user_id=42&message=Hi%1b%5b31m")
        demo.ask("POST", "/reports/nightly")
        demo.read_until(lambda line: "nightly-report  written" in line)
        demo.read_until(lambda line: "to 42: Hi·[31m" in line)
        run = demo.ask("GET", f"/hourbell/runs/{asked['run_id']}")
        assert run["task"] == "send-email"
        place = re.search(r"(/\S+)/hourbell\.db", demo.text)
        assert place
        demo.process.send_signal(signal.SIGINT)
        assert demo.read_to_the_end() == 0, demo.text
    summary = demo.summary()
    assert summary["runs"] >= summary["fires"] + 2
    assert (summary["duplicates"], summary["missed"]) == (0, 0)
    assert "Traceback" not in demo.text
    assert demo.pids
    assert not any(map(alive, demo.pids))
    assert not Path(place[1]).exists()


@posix
@pytest.mark.slow
def test_a_killed_process_costs_no_fire() -> None:
    with running_demo("--seconds", "15") as demo:
        line = demo.read_until(lambda line: "heartbeat" in line)
        victim = int(line.rpartition("pid ")[2])
        os.kill(victim, signal.SIGKILL)
        assert demo.read_to_the_end() == 0, demo.text
    assert len(demo.pids) > 1
    assert (demo.summary()["duplicates"], demo.summary()["missed"]) == (0, 0)


@posix
def test_its_processes_go_when_the_demo_itself_is_killed() -> None:
    with running_demo("--workers", "2") as demo:
        demo.read_until(lambda line: "heartbeat" in line)
        place = re.search(r"(/\S+)/hourbell\.db", demo.text)
        demo.process.kill()
        demo.read_to_the_end()
    assert demo.pids
    assert gone_within(demo.pids, 30)
    assert place
    for file in Path(place[1]).iterdir():
        file.unlink()
    Path(place[1]).rmdir()


def test_a_port_that_is_taken_is_told_when_it_was_wanted() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with running_demo("--port", str(port), "--seconds", "1") as demo:
            assert demo.read_to_the_end() == 1
    assert demo.lines == [f"Port {port} is taken. Choose another one: --port {port + 1}"]


def test_without_a_postgresql_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TEST_POSTGRES_BIN", str(tmp_path))
    with running_demo("--postgres", "--seconds", "1") as demo:
        assert demo.read_to_the_end() == 1
    assert "there is no initdb and postgres in it" in " ".join(demo.lines)
    assert "Traceback" not in demo.text


def test_an_application_that_does_not_start_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['hourbell.demo.app'] = None")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with running_demo("--seconds", "1") as demo:
        assert demo.read_to_the_end() == 1
    assert "The application did not start: see above." in demo.lines
    assert "hourbell.demo.app" in demo.text
