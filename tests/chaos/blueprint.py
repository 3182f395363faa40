"""What the application under test is made of: written by a scenario, read by each of its processes."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

VARIABLE = "CHAOS_BLUEPRINT"
# Linux allows 128 kB for one.
_LONGEST = 100_000


@dataclass(frozen=True, kw_only=True)
class Planned:
    """One schedule that the application declares. Either ``seconds`` (an interval) or ``cron`` in a time zone."""

    id: str
    body: str = "quick"
    seconds: float | None = 1.0
    cron: str | None = None
    timezone: str | None = None
    gap: Any = None
    fold: Any = None
    start: str | None = None
    end: str | None = None
    args: Mapping[str, Any] = field(default_factory=dict)
    policies: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Blueprint:
    """One application.

    ``ledger``  the folder where bodies write what they did. ``settings``  keywords of the scheduler.
    ``waiters``  further tasks by name, whose bodies sleep for a while, with their concurrency.
    ``bad``  it has bodies that no application should have, too.
    ``writers``  it has bodies that write into a table of its own. ``is_open``  everybody may write over REST.
    ``plain``  the same application without a scheduler. ``deaf``  hints never arrive. ``far``  no process says which it
    is, as if each were on a machine of its own: what it runs is taken over when its lease has ended, and not before.
    ``skew``  the clock of its host is wrong by so many seconds. ``shifted``  the database's clock is off by what the
    file ``clock`` in the ledger's folder says.
    ``freeze_after``  name of a statement: the process stops itself right after it, once, when it finds the file
    ``freeze`` in the ledger's folder. ``freeze_unsynced``: it first announces a further statement and never sends it,
    so that the server does not count the session as idle in its transaction.
    """

    database: str
    ledger: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    schedules: Sequence[Planned] = ()
    waiters: Mapping[str, int | None] = field(default_factory=dict)
    plain: bool = False
    bad: bool = False
    writers: bool = False
    is_open: bool = False
    deaf: bool = False
    far: bool = False
    skew: float = 0.0
    shifted: bool = False
    freeze_after: str | None = None
    freeze_unsynced: bool = False

    def environment(self) -> dict[str, str]:
        """The blueprint as a variable of a process: whole, or where it is too long for one, by its file."""
        said = json.dumps(asdict(self))
        if len(said) > _LONGEST:
            file = Path(self.ledger) / f"blueprint-{zlib.crc32(said.encode())}.json"
            file.write_text(said)
            said = json.dumps(str(file))
        return {VARIABLE: said}

    @classmethod
    def found(cls) -> Blueprint:
        """The blueprint that this process was started with."""
        said = json.loads(os.environ[VARIABLE])
        if isinstance(said, str):
            said = json.loads(Path(said).read_text())
        return cls(**{**said, "schedules": [Planned(**one) for one in said["schedules"]]})

    def having(self, **changes: Any) -> Blueprint:
        """The same application with something changed."""
        return replace(self, **changes)

    @property
    def clock_file(self) -> Path | None:
        return Path(self.ledger) / "clock" if self.shifted else None

    @property
    def freeze_file(self) -> Path:
        return Path(self.ledger) / "freeze"
