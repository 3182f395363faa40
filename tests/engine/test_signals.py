"""Stopping at the signal itself, without taking it from whoever else waits for it."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from hourbell.engine.signals import ECHO, Signals


class Watcher:
    """What was called in which order, on a clock that the test moves."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.passed = 100.0
        self.signals = Signals(lambda: self.passed, lambda: self.said.append("1"), lambda: self.said.append("2"))

    def before(self, number: int, frame: Any) -> None:
        self.said.append(signal.Signals(number).name)


@pytest.fixture
def watcher() -> Iterator[Watcher]:
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    made = Watcher()
    for number in kept:
        signal.signal(number, made.before)
    yield made
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_is_ours_and_then_of_who_was_there_before(watcher: Watcher, number: signal.Signals) -> None:
    watcher.signals.install()
    signal.raise_signal(number)
    assert watcher.said == ["1", number.name]


def test_an_echo_of_the_first_is_only_passed_on(watcher: Watcher) -> None:
    watcher.signals.install()
    signal.raise_signal(signal.SIGINT)
    watcher.passed += ECHO / 2
    signal.raise_signal(signal.SIGTERM)
    assert watcher.said == ["1", "SIGINT", "SIGTERM"]


def test_a_second_signal_reaches_the_server_as_sigint_so_that_it_leaves_at_once(watcher: Watcher) -> None:
    watcher.signals.install()
    signal.raise_signal(signal.SIGTERM)
    watcher.passed += ECHO * 2
    signal.raise_signal(signal.SIGTERM)
    assert watcher.said == ["1", "SIGTERM", "2", "SIGINT"]


def test_what_was_there_is_put_back(watcher: Watcher) -> None:
    watcher.signals.install()
    assert signal.getsignal(signal.SIGTERM) != watcher.before
    watcher.signals.restore()
    assert signal.getsignal(signal.SIGTERM) == watcher.before
    assert signal.getsignal(signal.SIGINT) == watcher.before


def test_what_somebody_put_in_front_of_ours_stays(watcher: Watcher) -> None:
    watcher.signals.install()

    def theirs(number: int, frame: Any) -> None: ...

    signal.signal(signal.SIGTERM, theirs)
    watcher.signals.restore()
    assert signal.getsignal(signal.SIGTERM) is theirs


def test_who_is_over_passes_on_what_others_still_bring_it(watcher: Watcher) -> None:
    """Of two nodes the first may stop first: the second then puts back a handler that is over."""
    second = Watcher()
    watcher.signals.install()
    second.signals.install()
    watcher.signals.restore()
    signal.raise_signal(signal.SIGTERM)
    assert (second.said, watcher.said) == (["1"], ["SIGTERM"])
    second.signals.restore()
    signal.raise_signal(signal.SIGTERM)
    assert (second.said, watcher.said) == (["1"], ["SIGTERM", "SIGTERM"])


def test_the_last_of_several_nodes_answers(watcher: Watcher, monkeypatch: pytest.MonkeyPatch) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    second, killed = Watcher(), list[int]()
    monkeypatch.setattr("os.kill", lambda pid, number: killed.append(number))
    watcher.signals.install()
    second.signals.install()
    signal.raise_signal(signal.SIGTERM)
    watcher.signals.answer()
    assert (second.said, watcher.said, killed) == (["1"], ["1"], [])
    second.signals.answer()
    assert killed == [signal.SIGTERM]


@pytest.mark.parametrize("restored", [False, True])
def test_a_process_that_was_forked_ends_by_the_signal(restored: bool) -> None:
    program = f"""
import os, signal, sys, time
from hourbell.engine.signals import Signals
signals = Signals(time.monotonic, lambda: None, lambda: None)
signals.install()
ready, tell = os.pipe()
pid = os.fork()
if not pid:
    os.write(tell, b"x")
    time.sleep(20)
    os._exit(7)
if {restored}:
    signals.restore()
os.read(ready, 1)
os.kill(pid, signal.SIGTERM)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert ended.stdout == f"{-signal.SIGTERM}\n", ended.stderr


def test_what_is_ignored_stays_ignored(watcher: Watcher) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    watcher.signals.install()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_outside_of_the_main_thread_nothing_is_installed(watcher: Watcher) -> None:
    thread = threading.Thread(target=watcher.signals.install)
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGTERM) == watcher.before


PROGRAM = """
import asyncio, contextlib, sys, time
sys.path.insert(0, {tests!r})
from engine.bench import Bench

