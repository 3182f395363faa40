"""The demo from its start to its verdict."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hourbell.demo.database import DemoDatabase, throwaway_database
from hourbell.demo.invitation import greeting, invitation
from hourbell.demo.journal import FOLDER_VARIABLE
from hourbell.demo.server import Server, free_port
from hourbell.demo.show import Show
from hourbell.demo.stopping import StopRequests, stop_requests
from hourbell.demo.verdict import Verdict
from hourbell.settings import PREFIX
from hourbell.testing.postgres_server import PostgresUnavailable

if TYPE_CHECKING:
    from hourbell.demo.screen import Screen

_DEFAULT_PORT = 8000


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """``seconds``  end by itself after so many. ``port``  None: 8000, or any free one when that is taken.

    ``processes``  how many uvicorn starts. ``postgres``  a throw-away server instead of an SQLite file.
    """

    postgres: bool = False
    seconds: float | None = None
    port: int | None = None
    processes: int = 4

    def run(self, screen: Screen) -> int:
        """Run it until it ends, and answer the exit code: 0 when something ran and every fire had one run."""
        wanted = self.port or _DEFAULT_PORT
        port = free_port(wanted)
        if port is None or self.port not in (None, port):
            screen.line(f"Port {wanted} is taken. Choose another one: --port {wanted + 1}")
            return 1
        folder = Path(tempfile.mkdtemp(prefix="hourbell-demo-"))
        verdict = None
        try:
            with stop_requests() as stop:
                verdict = self._perform(folder, port, screen, stop)
        finally:
            if verdict is None or not verdict.worth_a_look:
                shutil.rmtree(folder, ignore_errors=True)
        for line in verdict.lines(folder):
            screen.paragraph(line)
        return verdict.exit_code

    def _perform(self, folder: Path, port: int, screen: Screen, stop: StopRequests) -> Verdict:
        try:
            with throwaway_database(folder, postgres=self.postgres) as database:
                for line in greeting(database, self.processes):
                    screen.line(line)
                return self._serve(folder, database, port, screen, stop)
        except PostgresUnavailable as problem:
            return Verdict(problem=str(problem))

    def _serve(self, folder: Path, database: DemoDatabase, port: int, screen: Screen, stop: StopRequests) -> Verdict:
        environment = _environment(folder, database)
        with Server(port=port, processes=self.processes, folder=folder, environment=environment) as server:
            show = Show(server, folder, screen, stop)
            witness = show.opened()
            if witness is None:
                show.close(None)
                return Verdict(problem="Stopped." if stop.asked else "The application did not start: see above.")
            for line in invitation(port, self.processes, endless=self.seconds is None):
                screen.line(line)
            show.watch(witness, self.seconds)
            died = not server.running
            tidy = show.close(witness)
        problem = "uvicorn ended by itself: see above." if died else "" if tidy else "A process had to be killed."
        return Verdict(
            counts=witness.final_counts(),
            processes=len(witness.processes),
            problem=problem,
        )


def _environment(folder: Path, database: DemoDatabase) -> dict[str, str]:
    """Ours, but for settings of Hourbell that are meant for another application."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return {**own, FOLDER_VARIABLE: str(folder), f"{PREFIX}DATABASE_URL": database.url}
