"""Refusing a cron expression: every message shows the expression with a caret under the place that is wrong."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hourbell.errors import TriggerError
from hourbell.triggers.cron_fields import DAY_OF_MONTH, DAY_OF_WEEK

if TYPE_CHECKING:
    from hourbell.triggers.cron_fields import FieldKind

_WORKDAY = re.compile(r"(?:[0-9]{1,2}|L)?W(?P<after>[0-9]{1,2})?|[0-9]{1,2}-[0-9]{1,2}W|L-[0-9]{1,2}W", re.IGNORECASE)
_LAST = re.compile(r"[0-9A-Z]{0,3}L(?P<after>[0-9]|[A-Z]{3})?(?:-[0-9]{1,2})?", re.IGNORECASE)
_NTH_LAST = re.compile(r"(?P<weekday>[0-9]|[A-Z]{3})#(?:-1|L|LAST)", re.IGNORECASE)


def refusal(expr: str, start: int, length: int, what: str) -> TriggerError:
    """The error for the `length` characters from `start` (counted from 0) of the expression."""
    shown = "".join(char if " " <= char <= "~" else ("?" if char != "\t" else " ") for char in expr)
    return TriggerError(f"{what} (column {start + 1})\n    {shown}\n    {' ' * start}{'^' * max(1, length)}")


def misplaced(piece: str, kind: FieldKind) -> str | None:
    """Where this piece belongs, or what was meant by it, when it is one of the special signs in a wrong place."""
    if "?" in piece:
        return "? stands alone, for every day, in the day of month or the day of week"
    if "#" in piece:
        return _about_nth(piece, kind)
    if piece.startswith("+"):
        return "+ stands before the day of week, as in +FRI: then both day fields must match"
    if (match := _WORKDAY.fullmatch(piece)) is not None:
        return _about_workdays(match, kind)
    if (match := _LAST.fullmatch(piece)) is not None:
        return _about_last(match, kind)
    if "(" in piece or ")" in piece:
        return "a range for the hash is written H(0-29)"
    return None


def _about_nth(piece: str, kind: FieldKind) -> str:
    if kind is not DAY_OF_WEEK:
        return "# (FRI#2, the second Friday of the month) stands in the day of week only"
    match = _NTH_LAST.fullmatch(piece)
    if match is not None:
        return f"for the last one write {match['weekday'].upper()}L"
    return "# stands behind one weekday, as in FRI#2, the second Friday of the month"


def _about_workdays(match: re.Match[str], kind: FieldKind) -> str:
    if kind is not DAY_OF_MONTH:
        return "W (15W, the weekday nearest to the 15th) stands in the day of month only"
    if match["after"] is not None:
        return f"did you mean {match['after']}W?"
    return "W stands behind one day, as in 15W, the weekday nearest to the 15th, or LW, the last one"


def _about_last(match: re.Match[str], kind: FieldKind) -> str | None:
    after = match["after"]
    if kind is DAY_OF_WEEK:
        if after is not None:
            return f"did you mean {after.upper()}L, the last one of the month?"
        return "L stands behind a weekday, as in FRIL, the last Friday; the last day of the month is L in day of month"
    if kind is DAY_OF_MONTH:
        return "L stands alone (the last day) or as L-2 (two days before); the last Friday is FRIL in day of week"
    if kind.names and after is None and len(match[0]) > 1:
        return None
    return "L (the last day of the month, or FRIL, the last Friday) stands in the day fields only"
