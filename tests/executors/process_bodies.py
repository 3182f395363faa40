"""Bodies for the tests of children: good ones, and such as kill their process. Imported by the children too."""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from hourbell import Busy, Context, HourbellError, InvalidArguments, LeaseLost, Retry, current_run
from hourbell.tracking import current_tracking_id


class Own(ValueError):
    """An exception that only this module knows."""


def add(a: int, b: int = 1) -> int:
    return a + b


async def add_async(a: int) -> int:
    await asyncio.sleep(0)
    return a + 1


def who(context: Context) -> dict[str, Any]:
    run = current_run()
    assert run is context
    return {
        "pid": os.getpid(),
        "parent": os.getppid(),
        "group": os.getpgrp(),
        "run_id": run.run_id,
        "schedule_id": run.schedule_id,
        "fire_at": run.fire_at.isoformat() if run.fire_at else None,
        "attempt": run.attempt,
        "tracking_id": run.tracking_id,
        "thread": threading.current_thread() is threading.main_thread(),
    }


def fails() -> None:
    raise Own("on purpose")


def later() -> None:
    raise Retry.later(7)


def gives_up() -> None:
    raise Retry.give_up("no such account")


def exits() -> None:
    sys.exit(3)


def aborts() -> None:
    os.abort()


def vanishes() -> None:
    os._exit(0)


def segfaults() -> None:
    ctypes.string_at(0)


def is_killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def closes_everything() -> None:
    os.closerange(3, 256)
    time.sleep(60)


def forks() -> str:
    """Both copies return."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
    return "once"


def leaves_a_copy_behind_and_aborts() -> None:
    if os.fork() == 0:
        time.sleep(60)
        os._exit(0)
    os.abort()


def floods(size: int) -> str:
    return "x" * size


def no_json() -> object:
    return object()


def noise() -> str:
    for _ in range(100):
        print("x" * 10_000)
        print("y" * 100, file=sys.stderr)
    os.write(1, b"\x00\xff" * 1000)
    return "quiet"


def endless(path: str) -> None:
    Path(path).write_text(str(os.getpid()))
    while True:
        time.sleep(0.01)


def holds_the_lock_of_the_interpreter(path: str) -> None:
    Path(path).write_text(str(os.getpid()))
    ctypes.PyDLL(None).sleep(600)


def with_grandchild(path: str) -> None:
    grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    Path(path + ".new").write_text(f"{os.getpid()} {grandchild.pid}")
    Path(path + ".new").rename(path)
    while True:
        time.sleep(0.01)


def holds_the_lock_beside_a_grandchild(path: str) -> None:
    """Nobody inside this process can notice anything, and the kernel would kill it alone."""
    grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    Path(path + ".new").write_text(f"{os.getpid()} {grandchild.pid}")
    Path(path + ".new").rename(path)
    ctypes.PyDLL(None).sleep(600)


def looks(context: Context, path: str) -> str:
    Path(path).write_text("begun")
    while not context.cancelled:
        time.sleep(0.005)
    return "half"


async def is_cancelled(path: str) -> None:
    note = Path(path).write_text
    note("begun")
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        note("cancelled")
        raise


def talks(context: Context) -> None:
    context.progress(1, 4, "begun")
    context.log.warning("from the context")
    logging.getLogger("elsewhere").error("from anywhere %d", 7)
    context.progress(4, 4)


def says_much(context: Context, count: int) -> str | None:
    log = logging.getLogger("flood")
    log.setLevel(logging.INFO)
    log.propagate = False
    for number in range(count):
        context.progress(number + 1, count)
        log.info("line %d", number)
    return current_tracking_id()


def talks_and_dies(context: Context) -> None:
    context.log.warning("last words")
    time.sleep(0.2)
    os.abort()


def remembers(seen: list[int] = []) -> int:  # noqa: B006 - it is to be remembered
    seen.append(1)
    return len(seen)


def _add_line(path: str, context: Context) -> None:
    with Path(path).open("a") as file:
        file.write(f"{context.attempt}\n")


async def once_async(context: Context, path: str) -> list[Any]:
    """Writes a line when it is first, and leaves a result."""
    async with context.once("mail", period="day") as first:
        if first:
            _add_line(path, context)
            first.keep({"sent": 7})
    return [bool(first), first.result, first.fence > 0]


def once_sync(context: Context, path: str, *, dies: bool = False, fails: bool = False) -> list[Any]:
    """The same as a plain function; it may raise in the block, or kill its process there."""
    with context.once("mail") as first:
        if first:
            _add_line(path, context)
            if context.attempt == 1 and fails:
                raise ValueError("no")
            if context.attempt == 1 and dies:
                os.kill(os.getpid(), signal.SIGKILL)
            first.keep({"sent": 7})
    return [bool(first), first.result, first.fence > 0]


async def once_lost(context: Context, path: str) -> str:
    """Waits in its block until it is cancelled."""
    try:
        async with context.once("mail") as first:
            _add_line(path, context)
            assert first
            await asyncio.sleep(60)
    except LeaseLost:
        return "lost"
    return "not lost"


def once_busy(context: Context) -> str:
    """Does not want to wait, and asks for what cannot be."""
    try:
        with context.once("held", wait=0):
            return "entered"
    except Busy:
        pass
    try:
        with context.once("", wait=0):
            return "entered"
    except InvalidArguments:
        return "busy, and refused"


def tracking(mine: str) -> str | None:
    return current_tracking_id()


def logs_in_forks(count: int) -> list[int]:
    """Copies of this process that log and tell how far they are, as the workers of a pool do."""
    import multiprocessing

    with multiprocessing.get_context("fork").Pool(2) as pool:
        return pool.map(_log_and_square, range(count))


def _log_and_square(number: int) -> int:
    logging.getLogger("elsewhere").warning("in a fork: %d", number)
    run = current_run()
    assert run is not None
    run.progress(number)
    return number * number


def asks_in_a_fork() -> str:
    """What a copy of this process is told that asks for a guard."""
    import multiprocessing

    with multiprocessing.get_context("fork").Pool(1) as pool:
        return pool.apply(_ask_for_a_guard)


def _ask_for_a_guard() -> str:
    run = current_run()
    assert run is not None
    try:
        with run.once("x"):
            return "entered"
    except HourbellError as error:
        return str(error)


async def returns_slowly(path: str) -> Any:
    """A result that takes its time to be written: ``path`` exists from when that begins until ``path.go`` does."""

    def told() -> Iterator[str]:
        Path(path).touch()
        while not Path(path + ".go").exists():
            time.sleep(0.01)
        yield "told"

    return told()


def ends_in_its_result() -> Any:
    def leave() -> Iterator[int]:
        raise SystemExit("in the middle of the result")
        yield 1

    return leave()


def waits(path: str) -> str:
    """Until ``path.go`` exists, beside a program that it has started; ``path`` has the numbers of both."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as program:
        Path(path + ".new").write_text(f"{os.getpid()} {program.pid}")
        Path(path + ".new").rename(path)
        while not Path(path + ".go").exists():
            time.sleep(0.01)
        program.terminate()
        return str(program.wait())


def counts_with_decimals(context: Context) -> None:
    context.progress(Decimal("1.5"), Fraction(3, 1), note="half")
    context.progress(10**5000, 1)


def open_files_of_its_group() -> list[int]:
    """How many files each other process of this group has open."""
    mine = os.getpid()
    others = [int(one.name) for one in Path("/proc").iterdir() if one.name.isdigit() and int(one.name) != mine]
    return [len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in others if os.getpgid(pid) == os.getpgrp()]
