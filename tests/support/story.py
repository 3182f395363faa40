"""A page of the documentation, done as a reader would do it: files written, commands run, answers compared."""

from __future__ import annotations

import os
import re
import runpy
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from functools import partial
from pathlib import Path

from support.pages import ROOT, Block

PATIENCE = 60.0
_BIN = Path(sys.executable).parent
# How a place is made to work in; tests/docs/test_front_door.py does these for real.
_OF_A_RUN = re.compile(
    r"^.*\brun \S+ of \S+ failed: .*\nTraceback"
    r"|^(The above exception was the direct cause|During handling of the above exception).*\n\nTraceback",
    re.MULTILINE,
)
# A single process says the first before it listens, and a parent of many says the second before they have started.
_UP, _LISTENS = "Application startup complete", "Uvicorn running on"
_TAKEN = "address already in use"
_SETTING_UP = ("python3 -m venv ", ". .venv/bin/activate", "pip install .")


class Story:
    """One folder, one server at a time, on a port of its own in place of 8000."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = _free_port()
        self._server: subprocess.Popen[bytes] | None = None
        self._output = folder / "server-output.txt"
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("HOURBELL_")}
        self._environment |= {"PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1", "COLUMNS": "200"}
        self._environment.pop("DATABASE_URL", None)
        self._ids: dict[str, str] = {}

    def play(self, block: Block) -> None:
        """Do what the block says. Fails when it cannot be done, or something else comes of it."""
        if block.language == "python":
            self._python(block)
        elif block.language == "sh":
            for command in block.text.splitlines():
                self.run(command)
        elif block.language == "console":
            for command, expected in _exchanges(block.text):
                self.run(command, expected)
        else:
            assert block.language == "text", f"nobody knows how to do a block of {block.language!r}"

    def run(self, command: str, expected: str = "") -> None:
        """Run one command, and compare what it says; ``…`` stands for anything."""
        for shown, real in self._ids.items():
            command = command.replace(shown, real)
        words = shlex.split(command, comments=True)
        if command.startswith(_SETTING_UP):
            return
        if words[0] == "uvicorn":
            self._serve(words, expected)
        elif words[0] == "curl":
            said = self._request(words[1:])
            _compare(command, said, expected)
            # A page goes on with the ids that it shows, the reader with those that were answered.
            self._ids |= dict(zip(_MADE_ID.findall(expected), _MADE_ID.findall(said), strict=False))
        elif words[:2] == ["python3", "dev.py"]:
            _known_to_dev_py(words[2])
        else:
            _compare(command, self._call(words), expected)

    def close(self) -> None:
        """Stop the server, which must end in peace."""
        if self._server is None:
            return
        self._server.send_signal(signal.SIGINT)
        try:
            code = self._server.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()
            raise
        finally:
            self._server = None
        said = self._output.read_text(encoding="utf-8")
        assert code == 0, said
        # What a body raised is told with its traceback; whether it should have raised, its page says.
        assert "Traceback" not in _OF_A_RUN.sub("", said), said

    def _python(self, block: Block) -> None:
        if block.file_name is not None:
            (self._folder / block.file_name).write_text(block.text, encoding="utf-8")
            return
        script = self._folder / "block.py"
        script.write_text(block.text, encoding="utf-8")
        self._call(["python", script.name])

    def _call(self, words: list[str]) -> str:
        if words[0] == "python":
            program = sys.executable
        else:
            assert words[0] == "hourbell", f"nobody knows how to run {words[0]!r}"
            program = str(_BIN / "hourbell")
        arguments = [*words[1:], *(["--seconds", "3"] if words[:2] == ["hourbell", "demo"] else [])]
        done = subprocess.run(
            [program, *arguments],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            encoding="utf-8",
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}{done.stderr}"
        return done.stdout

    def _serve(self, words: list[str], expected: str) -> None:
        self.close()
        self._start(words)
        wanted = int(words[words.index("--workers") + 1]) if "--workers" in words else 1
        if not self._comes_up(wanted) and _TAKEN in self._output.read_text(encoding="utf-8"):
            # Somebody else's connection has the port by now that was free when this story began.
            self._port = _free_port()
            self._start(words)
        self._until(partial(_is_up, wanted))
        if expected:
            self._until(lambda said: _pattern(expected).search(_plain(said)))

    def _start(self, words: list[str]) -> None:
        with self._output.open("wb") as output:
            self._server = subprocess.Popen(
                [sys.executable, "-m", *words, "--port", str(self._port)],
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def _comes_up(self, workers: int) -> bool:
        """Wait until the server is up, or has ended."""
        assert self._server is not None
        deadline = time.monotonic() + PATIENCE
        while not _is_up(workers, self._output.read_text(encoding="utf-8")):
            if time.monotonic() > deadline or self._server.poll() is not None:
                return False
            time.sleep(0.05)
        return True

    def _until(self, found: object) -> None:
        assert callable(found)
        assert self._server is not None
        deadline = time.monotonic() + PATIENCE
        while not found(self._output.read_text(encoding="utf-8")):
            late = time.monotonic() > deadline or self._server.poll() is not None
            assert not late, self._output.read_text(encoding="utf-8")
            time.sleep(0.05)

    def _request(self, words: list[str]) -> str:
        method = "GET"
        headers: dict[str, str] = {}
        body: bytes | None = None
        addresses: list[str] = []
        given = iter(words)
        for option in given:
            if not option.startswith("-"):
                addresses.append(option)
                continue
            value = next(given)
            if option == "-X":
                method = value
            elif option == "-d":
                body = value.encode()
            else:
                assert option == "-H", f"nobody knows what curl {option} is to do"
                name, _, text = value.partition(": ")
                headers[name] = text
        (address,) = addresses
        assert address.startswith("localhost:8000/"), address
        address = address.replace("localhost:8000", f"http://127.0.0.1:{self._port}")
        try:
            request = urllib.request.Request(address, body, method=method, headers=headers)
            with urllib.request.urlopen(request, timeout=PATIENCE) as response:
                return str(response.read().decode())
        except urllib.error.HTTPError as refusal:
            raise AssertionError(f"{method} {address}: {refusal.code} {refusal.read().decode()}") from None


def _is_up(workers: int, said: str) -> bool:
    return _LISTENS in said and said.count(_UP) >= workers


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _exchanges(text: str) -> list[tuple[str, str]]:
    """Commands after ``$``, each with the lines that are said to answer it."""
    found: list[tuple[str, str]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], ""))
        else:
            assert found, f"an answer to nothing: {line!r}"
            found[-1] = (found[-1][0], f"{found[-1][1]}{line}\n")
    return found


_MADE_ID = re.compile(r"~[0-9a-f]{12}\b")
_VARYING = (
    (_MADE_ID, "~<id>"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"), "<instant>"),
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "<run>"),
    (re.compile(r"\b[0-9a-f]{16}\b"), "<node>"),
    # Columns may be as wide as they are.
    (re.compile(r"[ \t]+"), " "),
)


def _plain(text: str) -> str:
    """The text without what is different each time: a page shows instants and ids as they were once."""
    for varying, name in _VARYING:
        text = varying.sub(name, text)
    return text.strip() + "\n"


def _pattern(expected: str) -> re.Pattern[str]:
    """``…`` in a line stands for anything in that line; alone, for any number of lines."""
    lines = []
    for line in _plain(expected).splitlines():
        if line.strip() == "…":
            lines.append(r"(?:.*\n)*?")
        else:
            lines.append(" ?" + ".*".join(map(re.escape, re.split(r" ?… ?", line.strip()))) + r" ?\n")
    return re.compile("".join(lines))


def _compare(command: str, said: str, expected: str) -> None:
    if expected:
        assert _pattern(expected).fullmatch(_plain(said)), f"$ {command}\n{said}\nbut the page has\n{expected}"


def _known_to_dev_py(command: str) -> None:
    """These would run this very test. CI runs them as they stand, and each can be asked for its help."""
    commands = runpy.run_path(str(ROOT / "dev.py"))["COMMANDS"]
    assert command in commands, f"dev.py knows no command {command!r}"
