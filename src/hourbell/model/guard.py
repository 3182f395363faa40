"""A guard: a name that one holder at a time has, for as long as its lease, and what was made of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from zoneinfo import ZoneInfo

    from hourbell.model.period import Period


class GuardKind(StrEnum):
    """``once`` ends as done, and is not taken again within its period; ``lock`` ends free."""

    ONCE = "once"
    LOCK = "lock"


class GuardState(StrEnum):
    """Where a guard stands. Failed and free may be taken at once, held when its lease is over, done when it expired."""

    HELD = "held"
    FREE = "free"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """A guard as it was read from the store. Instants are aware UTC.

    ``owner``  whoever took it last, a name that is never used again. ``fence``  rises with each taking and never falls,
    also when the row was forgotten meanwhile. ``result``  the JSON text that its last holder left. ``expires_at``  from
    when on its end counts no more, and the row may be deleted; None: never.
    """

    kind: GuardKind
    name: str
    period: str
    state: GuardState
    owner: str
    fence: int
    lease_until: datetime
    taken_at: datetime
    ended_at: datetime | None = None
    expires_at: datetime | None = None
    result: str | None = None
    error: str | None = None

    def is_held_by(self, owner: str) -> bool:
        """True when this is what that owner has taken."""
        return self.state is GuardState.HELD and self.owner == owner


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardWish:
    """What somebody wants to hold.

    ``label``  the period's, where it is known already; else it is that of ``instant``, or of the database's present
    when there is none, in ``zone``. ``keep``  for how long a guard whose holder vanished is remembered at the least.
    """

    kind: GuardKind
    name: str
    owner: str
    period: Period
    zone: ZoneInfo
    lease: timedelta
    keep: timedelta
    label: str | None = None
    instant: datetime | None = None

    def label_at(self, now: datetime | None) -> str | None:
        """The label, as far as it can be told without the present."""
        if self.label is not None or now is None:
            return self.label
        return self.period.label(now, self.zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardHold:
    """Somebody's right to a guard, as each statement names it."""

    kind: GuardKind
    name: str
    period: str
    owner: str
    fence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardEnd:
    """How a holder leaves its guard. ``keep``  for how long that is remembered; None: always."""

    hold: GuardHold
    state: GuardState
    keep: timedelta | None
    result: str | None = None
    error: str | None = None
