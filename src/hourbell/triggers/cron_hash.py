"""`H` in an expression: a value that is hashed from the schedule's id, so that many schedules spread themselves."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from hourbell.errors import TriggerError
from hourbell.triggers.spec import shown

if TYPE_CHECKING:
    from datetime import datetime

_LONGEST_ID = 200

# As many tries as there are pairs of a day and a month.
MOST_TRIES = 31 * 12


@dataclass(frozen=True, slots=True)
class HashSource:
    """What the choices of an expression are made from. The same id makes the same choices in every version.

    `attempt` moves on when what was chosen before never comes, such as the 30th of February.
    """

    schedule_id: str
    attempt: int = 0

    def number(self, field_name: str) -> int:
        """The number for a field, to be taken modulo the count of what there is to choose from."""
        text = f"{field_name}\n{self.schedule_id}".encode("utf-8", "surrogatepass")
        number = int.from_bytes(hashlib.sha256(text).digest()[:8], "big")
        # So that every pair of two of them comes up within the tries.
        shifts = {
            "day of month": self.attempt % 31,
            "month": self.attempt // 31,
            "day of week": self.attempt % 7,
        }
        return number + shifts.get(field_name, 0)


@dataclass(frozen=True, slots=True)
class UnboundRule:
    """What an expression with an `H` answers while no schedule's id is known: that it cannot tell."""

    expr: str

    def next_after(self, instant: datetime) -> datetime | None:
        """Raises TriggerError."""
        self._refuse()

    def prev_before(self, instant: datetime) -> datetime | None:
        """Raises TriggerError."""
        self._refuse()

    def count_between(self, start: datetime, end: datetime, cap: int) -> int:
        """Raises TriggerError."""
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise TriggerError(
            f"{self.expr!r} has no fires yet: H is hashed from the id of its schedule. Ask the stored schedule, or "
            "trigger.bound('the-id')"
        )


def checked_source_id(schedule_id: object) -> str:
    """The id as something to hash.

    Raises:
        TriggerError: when it is no text of 1 to 200 characters.
    """
    if not isinstance(schedule_id, str) or not 0 < len(schedule_id) <= _LONGEST_ID:
        raise TriggerError(f"schedule_id must be text of 1 to {_LONGEST_ID} characters, not {shown(schedule_id)}")
    return schedule_id
