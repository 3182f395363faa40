"""A program that is measured: one process, which prints lines of JSON. See `benchmarks/peers/child.py`."""

from __future__ import annotations

import json
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, Self


class ProgramFailed(Exception):
    """It ended without a result, or took too long; the message has the end of what it said."""


class Program:
    """Starts the process at once. Use it in a ``with``: at its end the process is gone."""

    def __init__(
        self, command: Sequence[str], verb: str, options: Mapping[str, Any], environment: Mapping[str, str]
    ) -> None:
        self.result: dict[str, Any] | None = None
        self.told: dict[str, float] = {}
        self._strange = ""
        self._what = f"{command[-1]} {verb}"
        self._changed = threading.Condition()
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 - closed below
        self._process = subprocess.Popen(
            [*command, verb, json.dumps(options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env=dict(environment),
            start_new_session=True,  # Ctrl-C is for the frame, which then ends what it started
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def count(self) -> int:
        """How many bodies have run, as far as it was told."""
        return int(self.told.get("count", 0))

    def wait_for(self, fact: str, timeout: float) -> float:
        """Wait until the program has told this, and answer what."""
        self._until(lambda: fact in self.told, timeout, fact)
        return self.told[fact]

    def finish(self, timeout: float) -> dict[str, Any]:
        """Wait for the result of a verb that ends by itself."""
        self._until(lambda: self.result is not None, timeout, "its result")
        assert self.result is not None
        return self.result

    def stop(self, timeout: float = 60) -> dict[str, Any]:
        """Tell a worker that it is enough, and answer its result."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write("enough\n")
            self._process.stdin.flush()
        except BrokenPipeError as gone:
            raise self._failed("ended before it was told to") from gone
        return self.finish(timeout)

    def check(self) -> None:
        """Raises ProgramFailed when the process is gone though nobody ended it."""
        if self._process.poll() is not None and self.result is None:
            self._reader.join(5)
            if self.result is None:
                raise self._failed(f"ended with {self._process.returncode}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            try:
                self._process.wait(5 if self.result is not None else 0.01)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._reader.join(5)
        for pipe in (self._process.stdin, self._process.stdout, self._errors):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue

    def _until(self, so: Any, timeout: float, what: str) -> None:
        deadline = time.monotonic() + timeout
        while True:
            with self._changed:
                if so():
                    return
                self._changed.wait(0.05)
                if so():
                    return
            self.check()
            if time.monotonic() > deadline:
                raise self._failed(f"did not tell {what} within {timeout:.0f} s")

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                facts = json.loads(line)
            except ValueError:
                self._strange = line[:200].strip()  # what a library prints by itself
                continue
            if not isinstance(facts, dict):
                continue
            with self._changed:
                result = facts.pop("result", None)
                self.told.update(facts)
                if result is not None:
                    self.result = result
                self._changed.notify_all()

    def _failed(self, what: str) -> ProgramFailed:
        self._errors.seek(0)
        said = self._errors.read()[-1500:].strip() or self._strange
        return ProgramFailed(f"{self._what} {what}" + (f"; it said:\n{said}" if said else ""))
