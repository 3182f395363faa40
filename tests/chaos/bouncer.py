"""PgBouncer in transaction mode before the site's server: found, started, told what to do, gone with the scenario."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from .fleet import Fleet, free_port, until
from .site import NotRun, Site

PROGRAM = "pgbouncer"
_PLACES = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"))
_CONSOLE_USER = "keeper"


def find() -> str | None:
    """Where the program is; Debian keeps it where only the path of root looks."""
    return shutil.which(PROGRAM, path=_PLACES)


def version(program: str) -> tuple[int, ...]:
    """Of the program, such as (1, 18, 0)."""
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(map(int, said.split()[1].split(".")))


@dataclass
class Bouncer:
    """One PgBouncer. ``url`` is the site's database behind it."""

    program: str
    folder: Path
    site: Site
    port: int

    @property
    def url(self) -> str:
        parts = urlsplit(self.site.url)
        return urlunsplit(parts._replace(netloc=f"{parts.username}@127.0.0.1:{self.port}"))

    def start(self, fleet: Fleet, settings: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """Start it, and see to it that it does not outlive the scenario."""
        self._configure(settings)
        owner = pwd.getpwnam("nobody") if os.geteuid() == 0 else None  # it does not run as root
        if owner is not None:
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        process = subprocess.Popen(
            [self.program, str(self.folder / "pgbouncer.ini")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            user=owner.pw_uid if owner is not None else None,
            group=owner.pw_gid if owner is not None else None,
            extra_groups=[] if owner is not None else None,
        )
        fleet.adopt(process)
        return process

    async def up(self) -> None:
        """Wait until it accepts connections. Raises TimeoutError."""

        def is_up() -> bool:
            return "listening on" in self.log()

        await until(is_up, f"PgBouncer listens:\n{self.log()}", patience=20)

    async def tell(self, command: str) -> None:
        """A command of its console, such as RECONNECT. Raises asyncpg.PostgresError when it refuses."""
        connection = await asyncpg.connect(
            host="127.0.0.1", port=self.port, user=_CONSOLE_USER, database="pgbouncer", timeout=10, ssl=False
        )
        try:
            # The console knows whole texts only, no prepared statements.
            await connection.execute(command, timeout=10)
        except asyncpg.PostgresError as error:
            if "already" not in str(error) and "not paused" not in str(error):
                raise
        finally:
            connection.terminate()

    def log(self) -> str:
        """All that it has said."""
        file = self.folder / "pgbouncer.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def _configure(self, settings: Mapping[str, str]) -> None:
        parts = urlsplit(self.site.url)
        values = {
            "listen_addr": "127.0.0.1",
            "listen_port": str(self.port),
            "unix_socket_dir": "",
            "auth_type": "any",
            "admin_users": _CONSOLE_USER,
            "pool_mode": "transaction",
            "logfile": str(self.folder / "pgbouncer.log"),
            "pidfile": str(self.folder / "pgbouncer.pid"),
            "max_client_conn": "500",
            "default_pool_size": "10",
            # Its own rest after a connection that it cut while it was being made; 15 s unless told otherwise.
            "server_login_retry": "1",
            **settings,
        }
        database = parts.path.lstrip("/")
        lines = ["[databases]", f"{database} = host={parts.hostname} port={parts.port} user={parts.username}"]
        lines += ["[pgbouncer]", *(f"{name} = {value}" for name, value in values.items())]
        (self.folder / "pgbouncer.ini").write_text("\n".join(lines) + "\n")


@asynccontextmanager
async def bouncing(site: Site, settings: Mapping[str, str] | None = None) -> AsyncIterator[Bouncer]:
    """A PgBouncer before the site's server. Raises NotRun where there is none on this machine."""
    program = find()
    if program is None:
        raise NotRun("PgBouncer is missing: no program `pgbouncer` was found")
    with tempfile.TemporaryDirectory(prefix="hourbell-bouncer-") as name, Fleet(site.folder) as fleet:
        bouncer = Bouncer(program, Path(name), site, free_port())
        bouncer.start(fleet, settings or {})
        await bouncer.up()
        yield bouncer