async def main():
    bench = Bench(drain={drain})

    async def ring():
        print("began", flush=True)
        try:
            await asyncio.sleep({length})
        except asyncio.CancelledError:
            print("cancelled", flush=True)
            raise
        print("finished", flush=True)

    def block():
        time.sleep(3600)

    async def stand_still():
        print("began", flush=True)
        block()

    bench.task(ring)
    bench.task(stand_still)
    node = bench.node()
    await node.start()
    await bench.enqueue({task!r})
    node.wake()
    try:
        await asyncio.sleep(3600)
    finally:
        with contextlib.suppress(asyncio.CancelledError):
            await node.stop()
        (run,) = await bench.runs()
        print(run.state, run.failures, flush=True)

asyncio.run(main())
"""


class Program:
    """A process with one node, whose body has begun."""

    def __init__(self, *, drain: float, length: float, task: str = "ring") -> None:
        tests = __file__.rsplit("/", 2)[0]
        script = PROGRAM.format(tests=tests, drain=drain, length=length, task=task)
        command = [sys.executable, "-c", textwrap.dedent(script)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.first = self.process.stdout.readline()

    def end(self) -> tuple[list[str], int]:
        said, errors = self.process.communicate(timeout=60)
        assert self.first == "began\n", errors
        assert "Traceback" not in errors.replace("KeyboardInterrupt", "") or self.process.returncode != 1, errors
        return said.split("\n")[:-1], self.process.returncode


def test_sigterm_lets_the_body_finish_and_then_does_what_it_would_have_done() -> None:
    program = Program(drain=30, length=1)
    program.process.send_signal(signal.SIGTERM)
    assert program.end() == (["finished"], -signal.SIGTERM)


def test_sigterm_cancels_the_body_after_the_grace() -> None:
    program = Program(drain=0.2, length=3600)
    program.process.send_signal(signal.SIGTERM)
    assert program.end() == (["cancelled"], -signal.SIGTERM)


def test_ctrl_c_hands_the_body_back() -> None:
    program = Program(drain=0.2, length=3600)
    program.process.send_signal(signal.SIGINT)
    said, _ = program.end()
    assert said == ["cancelled", "queued 0"]


def test_a_second_signal_ends_a_long_drain_at_once() -> None:
    program = Program(drain=3000, length=3600)
    program.process.send_signal(signal.SIGINT)
    time.sleep(ECHO + 0.3)
    program.process.send_signal(signal.SIGINT)
    said, _ = program.end()
    assert said[-1] == "queued 0" or said == []


def test_a_second_signal_ends_a_program_whose_loop_is_blocked() -> None:
    program = Program(drain=3000, length=0, task="stand_still")
    program.process.send_signal(signal.SIGTERM)
    time.sleep(ECHO + 0.3)
    program.process.send_signal(signal.SIGTERM)
    assert program.end() == ([], -signal.SIGTERM)


async def test_a_second_signal_ends_a_drain_that_the_server_waits_for(watcher: Watcher) -> None:
    from engine.bench import PATIENCE, Bench

    bench, begun = Bench(drain=3000), asyncio.Event()

    async def ring() -> None:
        begun.set()
        await asyncio.sleep(3600)

    bench.task(ring)
    node = bench.node()
    await node.start()
    run = await bench.enqueue("ring")
    node.wake()
    await asyncio.wait_for(begun.wait(), PATIENCE)
    signal.raise_signal(signal.SIGTERM)
    stopping = asyncio.create_task(node.stop())
    await asyncio.sleep(ECHO + 0.3)
    signal.raise_signal(signal.SIGTERM)
    await asyncio.wait_for(stopping, PATIENCE)
    left = await bench.run(run.id)
    assert (left.state, left.failures, left.losses) == ("queued", 0, 0)


async def test_a_node_puts_the_handlers_back() -> None:
    from engine.bench import Bench

    before = signal.getsignal(signal.SIGTERM)
    async with Bench().running():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before
    await asyncio.sleep(0)
