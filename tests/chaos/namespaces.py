"""A network of our own: the server in one namespace, each node in another, a line between them that we hold.

Nothing of it is seen from outside, and all of it goes with the processes that are in it.
"""

from __future__ import annotations

import ctypes
import os
import random
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from .blueprint import Blueprint
from .fleet import Fleet, Group
from .packets import DEVICE, Line, open_interface
from .site import NotRun, Site

TOOLS = ("ip", "nsenter", "unshare")
_NEW_NETWORK = 0x40000000
_OURS = Path("/proc/thread-self/ns/net")


def missing() -> str | None:
    """What this machine lacks for it, in words."""
    if os.geteuid() != 0:
        return "the right to make network namespaces (root)"
    absent = [tool for tool in TOOLS if shutil.which(tool) is None]
    if absent:
        return f"the program {absent[0]}"
    if not DEVICE.exists():
        return str(DEVICE)
    made = subprocess.run(["unshare", "-n", "true"], check=False, capture_output=True)
    return None if made.returncode == 0 else "the right to make network namespaces"


class Network:
    """The lines there are, in the order in which their nodes were started."""

    def __init__(self, site: Site, stack: ExitStack) -> None:
        self._site = site
        self._stack = stack
        self.lines: list[Line] = []
        self.defaults: dict[str, float] = {}

    def start(self, fleet: Fleet, blueprint: Blueprint) -> Group:
        """Start a node in a namespace of its own, whose way to the database is a line of its own."""
        number = len(self.lines) + 1
        holder = subprocess.Popen(["unshare", "-n", "sleep", "infinity"], start_new_session=True)
        fleet.adopt(holder)
        _wait_for_namespace(holder.pid)
        inside = ["nsenter", "-t", str(holder.pid), "-n"]
        server_address, node_address = f"10.200.{number}.1", f"10.200.{number}.2"
        near, far = open_interface(f"db{number}"), open_interface(f"line{number}")
        line = Line(near, far, random.Random(self._site.seed + number), **self.defaults)  # type: ignore[arg-type]
        _run("ip", "link", "set", f"line{number}", "netns", str(holder.pid))
        _run("ip", "address", "add", server_address, "peer", node_address, "dev", f"db{number}")
        _run("ip", "link", "set", f"db{number}", "up")
        _run(*inside, "ip", "link", "set", "lo", "up")
        _run(*inside, "ip", "address", "add", node_address, "peer", server_address, "dev", f"line{number}")
        _run(*inside, "ip", "link", "set", f"line{number}", "up")
        # A second way, which is always good, for the questions of the scenario.
        _run("ip", "link", "add", f"ask{number}", "type", "veth", "peer", "name", "asked", "netns", str(holder.pid))
        _run("ip", "address", "add", f"10.201.{number}.1/24", "dev", f"ask{number}")
        _run("ip", "link", "set", f"ask{number}", "up")
        _run(*inside, "ip", "address", "add", f"10.201.{number}.2/24", "dev", "asked")
        _run(*inside, "ip", "link", "set", "asked", "up")
        self.lines.append(self._stack.enter_context(line))
        parts = urlsplit(self._site.url)
        url = urlunsplit(parts._replace(netloc=f"{parts.username}@{server_address}:{parts.port}"))
        return fleet.start(blueprint.having(database=url), inside=inside, address=f"10.201.{number}.2")


@asynccontextmanager
async def network(site: Site) -> AsyncIterator[Network]:
    """Move this thread and the site's server into a namespace of their own. Raises NotRun where that cannot be."""
    lacking = missing()
    if lacking is not None:
        raise NotRun(f"{lacking} is missing")
    server = site.server
    assert server is not None
    assert server.socket_folder is not None
    with (server.socket_folder / "data" / "pg_hba.conf").open("a") as file:
        file.write("host all all 10.200.0.0/16 trust\n")
    server.stop()
    with _own_namespace(), ExitStack() as stack:
        _run("ip", "link", "set", "lo", "up")
        server._settings["listen_addresses"] = "*"  # of the namespace, which leads nowhere else
        server.start()
        await _answers(site)
        try:
            yield Network(site, stack)
        finally:
            server.stop("immediate")


async def _answers(site: Site) -> None:
    connection = await asyncpg.connect(site.url, timeout=30)
    await connection.close()


@contextmanager
def _own_namespace() -> Iterator[None]:
    """This thread, and what is started from it, in a new network namespace; then back."""
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open(_OURS, os.O_RDONLY)
    try:
        if libc.unshare(_NEW_NETWORK) != 0:
            raise NotRun(f"a network namespace cannot be made: {os.strerror(ctypes.get_errno())}")
        try:
            yield
        finally:
            if libc.setns(before, _NEW_NETWORK) != 0:
                raise OSError(ctypes.get_errno(), "the thread does not come back into its network namespace")
    finally:
        os.close(before)


def _wait_for_namespace(pid: int) -> None:
    """Until the process has come into its own namespace."""
    ours = _OURS.readlink()
    for _ in range(1000):
        if Path(f"/proc/{pid}/ns/net").readlink() != ours:
            return
        # A moment, in which nothing else has to happen.
        subprocess.run(["sleep", "0.01"], check=True)
    raise TimeoutError("no network namespace was made within 10 s")


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
