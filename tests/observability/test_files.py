"""A log file for each process, rotated by the one that writes it."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
from pathlib import Path

from hourbell.observability import ProcessFileHandler

PROGRAM = """
import logging, os, sys
from hourbell.observability import ProcessFileHandler

logging.basicConfig(level="INFO", format="%(message)s",
                    handlers=[ProcessFileHandler(sys.argv[1], largest=2000, backups=100)])
pid = os.fork() if sys.argv[2] == "fork" else 0
for number in range(300):
    logging.info("%d %d", os.getpid(), number)
if pid:
    os.waitpid(pid, 0)
"""


def test_processes_that_rotate_at_once_lose_no_line(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "shop.log"
    command = [sys.executable, "-c", PROGRAM, str(path)]
    processes = [subprocess.Popen([*command, how]) for how in ("plain", "plain", "fork")]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    told: dict[str, list[int]] = {}
    for file in path.parent.iterdir():
        for line in file.read_text().splitlines():
            pid, number = line.split()
            assert f"-{pid}." in file.name, "a process wrote into the file of another"
            told.setdefault(pid, []).append(int(number))
        assert file.stat().st_size <= 2000
    assert {pid: sorted(numbers) for pid, numbers in told.items()} == {pid: list(range(300)) for pid in told}
    assert len(told) == 4


def test_files_of_ended_processes_are_kept_for_a_while(tmp_path: Path) -> None:
    host = socket.gethostname().replace("-", "_").replace(".", "_")
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    alive = tmp_path / f"shop.{host}-{os.getppid()}.log"
    strange = tmp_path / f"shop.elsewhere-{ended.pid}.log"
    # Processes of higher numbers than there can be.
    gone = [tmp_path / f"shop.{host}-{2**22 + number}.log" for number in range(4)]
    for age, file in enumerate((alive, strange, *gone)):
        file.write_text("x")
        os.utime(file, (1_000_000 + age, 1_000_000 + age))
    gone[0].with_name(gone[0].name + ".1").write_text("x")
    os.utime(gone[0].with_name(gone[0].name + ".1"), (1, 1))
    handler = ProcessFileHandler(tmp_path / "shop.log", gone=2)
    handler.handle(logging.makeLogRecord({"msg": "hello"}))
    handler.close()
    left = {file.name for file in tmp_path.iterdir()}
    own = f"shop.{host}-{os.getpid()}.log"
    assert left == {alive.name, strange.name, gone[2].name, gone[3].name, own}
