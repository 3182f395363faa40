"""Where bodies write down what they do: one file per process, appended to, and read by the process that shows it."""

from __future__ import annotations

import asyncio
import os
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hourbell.context import current_run
from hourbell.demo.entry import Entry, Phase

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hourbell.clock import Clock

FOLDER_VARIABLE = "HOURBELL_DEMO_JOURNAL"


@dataclass(slots=True)
class Remark:
    """What a body says about its attempt: ``remark.text = "…"``."""

    text: str = ""


class Journal:
    """Appends entries to a file named after this process. Without a folder nothing is written."""

    def __init__(self, folder: Path | None, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock

    @classmethod
    def from_environment(cls, clock: Clock) -> Journal:
        """The journal in the folder that the demo named to its processes."""
        folder = os.environ.get(FOLDER_VARIABLE)
        return cls(Path(folder) if folder else None, clock)

    @contextmanager
    def attempt(self) -> Iterator[Remark]:
        """Write down that an attempt starts, and how it ended. Works in async bodies and in threads alike."""
        remark, context = Remark(), current_run()
        if context is None:  # the function was called, not run
            yield remark
            return
        started = Entry(
            task=context.task,
            schedule=context.schedule_id,
            fire_at=context.fire_at,
            run=context.run_id,
            attempt=context.attempt,
            pid=os.getpid(),
            phase=Phase.STARTED,
            at=self._clock.now(),
        )
        self._write(started)
        phase = Phase.SUCCEEDED
        try:
            yield remark
        except asyncio.CancelledError:
            phase = Phase.CANCELLED
            raise
        except BaseException as error:
            phase, remark.text = Phase.FAILED, str(error)
            raise
        finally:
            self._write(replace(started, phase=phase, at=self._clock.now(), note=remark.text))

    def _write(self, entry: Entry) -> None:
        if self._folder is None:
            return
        path = self._folder / f"{entry.pid}.jsonl"
        # O_APPEND and one write: lines of several threads cannot mix, and a killed process loses at most its last.
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(file, entry.to_line())
        finally:
            os.close(file)


class JournalReader:
    """Reads on in every journal of a folder, whole lines only."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[Path, int] = {}

    def new_entries(self) -> list[Entry]:
        """What has been written since the last call, in the order in which it happened."""
        found: list[Entry] = []
        for path in sorted(self._folder.glob("*.jsonl")):
            with path.open("rb") as file:
                file.seek(self._read.get(path, 0))
                text = file.read()
            # The last line may be in the middle of being written; it is read next time.
            whole = text[: text.rfind(b"\n") + 1]
            self._read[path] = self._read.get(path, 0) + len(whole)
            found += map(Entry.from_line, whole.splitlines())
        return sorted(found, key=lambda entry: entry.at)
