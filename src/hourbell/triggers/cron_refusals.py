"""Refusing a cron expression: every message shows the expression with a caret under the place that is wrong."""

from __future__ import annotations

from hourbell.errors import TriggerError


def refusal(expr: str, start: int, length: int, what: str) -> TriggerError:
    """The error for the `length` characters from `start` (counted from 0) of the expression."""
    shown = "".join(char if " " <= char <= "~" else ("?" if char != "\t" else " ") for char in expr)
    return TriggerError(f"{what} (column {start + 1})\n    {shown}\n    {' ' * start}{'^' * max(1, length)}")
