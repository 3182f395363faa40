"""What becomes of wall-clock times that a change of the clock skips or repeats.

The default is what Debian's cron(8) documents: changes of up to three hours are taken for daylight saving, and
jobs that run at given times run once over them, while jobs whose minute or hour begins with `*` just follow the
wall clock. Larger changes are corrections of the clock, and everything follows the wall clock then.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, cast, get_args

from hourbell.errors import TriggerError
from hourbell.triggers.spec import shown

if TYPE_CHECKING:
    from hourbell.triggers.offsets import OffsetChange

Gap = Literal["next_valid", "skip"]
"""A time that does not exist: runs at the first instant after the gap (once for all of them), or not at all."""

Fold = Literal["first", "second", "both"]
"""A time that exists twice: runs at its first occurrence, at its second, or at both."""

LARGEST_DST_CHANGE = timedelta(hours=3)


@dataclass(frozen=True, slots=True)
class DstPolicy:
    """What one trigger does about skipped and repeated times."""

    gap: Gap
    fold: Fold

    def over(self, change: OffsetChange) -> DstPolicy:
        """What holds at this change: a change of more than three hours is no daylight saving."""
        return FOLLOW if change.size > LARGEST_DST_CHANGE else self


FOLLOW = DstPolicy(gap="skip", fold="both")
"""Follow the wall clock: run whenever it shows a matching time."""

RUN_ONCE = DstPolicy(gap="next_valid", fold="first")
"""Every matching time of the calendar runs once, whatever the clock did."""


def dst_policy(*, follows_wall_clock: bool, gap: Gap | None, fold: Fold | None) -> DstPolicy:
    """The default for this sort of expression, with what was given in its place."""
    default = FOLLOW if follows_wall_clock else RUN_ONCE
    return DstPolicy(gap=gap or default.gap, fold=fold or default.fold)


def read_gap(value: object) -> Gap | None:
    """The value as a gap policy.

    Raises:
        TriggerError: when it is none.
    """
    _check_choice("gap", value, get_args(Gap))
    return cast("Gap | None", value)


def read_fold(value: object) -> Fold | None:
    """The value as a fold policy.

    Raises:
        TriggerError: when it is none.
    """
    _check_choice("fold", value, get_args(Fold))
    return cast("Fold | None", value)


def _check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    if value is None or (isinstance(value, str) and value in choices):
        return
    told = f"{name} must be one of {', '.join(map(repr, choices))} or None, not {shown(value)}"
    raise TriggerError(told, place=(name,))
