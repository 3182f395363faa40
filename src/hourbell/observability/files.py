"""A log file for each process: none rotates what another one writes to."""

from __future__ import annotations

import os
import re
import socket
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging

LARGEST = 10 * 1024 * 1024


class ProcessFileHandler(RotatingFileHandler):
    """Writes to a file of this process's own: ``logs/shop.log`` becomes ``logs/shop.HOST-PID.log``.

    Several processes that rotate one file lose lines: each renames it under the others. Here each file is rotated by
    the one that writes it, at ``largest`` bytes, and ``backups`` older ones are kept. Of processes of this host that
    have ended, the files of the last ``gone`` are kept. The folder is made when it is not there; a forked child begins
    a file of its own.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, largest: int = LARGEST, backups: int = 3, gone: int = 10
    ) -> None:
        self._wanted = Path(path)
        self._gone = gone
        self._pid = os.getpid()
        self._host = re.sub(r"[^A-Za-z0-9_]", "_", socket.gethostname())[:60] or "host"
        self._wanted.parent.mkdir(parents=True, exist_ok=True)
        super().__init__(self._own(), maxBytes=largest, backupCount=backups, encoding="utf-8", delay=True)
        self._forget()

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record, in a forked child to its own file."""
        if os.getpid() != self._pid:
            self._pid = os.getpid()
            self.close()
            self.baseFilename = str(self._own().absolute())
            self.stream = None
        super().emit(record)

    def _own(self) -> Path:
        return self._wanted.with_name(f"{self._wanted.stem}.{self._host}-{self._pid}{self._wanted.suffix}")

    def _forget(self) -> None:
        """Delete the files of processes that have ended, but for the last few."""
        if os.name != "posix":  # elsewhere asking whether a process is there may end it
            return
        name = re.compile(
            rf"{re.escape(self._wanted.stem)}\.{self._host}-(\d+){re.escape(self._wanted.suffix)}(\.\d+)?"
        )
        files: dict[int, list[Path]] = {}
        for one in self._wanted.parent.iterdir():
            found = name.fullmatch(one.name)
            if found is not None and not _is_alive(int(found[1])):
                files.setdefault(int(found[1]), []).append(one)
        for pid in sorted(files, key=lambda pid: _newest(files[pid]))[: max(0, len(files) - self._gone)]:
            for one in files[pid]:
                with suppress(OSError):
                    one.unlink()


def _newest(files: list[Path]) -> float:
    times = [0.0]
    for one in files:
        with suppress(OSError):  # another process that starts now deletes them too
            times.append(one.stat().st_mtime)
    return max(times)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
