"""Programs that execute runs: started together, watched until all is done, and asked what they saw."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from typing import Any, Self

import psycopg

from benchmarks.frame.contenders import Contender
from benchmarks.frame.databases import first, used
from benchmarks.frame.program import Program, ProgramFailed

PAUSE = 0.002


class Workers:
    """One contender's processes on one database. Use it in a ``with``: at its end they are gone."""

    def __init__(self, contender: Contender, url: str, processes: int = 1, **options: Any) -> None:
        self.programs: list[Program] = []
        self._contender = contender
        self._url = url
        self._processes = processes
        self._options = options
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with self._stack:
            for _ in range(self._processes):
                program = self._contender.start("work", {"url": self._url, **self._options})
                self.programs.append(self._stack.enter_context(program))
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def wait_for_start(self, timeout: float = 60) -> None:
        """Until each of them says that it has started."""
        for program in self.programs:
            program.wait_for("started", timeout)

    def wait_for_bodies(self, runs: int, timeout: float) -> None:
        """Until so many bodies have run. Raises ProgramFailed when they do not."""
        deadline = time.monotonic() + timeout
        while (counted := sum(program.count for program in self.programs)) < runs:
            self.rest(PAUSE)
            if time.monotonic() > deadline:
                raise ProgramFailed(f"only {counted} of {runs} bodies ran within {timeout:.0f} s")

    def wait_for_records(self, timeout: float = 60) -> float:
        """Until the database knows of no unfinished run; answers when that was, on the monotonic clock."""
        if self._contender.unfinished is not None:
            deadline = time.monotonic() + timeout
            with psycopg.connect(self._url, autocommit=True) as connection:
                while first(connection, self._contender.unfinished) is not None:
                    self.rest(PAUSE)
                    if time.monotonic() > deadline:
                        raise ProgramFailed(f"some runs had no end on record after {timeout:.0f} s")
        return time.monotonic()

    def rest(self, seconds: float) -> None:
        """Sleep, and see that all are still there."""
        time.sleep(seconds)
        for program in self.programs:
            program.check()

    def first_body(self) -> float:
        """When the first body began, on the monotonic clock."""
        return min(program.told["first"] for program in self.programs if program.count)

    def begun(self) -> float:
        """When the first of them began to start."""
        return min(program.told["begun"] for program in self.programs)

    def cpu(self) -> float:
        """Seconds of CPU that they have used so far, where the system has /proc."""
        return sum(used(program.pid) for program in self.programs)

    def stop(self) -> list[dict[str, Any]]:
        """End them, and answer what each says of itself."""
        return [program.stop() for program in self.programs]

    def check(self, results: Sequence[dict[str, Any]], runs: int) -> None:
        """Each run had one body, and is on record as done where the contender keeps a record."""
        bodies = sum(result["count"] for result in results)
        assert bodies == runs, f"{bodies} bodies ran for {runs} runs"
        if self._contender.recorded is not None:
            with psycopg.connect(self._url, autocommit=True) as connection:
                recorded = first(connection, self._contender.recorded)
            assert recorded == runs, f"{recorded} of {runs} runs are on record"
